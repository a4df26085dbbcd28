"""A training that came to no number records nothing; a length no base can read is refused."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from trainer_worlds import copied, learnable, opened

from db.errors import BadInput, Diverged
from db.models import Checkpoint
from db.session import Database
from trainer import steps
from trainer.bases import build_tiny, require_positions
from trainer.export.selection import ExportOptions
from trainer.policy import PolicyOptions
from trainer.settings import TrainerSettings


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    with opened(empty_world) as database:
        learnable(database, 40)
        steps.export(database, empty_world / "set", ExportOptions(validation=0, test=0))
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def settings(tmp_path: Path, **more: object) -> TrainerSettings:
    given = {"base": "tiny", "epochs": 2, "max_length": 64, "warmup": 0.0} | more
    return TrainerSettings(folder=tmp_path / "checkpoints", **given)


@pytest.mark.parametrize("method", [None, "sft", "ppo"])
def test_a_diverged_run_records_nothing(
    exported: Database, tmp_path: Path, method: str | None
) -> None:
    wild = settings(tmp_path, learning_rate=1e30)
    if method == "ppo":
        steps.train_reward(exported, settings(tmp_path, epochs=1))

    def train() -> None:
        if method is None:
            steps.train_reward(exported, wild)
        else:
            options = PolicyOptions(method, response_tokens=4, updates=3)
            steps.train_policy(exported, wild, options)

    with pytest.raises(Diverged, match=r"diverged.*nothing was recorded.*lower learning_rate"):
        train()
    with exported.read() as session:
        kept = session.scalar(select(func.count()).select_from(Checkpoint))
    assert kept == (1 if method == "ppo" else 0)
    assert not list((tmp_path / "checkpoints").glob(".*.partial"))  # nothing to go on from


def test_a_length_beyond_the_positions_is_refused(tmp_path: Path) -> None:
    build_tiny(["rivers run"], tmp_path)
    require_positions(str(tmp_path), "b", 4096)
    with pytest.raises(BadInput, match="max_length 4097 is more than the 4096 positions of base"):
        require_positions(str(tmp_path), "b", 4097)
    with pytest.raises(BadInput, match=r"and 128 tokens to be written .* to 3968 or less"):
        require_positions(str(tmp_path), "b", 4096, 128)
    # RoBERTa's positions begin after its padding: 514 of them read 512 tokens.
    config = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    require_positions(str(tmp_path), "b", 512)
    with pytest.raises(BadInput, match="512 positions"):
        require_positions(str(tmp_path), "b", 513)


def test_training_looks_at_the_length_first(exported: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="max_length 5000 is more than the 4096 positions"):
        steps.train_reward(exported, settings(tmp_path, max_length=5000))
