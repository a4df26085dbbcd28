"""Datasets: which labels, which split, which files."""
