"""What a judge would have said of the pairs it learnt from, had it not learnt from their prompts.

The prompts go by whole groups into folds. For each fold a judge is trained as the deployed one is,
but without the fold, asked about it as the panel would ask, and thrown away. Its answers stand in
the checkpoint (`judges.taught`), so that the label model can learn what the judge is worth.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.progress import Progress, quiet
from db.vocabulary import Order
from db.whole import write_whole
from judges.constitution import Constitution
from judges.local import LocalJudge
from judges.prompts import MENU, Template
from judges.taught import OUT_OF_FOLD, Said, identity, line, taught
from judges.trust.intervals import mean_by_prompt
from judges.trust.vote_matrix import TIE, A, B
from judges.vote_arrays import CODES
from trainer.gate.baselines import longer_wins
from trainer.gate.rules import as_figures, right
from trainer.judge_training import Lesson, menu_figures, question, shown_targets
from trainer.workspace import Workspace

Floats = NDArray[np.float64]
Teach = Callable[[Sequence[Lesson], Sequence[Lesson], Workspace], Any]
"""Trains on lessons, with others for validation, and publishes the checkpoint of a workspace."""

_LEAST = 1e-12  # of a probability, before its logarithm
_DIGITS = 6


def out_of_fold(folder: Path) -> Mapping[str, Said]:
    """Pair hash -> p_a, p_b, p_tie of a checkpoint's out-of-fold answers; empty where it has none.

    A is the response of the smaller content hash, whichever is stored as A.
    """
    return taught(folder).said


def answer_blind(
    learnt: Sequence[Lesson],
    held: Sequence[Lesson],
    work: Workspace,
    folds: int,
    teach: Teach,
    rules: Constitution,
    progress: Progress = quiet,
) -> Workspace:
    """Teach a judge for each fold and let it answer there; the work with what is to be published
    beside the deployed judge, and the figures for its metadata.

    Each fold is done once: a kill goes on with the fold it was at. With folds 0, or one group of
    prompts alone, nothing is answered.
    """
    everything = [*learnt, *held]
    fold_N = folds_of(everything, folds)
    count = int(fold_N.max(initial=0)) + 1
    p_NK = np.full((len(everything), len(MENU)), np.nan)
    figures: dict[str, Any] = {"folds": 0}
    if count > 1:
        log_p_NOK = np.full((len(everything), 2, len(MENU)), np.nan)
        for fold in range(count):
            asked = np.flatnonzero(fold_N == fold).tolist()
            rest = _without(learnt, fold_N[: len(learnt)], fold)
            beside = _without(held, fold_N[len(learnt) :], fold)
            if not rest:
                continue
            progress("judges blind to a fold", fold, count)
            blind = partial(teach, rest, beside)
            inner = _fold_work(work, fold, count)
            log_p_NOK[asked] = _once(inner, blind, [everything[i] for i in asked], rules)
        p_NK = calibrated(log_p_NOK, everything)
        figures = {"folds": count, **measured(p_NK, everything)}
    if count > 1 or any(each.label == "distilled" for each in everything):
        lines = sorted(_line(each, p_K) for each, p_K in zip(everything, p_NK, strict=True))
        write_whole(work.beside / OUT_OF_FOLD, "".join(f"{each}\n" for each in lines))
    return replace(work, figures={**work.figures, "out_of_fold": figures})


def folds_of(lessons: Sequence[Lesson], folds: int) -> NDArray[np.int64]:
    """The fold of each lesson, by whole groups of prompts: the largest group first, each into the
    fold that has the fewest lessons. There are no more folds than groups.
    """
    sizes = Counter(each.together for each in lessons)
    full = [0] * max(1, min(folds, len(sizes)))
    place: dict[str, int] = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], _drawn(name))):
        place[name] = full.index(min(full))
        full[place[name]] += sizes[name]
    return np.array([place[each.together] for each in lessons], dtype=np.int64)


def _without(lessons: Sequence[Lesson], fold_N: NDArray[np.int64], fold: int) -> list[Lesson]:
    return [each for each, its in zip(lessons, fold_N, strict=True) if its != fold]


def _drawn(group: str) -> str:
    return hashlib.sha256(f"fold:{group}".encode("utf-8", "surrogatepass")).hexdigest()


def _fold_work(work: Workspace, fold: int, count: int) -> Workspace:
    """Where the judge of a fold is trained: inside the folder of the whole training."""
    name = f"{work.name}-fold-{fold + 1}"
    folder = work.partial / "folds"
    (folder / f".{name}.partial").mkdir(parents=True, exist_ok=True)
    recipe = {**work.recipe, "fold": [fold, count]}
    return Workspace(name, folder / name, folder / f".{name}.partial", recipe)


def _once(
    inner: Workspace,
    blind: Callable[[Workspace], Any],
    asked: Sequence[Lesson],
    rules: Constitution,
) -> Floats:
    """Train the judge of a fold, ask it, keep its answers and delete it; or what it said before."""
    answers = inner.final.with_suffix(".json")
    if not answers.is_file():
        if not inner.done:
            blind(inner)
        write_whole(answers, json.dumps(ask(inner.final, asked, rules).tolist()))
    shutil.rmtree(inner.final, ignore_errors=True)
    found: Floats = np.array(json.loads(answers.read_text(encoding="utf-8")), dtype=np.float64)
    return found


def ask(folder: Path, lessons: Sequence[Lesson], rules: Constitution) -> Floats:
    """Log-probabilities [lessons, order, menu] of a judge, in stored order; NaN of what is too long
    for it.
    """
    judge = LocalJudge(folder)
    template = Template(rules, output=judge.output, per_principle=False)
    asked = [question(each, order, template) for each in lessons for order in (Order.AB, Order.BA)]
    unread = dict.fromkeys(MENU, np.nan)
    shown = [answer.probabilities or unread for answer in judge.score(asked)]
    p_NOK = np.array([[each[word] for word in MENU] for each in shown]).reshape(-1, 2, len(MENU))
    p_NOK[:, 1] = p_NOK[:, 1][:, [1, 0, 2]]  # the second order showed B first
    found: Floats = np.log(np.maximum(p_NOK, _LEAST))
    return found


def calibrated(log_p_NOK: Floats, lessons: Sequence[Lesson]) -> Floats:
    """Probabilities [lessons, menu]: the mean of both orders' logarithms, scaled by the temperature
    that fits the settled lessons best. NaN where a question was not answered.
    """
    told = [
        i
        for i, each in enumerate(lessons)
        if each.label != "distilled" and np.isfinite(log_p_NOK[i]).all()
    ]
    target_NOK = np.array([[p for _, p in shown_targets(lessons[i])] for i in told])
    factor = 1.0
    if told:
        shown = log_p_NOK[told].copy()
        shown[:, 1] = shown[:, 1][:, [1, 0, 2]]  # as the targets of the second order are
        flat = -1, len(MENU)
        factor = menu_figures(shown.reshape(flat), target_NOK.reshape(flat))["temperature"]
    logits_NK = factor * log_p_NOK.mean(axis=1)
    shares = np.exp(logits_NK - logits_NK.max(axis=1, keepdims=True))
    p_NK: Floats = shares / shares.sum(axis=1, keepdims=True)
    return p_NK


def measured(p_NK: Floats, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """Accuracy and log-loss with intervals by prompt on the pairs that people decided (where they
    decided none, the panel), and the accuracy of `longer wins` on the same.
    """
    by = "people" if any(each.label == "people" for each in lessons) else "panel"
    kept = [i for i, x in enumerate(lessons) if x.label == by and np.isfinite(p_NK[i]).all()]
    chosen = [lessons[i] for i in kept]
    truth_P = np.array([CODES[each.target.choice] for each in chosen], dtype=np.int8)
    decided = truth_P != TIE
    win_P = p_NK[kept, A] / np.maximum(p_NK[kept, A] + p_NK[kept, B], _LEAST)
    given = np.where(truth_P == A, win_P, 1 - win_P)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(x.together for x in chosen))}
    group_P = np.array([numbers[x.together] for x in chosen], dtype=np.int64)
    longer_P = longer_wins([x.a for x in chosen], [x.b for x in chosen])

    def mean(values_P: Floats) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        return as_figures(mean_by_prompt(values_P[decided], group_P[decided], rng))

    return {
        "by": by,
        "pairs": int(decided.sum()),
        "prompts": len(np.unique(group_P[decided])),
        "accuracy": mean(right(win_P, truth_P)),
        "log_loss": mean(-np.log(np.maximum(given, _LEAST))),
        "longer_wins": mean(right(longer_P, truth_P)),
    }


def _line(lesson: Lesson, p_K: Floats) -> str:
    known = bool(np.isfinite(p_K).all())
    a, b, tie = (round(float(p), _DIGITS) for p in p_K) if known else (0.0, 0.0, 0.0)
    return line(identity(lesson.prompt, lesson.a, lesson.b), (a, b, tie) if known else None)
