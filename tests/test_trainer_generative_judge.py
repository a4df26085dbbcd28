"""The judge that writes reasons: stopped and calibrated on held-out pairs, served as measured."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db.probabilities import Probabilities
from db.vocabulary import Choice, Order
from judges.constitution import load
from judges.local import LocalJudge
from judges.prompts import MENU, Template
from trainer.generative_judge import _best, train
from trainer.judge_training import Lesson, menu_figures
from trainer.settings import TrainerSettings
from trainer.workspace import open_workspace, read_metadata

STARTER = load(["starter"])
RULES = STARTER.only([STARTER.principles[0].id])


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def lesson(number: int) -> Lesson:
    better_first = number % 2 == 0
    a, b = ("yes", "no") if better_first else ("no", "yes")
    target = Probabilities.sure(Choice.A if better_first else Choice.B)
    return Lesson(f"p{number}", f"q{number}", a, b, None, target)


def test_temperature_and_figures_by_hand() -> None:
    # Always twice as sure as right: with odds e^2 given and 3 : 1 true, the factor is ln 3 / 2.
    logits = np.tile([2.0, 0.0, -50.0], (400, 1))
    target = np.tile([1.0, 0.0, 0.0], (400, 1))
    target[::4] = [0.0, 1.0, 0.0]
    found = menu_figures(logits, target)
    assert found["temperature"] == pytest.approx(np.log(3) / 2, abs=0.01)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert found["validation"]["log_loss"] == pytest.approx(entropy, abs=1e-3)
    assert found["validation"]["accuracy"] == 0.75
    assert found["validation"]["pairs"] == 200
    assert menu_figures(logits[:18], target[:18])["temperature"] == 1.0  # too few to tell


def test_the_better_stage_is_kept() -> None:
    def fared(loss: float) -> dict[str, object]:
        return {"validation": {"log_loss": loss}}

    assert _best({"supervised": fared(0.4), "dpo": fared(0.6)}) == "supervised"
    assert _best({"supervised": fared(0.6), "dpo": fared(0.4)}) == "dpo"
    nothing = {"validation": None}
    assert _best({"supervised": nothing, "dpo": nothing}) == "dpo"


@pytest.mark.slow
def test_what_validation_found_is_what_the_panel_gets(tmp_path: Path) -> None:
    chosen = TrainerSettings(
        judge_base="tiny",
        folder=tmp_path,
        epochs=1,
        max_length=640,
        reasoning_tokens=20,
        dpo=True,
        judge_style="generative",
        batch_size=8,
    )
    written = {
        (f"p{i}", order, choice): [f"It says {word}."]
        for i in range(22)
        for order in (Order.AB, Order.BA)
        for choice, word in (
            (Choice.A, "yes" if i % 2 == 0 else "no"),
            (Choice.B, "no" if i % 2 == 0 else "yes"),
        )
    }
    learnt, held = [lesson(i) for i in range(12)], [lesson(i) for i in range(12, 22)]
    work = open_workspace(tmp_path, "judge", {"style": "generative"}, "g")
    made = train(learnt, held, written, work, chosen, RULES, "d")
    assert set(made["stages"]) == {"supervised", "dpo"}
    assert made["stage"] == _best(made["stages"])
    assert made["temperature"] == made["stages"][made["stage"]]["temperature"] != 1.0
    assert made["validation"]["pairs"] == 10
    assert made["validation"]["log_loss"] <= made["validation"]["log_loss_unscaled"]
    assert sum("eval_loss" in point for point in made["curve"]) >= 2  # both stages were watched
    assert read_metadata(work.final)["temperature"] == made["temperature"]

    judge = LocalJudge(work.final)
    template = Template(RULES, output="text", per_principle=False)
    losses = []
    for order, right in ((Order.AB, ("1", "2")), (Order.BA, ("2", "1"))):
        asked = [template.render(each.prompt, each.a, each.b, order) for each in held]
        for answer, each in zip(judge.score(asked), held, strict=True):
            assert answer.probabilities is not None
            assert set(answer.probabilities) == set(MENU)
            losses.append(-np.log(answer.probabilities[right[int(each.target.p_b)]]))
    assert np.mean(losses) == pytest.approx(made["validation"]["log_loss"], abs=1e-3)
