"""The diversity of what a reward model likes: a planted fall rings, steady responses do not."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from trainer_worlds import add_pair

from app.pipeline.diversity import compare, watch_diversity
from db.models import Candidate, Checkpoint
from db.session import Database
from db.types import now
from db.vocabulary import CheckpointKind
from trainer.workspace import METADATA

WEEK = 120  # pairs of each week, two responses each
PRAISE = "what a great question let me think step by step certainly "


def arrive(database: Database, gamed: bool) -> None:
    """A week that is over and a new one, of random words; `gamed`: all the new begin alike."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(200)]
    with database.begin() as session:
        for number in range(2 * WEEK):
            new = number >= WEEK
            a, b = (" ".join(rng.choice(words, 20)) for _ in range(2))
            lead = PRAISE if new and gamed else ""
            add_pair(session, f"question {number}", lead + a, lead + b)
        for candidate in session.query(Candidate).where(Candidate.prompt_id <= WEEK):
            candidate.created_at = now() - timedelta(days=7)


def in_production(database: Database, folder: Path) -> None:
    """A tiny reward model of random weights: whatever it likes is a random half."""
    from trainer.bases import build_tiny, load_classifier, load_tokenizer
    from trainer.settings import TrainerSettings

    build_tiny([PRAISE], folder / "base")
    tokenizer = load_tokenizer(str(folder / "base"))
    load_classifier(str(folder / "base"), 1, tokenizer, TrainerSettings()).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    metadata = {"kind": "reward", "max_length": 64, "temperature": 1.0}
    (folder / METADATA).write_text(json.dumps(metadata))
    with database.begin() as session:
        session.add(
            Checkpoint(
                name="r",
                kind=CheckpointKind.REWARD,
                path=str(folder),
                content_hash="0" * 64,
                base="tiny",
                settings={},
                metrics={},
                generation=1,
                active_at=now(),
            )
        )


@pytest.mark.parametrize("gamed", [True, False])
def test_only_a_planted_fall_rings(database: Database, tmp_path: Path, gamed: bool) -> None:
    boundary = now() - timedelta(days=1)
    assert "no reward model is in production" in watch_diversity(database, boundary).line
    in_production(database, tmp_path / "r")
    assert "0 responses came before or since" in watch_diversity(database, boundary).line
    arrive(database, gamed)
    found = watch_diversity(database, boundary)
    assert (found.alarm is not None) == gamed, found.line
    assert found.line.startswith("distinctness of high-scoring responses")


def test_a_model_that_is_gone_stops_no_cycle(database: Database, tmp_path: Path) -> None:
    in_production(database, tmp_path / "r")
    arrive(database, gamed=True)
    (tmp_path / "r" / METADATA).unlink()
    found = watch_diversity(database, now() - timedelta(days=1))
    assert found.alarm is None
    assert "reward model 'r' does not score here" in found.line


def test_equal_texts_before_and_now_change_nothing() -> None:
    texts = [f"alpha{i % 60} beta{i % 60} gamma" for i in range(120)]
    found = compare(texts, np.arange(120), np.arange(120) >= 60)
    assert found.alarm is None
    then, now_ = (float(word) for word in found.line.split() if word[0] == "0")
    assert then == now_
