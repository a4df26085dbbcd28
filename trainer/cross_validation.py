"""Does it hold elsewhere? Train without one source or domain, test on it, for each in turn."""

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from db.errors import BadInput
from db.identity import content_hash
from db.progress import Progress, quiet
from judges.trust.intervals import mean_by_prompt
from trainer.encoding import said_text
from trainer.gate.baselines import LONGER, TFIDF, TfidfBradleyTerry, longer_wins, sides
from trainer.gate.rules import as_figures
from trainer.settings import WORDS, TrainerSettings
from trainer.vocabulary import Group
from trainer.workspace import exclusive, open_workspace

Row = dict[str, Any]
WinProbability = Callable[[Sequence[Row]], Any]
"""From rows to the probability that the chosen response is better."""


@dataclass(frozen=True)
class LeftOut:
    """Accuracy on one group by models that never saw it; each with its interval."""

    group: str
    pairs: int
    accuracy: dict[str, dict[str, Any]]


def cross_validate(
    rows: Sequence[Row],
    settings: TrainerSettings,
    by: Group = "data_source",
    smallest: int = 20,
    progress: Progress = quiet,
    known: Collection[str] = (),
) -> Iterator[LeftOut]:
    """For each group of at least `smallest` pairs: a reward model and the baselines, trained on the
    others; groups in `known` are passed over. Models are thrown away; each result is yielded at
    once, so that a kill loses at most one group's training, which goes on where it was.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["meta"][by] or "unknown", []).append(row)
    large = sorted(name for name, group in groups.items() if len(group) >= smallest)
    if len(large) < 2:
        raise BadInput(
            f"cross-validation by {by!r} needs two groups of {smallest} pairs or more; "
            f"there are {[f'{name} ({len(group)})' for name, group in sorted(groups.items())]}"
        )
    for number, name in enumerate(large):
        progress("cross-validation", number, len(large))
        if name in known:
            continue
        held = groups[name]
        prompts = {row["meta"]["prompt_hash"] for row in held}
        others = [row for row in rows if row["meta"]["prompt_hash"] not in prompts]
        win_probabilities = {
            "reward model": _reward(others, settings, name),
            TFIDF: _tfidf(others),
            LONGER: lambda rows: longer_wins(*sides(rows)),
        }
        yield LeftOut(
            name, len(held), {k: _accuracy(f, held) for k, f in win_probabilities.items()}
        )


def _tfidf(rows: Sequence[Row]) -> WinProbability:
    fitted = TfidfBradleyTerry().fit(*sides(rows))
    return lambda rows: fitted.win_probability(*sides(rows))


def _reward(rows: Sequence[Row], settings: TrainerSettings, name: str) -> WinProbability:
    from trainer import reward_model, words_reward
    from trainer.serving.scoring import RewardScorer

    folder = Path(settings.folder) / ".cross-validation"
    chosen = settings.model_copy(update={"folder": folder})
    # One prompt in ten is for early stopping.
    held = [r for r in rows if int(r["meta"]["prompt_hash"][:8], 16) % 10 == 0]
    rest = [r for r in rows if int(r["meta"]["prompt_hash"][:8], 16) % 10]
    texts = content_hash([[said_text(r["chosen"]), said_text(r["rejected"])] for r in rows])
    recipe = chosen.recipe(chosen.base) | {"without": name, "rows": texts}
    work = open_workspace(folder, "reward", recipe)
    with exclusive(work):
        if not work.done:
            without = f"all but {name}"
            if chosen.base == WORDS:
                words_reward.train(rows, [], work, chosen, without)
            else:
                reward_model.train(rest or rows, held, work, chosen, without)
        scorer = RewardScorer(work.final)
        scorer.load()
        shutil.rmtree(work.final)

    def win_probability(rows: Sequence[Row]) -> Any:
        one, other = (
            scorer.score([(r["prompt"], r[side], r.get("tools")) for r in rows])
            for side in ("chosen", "rejected")
        )
        return expit(one - other)

    return win_probability


def _accuracy(win_probability: WinProbability, rows: Sequence[Row]) -> dict[str, Any]:
    value = win_probability(rows)
    hits = np.where(value == 0.5, 0.5, value > 0.5)
    numbers = {h: i for i, h in enumerate(dict.fromkeys(r["meta"]["prompt_hash"] for r in rows))}
    prompt_P = np.array([numbers[r["meta"]["prompt_hash"]] for r in rows], dtype=np.int64)
    return as_figures(mean_by_prompt(hits, prompt_P, np.random.default_rng(0)))
