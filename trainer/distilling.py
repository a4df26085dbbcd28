"""What the panel believes of pairs that people have not answered, taught beside their labels.

The target is the consensus as it stands, a probability for each choice; the weight is how far the
consensus is from a toss-up, so what it does not know teaches next to nothing. Together such lessons
weigh at most three tenths of people's labels, and where a judge foresees people's answers worse
with them, there are none (docs/design/distilling.md). Leaves out prompts of gold, validation and
test, and pairs with a response that was flagged as talking to the judge: what a panel says of these
may be no judgement.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from db.conversation import prompt_text, said
from db.gold import GoldSet
from db.identity import prompt_hash
from db.probabilities import Probabilities
from db.vocabulary import Source
from judges.encoding import as_messages
from judges.trust.intervals import paired_difference
from trainer.export.dataset import read_rows, read_split, read_ties
from trainer.export.leakage import keep_apart
from trainer.export.selection import SPLITS
from trainer.gate.rules import as_figures
from trainer.judge_training import Lesson
from trainer.recorded_training import Material
from trainer.words_training import foreseen

Row = dict[str, Any]
BOUND = 0.3
"""Weight of all that is distilled, at most, by that of the labels of people: the note has why."""

_GROUPS = 10  # of prompts that people answered, below which noise is not known: the note has why
_NO_JUDGEMENT = frozenset(["injection", "unseen", "empty"])
"""Flags of a pair on which a consensus is not believed."""


@dataclass(frozen=True)
class Beside:
    """Pairs to distil beside a dataset's labels, and the group of each prompt of both."""

    rows: Sequence[Row]
    group_of: Callable[[str], str]


def beside(given: Material, gold: GoldSet) -> Beside:
    """The unsettled pairs that may be learnt from beside these labels: none of a group of prompts
    that is gold, or of which a prompt has a label in another split than train.
    """
    folder = given.folder
    labelled = {
        row["meta"]["prompt_hash"]: as_messages(row["prompt"], "user")
        for row in [*(r for s in SPLITS for r in read_split(folder, s)), *read_ties(folder)]
    }
    shown = unsettled(folder, given.dataset.manifest["filters"])
    prompts = {row["prompt_hash"]: row["prompt"] for row in shown} | labelled
    apart = keep_apart(prompts.items(), gold)
    ours = {row["meta"]["prompt_hash"] for row in [*given.train, *given.train_ties]}
    elsewhere = {apart.groups.of(key) for key in labelled.keys() - ours}
    kept = [
        row
        for row in shown
        if row["prompt_hash"] not in apart.leaking
        and apart.groups.of(row["prompt_hash"]) not in elsewhere
    ]
    return Beside(kept, apart.groups.of)


def unsettled(folder: Path, filters: Mapping[str, Any]) -> list[Row]:
    """Pairs of an export that nobody has settled and of which there is a consensus, of its domains,
    each with its `prompt_hash`; none of an export that leaves out what the panel says.
    """
    if filters["sources"] and Source.ENSEMBLE not in filters["sources"]:
        return []
    wanted = filters["domains"]
    return [
        {**row, "prompt_hash": prompt_hash(row["prompt"], row.get("tools"))}
        for row in read_rows(sorted((folder / "pairs").glob("*.parquet")))
        if row["choice"] is None
        and row["p_a"] is not None
        and _NO_JUDGEMENT.isdisjoint(row["flags"])
        and (not wanted or row["domain"] in wanted)
    ]


def surety(p: Probabilities) -> float:
    """How far a consensus is from a toss-up of a and b, in [0, 1]: the weight of what it says."""
    return max(abs(p.p_a - p.p_b), p.p_tie)


def softened(labelled: Sequence[Lesson], rows: Iterable[Row]) -> list[Lesson]:
    """The lessons of these rows, those that the panel settled alone as soft as it was sure."""
    believed = {
        meta["pair_id"]: Probabilities(meta["p_a"], meta["p_tie"], meta["p_b"])
        for meta in (row["meta"] for row in rows)
    }
    return [
        each
        if each.label == "people"
        else replace(each, target=believed[each.pair_id], weight=surety(believed[each.pair_id]))
        for each in labelled
    ]


def distilled(found: Beside) -> list[Lesson]:
    """The lessons of unsettled pairs."""
    made = []
    for row in found.rows:
        p = Probabilities(row["p_a"], row["p_tie"], row["p_b"])
        made.append(
            Lesson(
                pair_id=row["pair_id"],
                prompt=prompt_text(row["prompt"], row.get("tools")),
                a=said(row["response_a"], row.get("said_a")),
                b=said(row["response_b"], row.get("said_b")),
                domain=row["domain"],
                target=p,
                weight=surety(p),
                group=found.group_of(row["prompt_hash"]),
                label="distilled",
            )
        )
    return made


def bounded(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons with those that are not of people scaled down to weigh no more than BOUND times
    theirs together; as they are where people gave none.
    """
    people = sum(each.weight for each in lessons if each.label == "people")
    others = sum(each.weight for each in lessons if each.label != "people")
    if not people or others <= BOUND * people:
        return list(lessons)
    share = BOUND * people / others
    return [
        each if each.label == "people" else replace(each, weight=each.weight * share)
        for each in lessons
    ]


def chosen(plain: Sequence[Lesson], soft: Sequence[Lesson]) -> tuple[list[Lesson], dict[str, Any]]:
    """What was distilled with the labels; or the labels alone, where a judge of words foresees what
    people decided worse with it, out of fold and beyond noise (95%, paired, by group of prompts).

    soft begins with the lessons of plain. And for the metadata: pairs that nobody settled, both
    log-losses, their difference, and whether it was taken.
    """
    told: dict[str, Any] = {"pairs": len(soft) - len(plain), "taken": True}
    with_P, without_P = foreseen(soft)[: len(plain)], foreseen(plain)
    known = np.isfinite(with_P)
    if known.any():
        groups = [each.together for each in plain]
        _, group_P = np.unique(groups, return_inverse=True)
        change = paired_difference(
            with_P[known], without_P[known], group_P[known], np.random.default_rng(0)
        )
        told |= {"with": with_P[known].mean(), "without": without_P[known].mean()}
        told["change"] = as_figures(change)
        enough = len(np.unique(group_P[known])) >= _GROUPS
        told["taken"] = not (enough and change.low is not None and change.low > 0)
    return list(soft if told["taken"] else plain), told
