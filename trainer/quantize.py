"""Smaller, faster copies of a checkpoint."""

from pathlib import Path
from typing import Any


def load_scorer(folder: Path, metadata: dict[str, Any]) -> tuple[Any, Any]:
    """Model and tokenizer of a reward checkpoint, ready to score."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    return model.eval().to(device), AutoTokenizer.from_pretrained(folder)
