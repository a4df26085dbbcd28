"""Settings reach the trainers, a kill costs little, and an adapter is kept beside its merge."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainer_worlds import copied, learnable, opened

from db.errors import BadInput
from db.session import Database
from trainer import steps
from trainer.bases import build_tiny
from trainer.export.selection import ExportOptions
from trainer.policy import PolicyOptions
from trainer.recorded_training import TrainDone
from trainer.serving.scoring import RewardScorer
from trainer.settings import TrainerSettings


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    """About 130 rows to train on and 30 to validate, and a base stored in 16 bits."""
    import torch
    from transformers import AutoModelForCausalLM

    with opened(empty_world) as database:
        learnable(database, 160)
        done = steps.export(database, empty_world / "set", ExportOptions(validation=0.2, test=0))
        assert done.rows["validation"] > 10
    build_tiny(["exact honest rivers", "Tell me about bread number 1"], empty_world / "base")
    model = AutoModelForCausalLM.from_pretrained(empty_world / "base", dtype=torch.bfloat16)
    model.save_pretrained(empty_world / "base")
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def settings(folder: Path, **more: object) -> TrainerSettings:
    given = {"base": "tiny", "judge_base": "tiny", "epochs": 1, "max_length": 96, "batch_size": 8}
    return TrainerSettings(folder=folder / "checkpoints", **given | more)


def told(done: TrainDone) -> dict:
    return json.loads((Path(done.path) / "metadata.json").read_text())


def stored(folder: Path) -> set[str]:
    """Precisions of the weights in a folder."""
    from safetensors.torch import load_file

    return {str(weight.dtype) for weight in load_file(folder / "model.safetensors").values()}


def test_settings_reach_the_trainer(exported: Database, tmp_path: Path) -> None:
    done = steps.train_reward(
        exported,
        settings(
            tmp_path, dtype="bfloat16", attention="eager", activation_checkpointing=True,
            optimizer="adafactor", scheduler="constant", warmup=0, gradient_accumulation=2,
            log_every=2, evaluate_every=3, learning_rate=1e-3,
        ),
    )  # fmt: skip
    curve, recipe = told(done)["curve"], told(done)["recipe"]
    assert {p["step"] for p in curve if "eval_loss" in p} >= {3, 6}
    assert {p["step"] for p in curve if "loss" in p} >= {2, 4, 6}
    assert {p["learning_rate"] for p in curve if "loss" in p} == {1e-3}  # constant
    assert stored(Path(done.path)) == {"torch.bfloat16"}
    assert (recipe["optimizer"], recipe["evaluate_every"]) == ("adafactor", 3)
    assert not {"log_every", "snapshot_minutes", "attention_"} & set(recipe)
    judge = settings(tmp_path, optimizer="adafactor", activation_checkpointing=True, log_every=5)
    from judges.constitution import load

    assert steps.train_judge(exported, judge, load(["starter"])).new


def test_a_recipe_of_before_is_known_again() -> None:
    """What was trained before these settings existed has none of them in its recipe."""
    assert sorted(TrainerSettings().recipe("b")) == [
        "base", "batch_size", "bf16", "dpo", "epochs", "gradient_accumulation", "human_weight",
        "judge_instructions", "judge_style", "learning_rate", "long", "lora", "lora_rank",
        "max_length", "patience", "rankings", "reasoning_tokens", "seed", "soft", "warmup",
        "weight_decay",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"optimizer": "sgdd"}, r"\[training\] cannot be used: sgdd is not a valid Optimizer"),
        ({"scheduler": "falling"}, r"\[training\] cannot be used: falling is not a valid Sched"),
        ({"report_to": ("nobody",)}, "report_to 'nobody' is not installed; there is "),
        ({"liger": True}, "liger-kernel is not installed"),
        ({"lora": True, "merge": False}, "an adapter of 'tiny' has no base to come back to"),
    ],
)
def test_what_cannot_be_used_is_told(
    exported: Database, tmp_path: Path, more: dict, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        steps.train_reward(exported, settings(tmp_path, **more))


class Killed(BaseException):
    """A kill in the middle of a long epoch."""


@pytest.mark.parametrize("often", [{"snapshot_every": 2}, {"snapshot_minutes": 1e-6}])
def test_a_kill_within_an_epoch_costs_little(
    exported: Database, tmp_path: Path, often: dict
) -> None:
    whole = steps.train_reward(exported, settings(tmp_path / "whole"))
    cut = settings(tmp_path / "cut", **often)

    def kill(_label: str, done: int, _total: int) -> None:
        if done == 9:
            raise Killed

    with pytest.raises(Killed):
        steps.train_reward(exported, cut, progress=kill)
    steps_left: list[int] = []
    resumed = steps.train_reward(exported, cut, progress=lambda _l, n, _t: steps_left.append(n))
    assert min(steps_left) == 9  # snapshot 8 was whole
    assert told(resumed)["content_hash"] == told(whole)["content_hash"]


def test_an_adapter_is_kept_beside_its_merge(exported: Database, tmp_path: Path) -> None:
    more = {"base": str(tmp_path / "base"), "lora": True, "learning_rate": 5e-3}
    merged = Path(steps.train_reward(exported, settings(tmp_path, **more)).path)
    assert (merged / "adapter" / "adapter_model.safetensors").is_file()
    assert stored(merged) == {"torch.bfloat16"}  # as the base is
    alone = Path(steps.train_reward(exported, settings(tmp_path, **more, merge=False)).path)
    assert not (alone / "model.safetensors").exists()
    assert (alone / "adapter_model.safetensors").is_file()
    asked = [("Tell me", "exact honest"), ("Tell me", "sloppy wrong")]
    one, other = (RewardScorer(folder).score(asked) for folder in (merged, alone))
    assert one == pytest.approx(other, rel=0.05, abs=0.05)  # 8 bits of mantissa
    measured = steps.quantize(exported, alone.name)
    assert RewardScorer(Path(measured.path)).score(asked) == pytest.approx(one, rel=0.1, abs=0.1)


def test_rows_are_packed_for_supervised_tuning(exported: Database, tmp_path: Path) -> None:
    loose, packed = (
        steps.train_policy(exported, settings(tmp_path, **more), PolicyOptions("sft"))
        for more in ({}, {"packing": True})
    )
    steps_of = [max(p["step"] for p in told(done)["curve"]) for done in (loose, packed)]
    assert steps_of[1] < steps_of[0]  # several rows a sequence
