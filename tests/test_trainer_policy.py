"""Policies: PPO's arithmetic by hand, monitors, and every method run on a tiny base."""

import random
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from trainer_worlds import TOPICS, texts

from db.errors import BadInput
from trainer.hacking import Limits, Monitor, Observation, distinct
from trainer.policy import PolicyOptions, train
from trainer.ppo import advantages
from trainer.settings import TrainerSettings
from trainer.workspace import open_workspace

BOARD = find_spec("tensorboard") is not None


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rows(count: int) -> list[dict[str, object]]:
    rng = random.Random(0)
    made = []
    for _ in range(count):
        prompt, good, bad = texts(rng, rng.choice(TOPICS))
        made.append({"prompt": prompt, "chosen": good, "rejected": bad, "meta": {}})
    return made


def wants_letter(answered) -> list[float]:
    """Ten times the share of the letter e among the letters of a response: PPO can raise it."""
    return [10 * text.count("e") / max(len(text), 1) for _, text in answered]


def test_advantages_by_hand() -> None:
    # gamma 1, lam 0.5: last 2 - 1 = 1; before it 0 + 1 - 0.5 = 0.5, plus 0.5 * 1.
    found = advantages(np.array([0.0, 2.0]), np.array([0.5, 1.0]), gamma=1.0, lam=0.5)
    assert found.tolist() == [1.0, 1.0]
    # lam 1 is return minus value: 2 - 0.5 and 2 - 1.
    assert advantages(np.array([0.0, 2.0]), np.array([0.5, 1.0]), 1.0, 1.0).tolist() == [1.5, 1.0]


def test_diversity_by_hand() -> None:
    assert distinct(["a b c", "a b d"]) == 3 / 4  # ab, bc, ab, bd
    assert distinct(["same", "same"]) == 1 / 2


@pytest.mark.parametrize(
    ("late", "says"),
    [
        ({"kl": 90.0}, "KL to the reference is 90.0 nats"),
        ({"length": 400.0}, "responses grew from 100 to 400"),
        ({"diversity": 0.1}, "diversity of responses fell from 0.80 to 0.10"),
        ({"reward": 2.0, "judged": 0.1}, "the reward rose by 1.00 while the second judge fell"),
        ({"reward": 2.0}, None),
    ],
)
def test_monitors_speak_up(late: dict[str, float], says: str | None) -> None:
    usual = {"reward": 1.0, "length": 100.0, "diversity": 0.8, "kl": 1.0, "judged": 0.5}
    monitor = Monitor(Limits())
    for _ in range(5):
        monitor.seen.append(Observation(**usual))
    assert monitor.alarm() is None
    for _ in range(5):
        monitor.seen.append(Observation(**(usual | late)))
    alarm = monitor.alarm()
    assert (alarm is None) if says is None else alarm.startswith(says)


def test_ppo_raises_the_reward(tmp_path: Path) -> None:
    settings = TrainerSettings(
        base="tiny", folder=tmp_path, batch_size=32, max_length=64, learning_rate=6e-3
    )
    options = PolicyOptions("ppo", kl=0.01, response_tokens=8, updates=12)
    work = open_workspace(tmp_path, "policy", {"m": "ppo"})
    made = train(rows(20), work, settings, options, "d", reward=wants_letter)
    rewards = [point["reward"] for point in made["curve"]]
    assert np.mean(rewards[-3:]) > np.mean(rewards[:3]) + 1.0
    assert (work.final / "config.json").is_file()


def test_prompts_too_long_to_answer_are_left_out_and_told(tmp_path: Path) -> None:
    settings = TrainerSettings(base="tiny", folder=tmp_path, batch_size=4, epochs=1, max_length=32)
    long = [{**row, "prompt": "word " * 100} for row in rows(2)]
    options = PolicyOptions("rloo", generations=2, response_tokens=4)
    work = open_workspace(tmp_path, "policy", {"m": "long"})
    made = train([*rows(3), *long], work, settings, options, "d", reward=wants_letter)
    assert (made["rows"]["train"], made["rows"]["dropped"]) == (3, 2)
    with pytest.raises(BadInput, match=r"leaves no prompt to answer \(2 are longer"):
        train(long, work, settings, options, "d", reward=wants_letter)


