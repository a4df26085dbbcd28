"""Does a judge learn from what the panel believes of pairs that people have not answered?

    python benchmarks/distil.py FOLDER [FOLDER ...] [--seeds 6] [--json]

Of each recorded set three in ten prompts are kept away for measuring. Of the rest a share is
answered by people; the label model pools the votes with these answers, and what it believes of the
others is distilled into a judge of words (`trainer.distilling`), or not. `planted`: people follow a
house rule that no judge knows, "of two responses the one without a list is better".
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from numpy.typing import NDArray

from db.probabilities import Probabilities
from db.vocabulary import Choice
from judges.trust.calibration import accuracy, log_loss
from judges.trust.label_model import LabelModel
from judges.trust.reading import read
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import MISSING, TIE, A, B
from judges.vote_arrays import CODES
from trainer.distilling import bounded, chosen, surety
from trainer.gate.baselines import longer_wins
from trainer.judge_training import Lesson
from trainer.words_training import fit

Codes = NDArray[np.int8]
SHARES = (0.1, 0.3, 0.6)  # of the prompts that are not kept away: answered by people
HELD = 0.3
_HUMAN = 2.0  # `human_weight`
_CHOICES = {code: choice for choice, code in CODES.items()}
_LIST = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)


def planted(texts: PairTexts, truth_P: Codes) -> Codes:
    """The truth with the house rule where one of two responses alone has a list."""
    lists = [
        [bool(_LIST.search(text or "")) for text in side]
        for side in (texts.responses_a, texts.responses_b)
    ]
    a, b = np.array(lists)
    ruled = np.where(a & ~b, B, np.where(b & ~a, A, truth_P))
    return np.where(truth_P == MISSING, MISSING, ruled).astype(np.int8)


def trial(folder: Folder, truth_P: Codes, share: float, seed: int) -> dict[str, Any]:
    """Accuracy and log-loss of each arm on prompts kept away."""
    rng = np.random.default_rng(seed)
    prompt_P = folder.vote_matrix.prompt_P
    prompts = rng.permutation(np.unique(prompt_P))
    kept = int(HELD * len(prompts))
    rest = prompts[kept:]
    away_P = np.isin(prompt_P, prompts[:kept])
    answered_P = np.isin(prompt_P, rest[: max(2, round(share * len(rest)))])
    labels_P = np.where(answered_P, truth_P, MISSING).astype(np.int8)
    ours = np.flatnonzero(~away_P)
    texts = _some(folder.texts, ours)
    vote_matrix = read(folder.vote_matrix.take(ours), texts)
    p_PK = LabelModel().fit(vote_matrix, labels_P[ours]).predict(vote_matrix).p_PK
    people, others = [], []
    for place, i in enumerate(ours.tolist()):
        if labels_P[i] != MISSING:
            sure = Probabilities.sure(_CHOICES[int(labels_P[i])])
            people.append(_lesson(folder, i, sure, _HUMAN, "people"))
            continue
        p = Probabilities(p_PK[place, A], p_PK[place, TIE], p_PK[place, B])
        others.append(_lesson(folder, i, p, surety(p), "distilled"))
    measured = np.flatnonzero(away_P & np.isin(truth_P, (A, B)))
    shown, truth = _some(folder.texts, measured), truth_P[measured]
    arms = {
        "people": people,
        "distilled": chosen(people, bounded([*people, *others]))[0],
        "bounded": bounded([*people, *others]),
        "unbounded": [*people, *others],
        "choices, unbounded": [*people, *map(_hard, others)],
    }
    found: dict[str, Any] = {"labels": len(people), "others": len(others), "measured": len(truth)}
    found["longer wins"] = (accuracy(longer_wins(shown.responses_a, shown.responses_b), truth), 0.0)  # type: ignore[arg-type]
    found["taken"] = len(arms["distilled"]) > len(people)
    for name, lessons in arms.items():
        p = fit(lessons)[0].probabilities(shown)
        win_P = p[:, A] / (p[:, A] + p[:, B])
        found[name] = (accuracy(win_P, truth), log_loss(win_P, truth))
    return found


def _lesson(folder: Folder, i: int, target: Probabilities, weight: float, label: Any) -> Lesson:
    texts = folder.texts
    a, b = texts.responses_a[i] or "", texts.responses_b[i] or ""
    group = str(folder.vote_matrix.prompt_P[i])
    return Lesson(str(i), texts.prompts[i] or "", a, b, None, target, weight, group, label)


def _hard(lesson: Lesson) -> Lesson:
    return replace(lesson, target=Probabilities.sure(Choice(lesson.target.choice)), weight=1.0)


def _some(texts: PairTexts, used: NDArray[np.intp]) -> PairTexts:
    def of(column: Sequence[str | None]) -> list[str | None]:
        return [column[i] for i in used] if column else []

    return PairTexts(
        of(texts.prompts), of(texts.responses_a), of(texts.responses_b),
        of(texts.authors_a), of(texts.authors_b),
    )  # fmt: skip


def lines(folder: Folder, seeds: int) -> Iterator[dict[str, Any]]:
    """One line a world, share and arm: means over seeds, and the difference to `people` alone with
    its standard error.
    """
    for world, truth_P in (
        ("", folder.truth_P),
        (" planted", planted(folder.texts, folder.truth_P)),
    ):
        for share in SHARES:
            by_arm: dict[str, list[tuple[float, float]]] = defaultdict(list)
            trials = [trial(folder, truth_P, share, seed) for seed in range(seeds)]
            for each in trials:
                for name, value in each.items():
                    if isinstance(value, tuple):
                        by_arm[name].append(value)
            base = np.array(by_arm["people"])
            for name, values in by_arm.items():
                change = np.array(values) - base
                error = change.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else [None, None]
                means = np.array(values).mean(axis=0)
                yield {
                    "world": folder.name + world,
                    "labels": float(np.mean([t["labels"] for t in trials])),
                    "others": float(np.mean([t["others"] for t in trials])),
                    "taken": float(np.mean([t["taken"] for t in trials])),
                    "arm": name,
                    "accuracy": means[0],
                    "log_loss": means[1] if name != "longer wins" else None,
                    "accuracy_change": change.mean(axis=0)[0],
                    "accuracy_error": error[0],
                    "log_loss_change": change.mean(axis=0)[1] if name != "longer wins" else None,
                    "log_loss_error": error[1],
                }


def main() -> None:
    """One line an arm."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folders", nargs="+", type=Path)
    options.add_argument("--seeds", type=int, default=6)
    options.add_argument("--json", action="store_true", help="one object a line")
    chosen = options.parse_args()
    for folder in chosen.folders:
        for row in lines(load(folder), chosen.seeds):
            if chosen.json:
                print(json.dumps(row), flush=True)
                continue
            told = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            print("  ".join(told), flush=True)


if __name__ == "__main__":
    main()
