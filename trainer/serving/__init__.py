"""Scores over HTTP, and smaller copies of a model."""