def test_a_killed_ppo_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file

    monkeypatch.setattr("trainer.policy.SNAPSHOT_EVERY", 2)
    settings = TrainerSettings(
        base="tiny", folder=tmp_path, batch_size=8, max_length=64, tensorboard=BOARD
    )
    options = PolicyOptions("ppo", response_tokens=6, updates=7)

    def trained(name: str, reward, finished: bool = True):
        work = open_workspace(tmp_path, "policy", {"m": name}, name)
        if not finished:
            with pytest.raises(KeyboardInterrupt):
                train(rows(20), work, settings, options, "d", reward=reward)
            return None
        return train(rows(20), work, settings, options, "d", reward=reward)

    asked = 0

    def killed(answered) -> list[float]:
        nonlocal asked
        asked += 1
        if asked == 6:  # in the sixth update: the newest snapshot is of the fourth
            raise KeyboardInterrupt
        return wants_letter(answered)

    whole = trained("whole", wants_letter)
    trained("parts", killed, finished=False)
    half_written = tmp_path / ".parts.partial" / "snapshots" / "checkpoint-6"
    half_written.mkdir()
    (half_written / "state.pt").write_bytes(b"half")
    asked = 10
    parts = trained("parts", killed)
    assert asked == 10 + 3  # updates five, six and seven, once each
    assert parts["curve"] == whole["curve"]
    assert parts["watched"] == whole["watched"]
    if BOARD:
        assert drawn(tmp_path, "parts") == drawn(tmp_path, "whole") == list(range(1, 8))
    one, other = (load_file(tmp_path / n / "model.safetensors") for n in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_ppo_with_lora_leaves_what_has_no_adapter(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from trainer.bases import build_tiny

    build_tiny([str(row["chosen"]) for row in rows(20)], tmp_path / "base")
    settings = TrainerSettings(
        folder=tmp_path, base=str(tmp_path / "base"), batch_size=8, max_length=64, lora=True
    )
    work = open_workspace(tmp_path, "policy", {"m": "lora"})
    train(rows(20), work, settings, PolicyOptions("ppo", updates=2), "d", reward=wants_letter)
    before, after = (load_file(f / "model.safetensors") for f in (tmp_path / "base", work.final))
    assert before.keys() == after.keys()
    changed = {name for name in before if not (before[name] == after[name]).all()}
    assert any("q_proj" in name for name in changed)
    assert not any("embed" in name or "norm" in name for name in changed)


def test_a_policy_learns_from_fewer_prompts_than_a_batch_holds(tmp_path: Path) -> None:
    settings = TrainerSettings(base="tiny", folder=tmp_path, batch_size=16, epochs=2, max_length=64)
    work = open_workspace(tmp_path, "policy", {"m": "few"})
    options = PolicyOptions("grpo", generations=4, response_tokens=4)
    made = train(rows(3), work, settings, options, "d", reward=wants_letter)
    assert len(made["watched"]) == 2  # one batch of three prompts an epoch


@pytest.mark.slow
@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_a_killed_policy_of_trl_goes_on_exactly(tmp_path: Path, method: str) -> None:
    """The watch compares with its beginning, also when that was before the kill."""
    settings = TrainerSettings(
        base="tiny", folder=tmp_path, batch_size=4, epochs=3, max_length=64, tensorboard=BOARD
    )
    options = PolicyOptions(method, generations=2, response_tokens=6)
    asked = 0

    def killed(answered) -> list[float]:
        nonlocal asked
        asked += 1
        if asked == 6:  # in the third epoch of two batches: the newest snapshot is of the second
            raise KeyboardInterrupt
        return wants_letter(answered)

    def trained(name: str, reward):
        work = open_workspace(tmp_path, "policy", {"m": method, "n": name}, name)
        return train(rows(4), work, settings, options, "d", reward=reward)

    whole = trained("whole", wants_letter)
    with pytest.raises(KeyboardInterrupt):
        trained("parts", killed)
    parts = trained("parts", killed)
    assert asked == 8  # batches five and six, once more
    assert len(whole["watched"]) == 6
    assert parts["watched"] == whole["watched"]
    assert all(each["kl"] is not None for each in whole["watched"])
    assert whole["watched"][0]["kl"] == 0  # nothing has been learnt yet
    if BOARD:
        assert drawn(tmp_path, "parts") == drawn(tmp_path, "whole")
        assert drawn(tmp_path, "whole") == list(range(1, 7))


def drawn(folder: Path, name: str) -> list[int]:
    """The steps of the reward's curve as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = EventAccumulator(str(folder / "runs" / name)).Reload()
    return [point.step for point in curves.Scalars("watched/reward")]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "grpo", "rloo"])
def test_every_method_of_trl_runs(tmp_path: Path, method: str) -> None:
    settings = TrainerSettings(base="tiny", folder=tmp_path, batch_size=4, epochs=1, max_length=96)
    options = PolicyOptions(method, generations=2, response_tokens=8)
    work = open_workspace(tmp_path, "policy", {"m": method})
    made = train(rows(4), work, settings, options, "d", reward=wants_letter)
    assert made["method"] == method
    assert made["curve"]
    assert bool(made["watched"]) == (method in ("grpo", "rloo"))


def test_wrong_wishes_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="method 'dqn' is not known; choose from sft, dpo"):
        PolicyOptions("dqn")
    work = open_workspace(tmp_path, "policy", {})
    with pytest.raises(BadInput, match="'ppo' needs a reward model"):
        train(rows(1), work, TrainerSettings(), PolicyOptions("ppo"), "d")
