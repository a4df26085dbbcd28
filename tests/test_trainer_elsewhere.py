"""Models that others trained: recorded, measured, asked and followed, or refused in a sentence."""

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sqlalchemy import select
from trainer_worlds import copied, learnable, opened

from db.errors import BadInput
from db.models import Checkpoint, Event
from db.session import Database
from db.vocabulary import CheckpointKind, Order
from judges.constitution import load
from judges.local import LocalJudge, judge_config
from judges.prompts import Template
from trainer import steps
from trainer.bases import build_tiny, load_tokenizer
from trainer.export.selection import ExportOptions
from trainer.policy import PolicyOptions
from trainer.serving.scoring import RewardScorer
from trainer.settings import TrainerSettings

RULES = load(["starter"])
TEXTS = ["exact honest rivers run", "vague rude bridges stand", "Tell me about taxes"]


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base` writes; `skywork` is a classifier with one output; `lora` an adapter with its head."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    folder = tmp_path_factory.mktemp("models")
    build_tiny(TEXTS, folder / "base")
    tokenizer = load_tokenizer(str(folder / "base"))
    for name, outputs in (("skywork", 1), ("five", 5)):
        model = AutoModelForSequenceClassification.from_pretrained(
            folder / "base", num_labels=outputs
        )
        model.config.pad_token_id = tokenizer.pad_token_id
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    model = AutoModelForSequenceClassification.from_pretrained(folder / "base", num_labels=1)
    adapter = LoraConfig(
        task_type="SEQ_CLS", r=4, target_modules="all-linear", exclude_modules=["score"],
        modules_to_save=["score"],
    )  # fmt: skip
    adapted = get_peft_model(model, adapter)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.1)
    adapted.save_pretrained(folder / "lora")
    return folder


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    with opened(empty_world) as database:
        learnable(database, 40, gold=30)
        steps.export(database, empty_world / "set", ExportOptions(validation=0, test=0))
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def bring(
    database: Database, folder: Path, kind: str, tmp_path: Path, **more: Any
) -> steps.ImportedCheckpoint:
    chosen = TrainerSettings(folder=tmp_path / "checkpoints")
    return steps.import_checkpoint(database, folder, CheckpointKind(kind), chosen, RULES, **more)


def test_a_reward_model_is_measured_served_and_followed(
    exported: Database, models: Path, tmp_path: Path
) -> None:
    done = bring(exported, models / "skywork", "reward", tmp_path)
    assert (done.checkpoint, done.new, done.max_length) == ("skywork", True, 4096)
    assert bring(exported, models / "skywork", "reward", tmp_path).new is False
    with exported.read() as session:
        (row,) = session.scalars(select(Checkpoint))
        assert (row.kind, row.dataset_id) == (CheckpointKind.REWARD, None)
        assert session.scalars(select(Event.kind)).all().count("checkpoint.imported") == 1
    measured = steps.evaluate(exported, "skywork")
    assert measured.table["skywork"]["pairs"] == 30
    steps.promote(exported, "skywork", force="tried")
    challenger = steps.train_reward(exported, TrainerSettings(folder=tmp_path / "checkpoints"))
    table = steps.evaluate(exported, challenger.checkpoint).table
    assert "skywork" in table  # the incumbent
    policy = TrainerSettings(folder=tmp_path / "checkpoints", base="tiny", batch_size=4)
    steps.train_policy(exported, policy, PolicyOptions("ppo", response_tokens=4, updates=1))
    steps.quantize(exported, "skywork")


def test_an_adapter_is_merged_into_its_base_and_kept(
    exported: Database, models: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    done = bring(exported, models / "lora", "reward", tmp_path)
    assert done.base == str(models / "base")
    assert (Path(done.path) / "adapter" / "adapter_model.safetensors").is_file()
    base = AutoModelForSequenceClassification.from_pretrained(models / "base", num_labels=1)
    whole = PeftModel.from_pretrained(base, str(models / "lora")).eval()
    tokenizer = load_tokenizer(str(models / "base"))
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "honest"}]
    ids = tokenizer.apply_chat_template(said, return_dict=True, return_tensors="pt")
    with torch.no_grad():
        expected = float(whole(**ids).logits)
    assert RewardScorer(Path(done.path)).score([("q", "honest")])[0] == pytest.approx(
        expected, abs=1e-5
    )


def test_a_reward_model_sits_on_the_panel(exported: Database, models: Path, tmp_path: Path) -> None:
    done = bring(exported, models / "skywork", "judge", tmp_path, name="sky")
    folder = Path(done.path)
    entry = judge_config(folder, "sky")
    assert (entry.output, entry.family) == ("token", "trained/skywork")
    template = Template(RULES, output="token", per_principle=False)
    asked = [template.render("q", "honest", "rude rivers", o) for o in (Order.AB, Order.BA)]
    first, second = LocalJudge(folder).score(asked)
    good, bad = RewardScorer(
        Path(bring(exported, models / "skywork", "reward", tmp_path).path)
    ).score([("q", "honest"), ("q", "rude rivers")])
    # Both orders of one pair: sigmoid of the scores' difference, and the same the other way.
    assert first.probabilities["1"] == pytest.approx(float(expit(good - bad)), abs=1e-5)
    assert second.probabilities["2"] == pytest.approx(first.probabilities["1"], abs=1e-5)
    assert first.probabilities["tie"] == 0
    assert steps.evaluate(exported, "sky", RULES).table["sky"]["reversals"] == 0
    short = bring(exported, models / "skywork", "judge", tmp_path, name="short", max_length=16)
    long = template.render("q", "honest " * 50, "rude", Order.AB)
    assert LocalJudge(Path(short.path)).score([long])[0].stop == "too long"


def test_a_model_that_writes_becomes_a_judge(
    exported: Database, models: Path, tmp_path: Path
) -> None:
    done = bring(exported, models / "base", "judge", tmp_path)
    assert (done.style, done.max_length) == ("generative", 4096 - 128)
    judge = LocalJudge(Path(done.path))
    asked = Template(RULES, output="text", per_principle=False).render("q", "a", "b", Order.AB)
    (answer,) = judge.score([asked])
    assert np.isclose(sum(answer.probabilities.values()), 1)


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def _poisoned(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["score.weight"][:] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _headless(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _no_tokenizer(folder: Path) -> None:
    for each in folder.glob("tokenizer*"):
        each.unlink()


def _bad_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def _empty(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut, "cannot be loaded"),
        (_poisoned, "is damaged: 'score.weight' holds what is no number"),
        (_headless, "is not whole: 'score.weight' is missing from its weights"),
        (_no_tokenizer, "has no tokenizer"),
        (_bad_config, r"config.json' is damaged"),
        (_empty, "holds no model: there is no config.json and no adapter_config.json"),
    ],
)
def test_damage_is_told_in_a_sentence(
    exported: Database, models: Path, tmp_path: Path, damage: Any, told: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(models / "skywork", folder)
    damage(folder)
    with pytest.raises(BadInput, match=told) as refused:
        bring(exported, folder, "reward", tmp_path)
    assert "\n" not in str(refused.value)
    with exported.read() as session:
        assert session.scalar(select(Checkpoint)) is None


def test_what_cannot_score_is_told(exported: Database, models: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has 5 outputs \(LABEL_0, .* a reward model needs one out"):
        bring(exported, models / "five", "reward", tmp_path)
    with pytest.raises(BadInput, match="a judge model needs one output, or 1, 2, tie"):
        bring(exported, models / "five", "judge", tmp_path)
    with pytest.raises(BadInput, match="is a Qwen2ForCausalLM, which has no head that scores"):
        bring(exported, models / "base", "reward", tmp_path)
    with pytest.raises(BadInput, match="a policy cannot be imported; choose reward or judge"):
        bring(exported, models / "base", "policy", tmp_path)
    with pytest.raises(BadInput, match="no folder"):
        bring(exported, models / "nowhere", "reward", tmp_path)
    with pytest.raises(BadInput, match="--max-length 5000 is more than the 4096 tokens"):
        bring(exported, models / "skywork", "reward", tmp_path, max_length=5000)


def test_an_adapter_needs_its_base_and_a_head(
    exported: Database, models: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(models / "lora", moved)
    config = json.loads((moved / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(tmp_path / "gone")
    (moved / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(BadInput, match=r"or its base .*gone'; give the base's folder"):
        bring(exported, moved, "reward", tmp_path)
    given = bring(exported, moved, "reward", tmp_path, base=str(models / "base"))
    assert given.base == str(models / "base")
    from safetensors.torch import load_file, save_file

    weights = load_file(moved / "adapter_model.safetensors")
    kept = {name: value for name, value in weights.items() if "score" not in name}
    save_file(kept, moved / "adapter_model.safetensors")
    with pytest.raises(BadInput, match="holds no head that scores"):
        bring(exported, moved, "reward", tmp_path, base=str(models / "base"), name="headless")
