"""Which settled labels an export keeps, and in which split each stands. Pure.

Who may learn from what: never gold or what resembles it, hidden repeats or practice; audits wait
for the certificate of their batch, which is computed from them.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from db.datasets import TIES, WITHDRAWN
from db.errors import BadInput
from db.exports.changes import Change
from db.exports.held import Held
from db.exports.labels import Label, code_of
from db.gold import GroupOf
from db.vocabulary import Choice, Source, TaskKind
from trainer.export import drawing
from trainer.vocabulary import Balance, Format, LayoutName

SPLITS = ("train", "validation", "test")
NOWHERE = -1
"""The split of a pair that is shown and is not among the labels."""

_FORMS = dict.fromkeys(("trl", "kto", "sft"), get_args(Format))
_NEVER = {TaskKind.GOLD.value, TaskKind.REPEAT.value, TaskKind.PRACTICE.value}


@dataclass(frozen=True)
class ExportOptions:
    """What an export keeps and how it is written.

    min_confidence: keep labels whose settled choice has at least this probability, in [0, 1].
    sources: ensemble, review, adjudication; empty means all. domains: likewise.
    since: keep labels settled at or after this time. limit: at most so many pairs.
    balance: cut the preferences of each domain, source or choice down to the size of the smallest,
    or to an equal part of the limit; ties count in no group.
    seed: draws the limit, the balance and the splits.
    to: the layout (`trainer.export.layouts`). format: of the layout trl, messages or plain texts.
    validation, test: share of the groups of prompts in each; the rest is train.
    """

    min_confidence: float = 0.0
    sources: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = None
    balance: Balance | None = None
    seed: int = 0
    to: LayoutName = "trl"
    format: Format = "conversational"
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        _one_of("source", self.sources, [s.value for s in Source])
        _one_of("to", [self.to], get_args(LayoutName))
        _one_of("format", [self.format], get_args(Format))
        _one_of("balance", [self.balance] if self.balance else [], get_args(Balance))
        if self.format not in _FORMS.get(self.to, ("conversational",)):
            raise BadInput(
                f"format {self.format!r} is for {', '.join(_FORMS)}; leave it out with {self.to!r}"
            )
        for name in ("min_confidence", "validation", "test"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise BadInput(f"{name} {value!r} is outside 0 to 1; give a share")
        if self.validation + self.test >= 1.0:
            raise BadInput(
                f"validation {self.validation!r} and test {self.test!r} leave nothing to train on; "
                "their sum must stay under 1"
            )
        if self.limit is not None and self.limit < 1:
            raise BadInput(f"limit {self.limit!r} keeps nothing; give 1 or more, or leave it out")
        if self.since is not None and self.since.tzinfo is None:
            object.__setattr__(self, "since", self.since.replace(tzinfo=UTC))

    @property
    def draws(self) -> bool:
        """Whether anything but the filters decides which labels are kept."""
        return self.limit is not None or self.balance is not None

    def as_filters(self) -> dict[str, Any]:
        """The options as JSON values, for the manifest."""
        values = asdict(self)
        values["since"] = self.since.isoformat() if self.since else None
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@dataclass(frozen=True)
class Selection:
    """Every pair that may be shown, in order of content, and where each stands.

    pair_ids, preference_ids (0 where nothing is settled), prompts (a number a prompt): one entry a
    pair. splits: index into SPLITS, or NOWHERE where it is shown alone. ties: whether it is settled
    as one. ranking_ids: orders that settled any of them. left_out: pairs by the reason. notes: what
    else a user should know. continues: whether it goes on from a dataset; changes: what became of
    labels that one holds; unchanged: how many it does not repeat.
    """

    pair_ids: NDArray[np.int64]
    preference_ids: NDArray[np.int64]
    prompts: NDArray[np.int64]
    splits: NDArray[np.int8]
    ties: NDArray[np.bool_]
    ranking_ids: frozenset[int] = frozenset()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    continues: bool = False
    changes: tuple[Change, ...] = ()
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write: no preference, and of an increment nothing at all."""
        stands = self.splits != NOWHERE
        if self.continues:
            return not (stands.any() or self.changes)
        return not (stands & ~self.ties).any()

    def items(self) -> Iterator[tuple[int, str]]:
        """(preference id, split; of a tie after `ties`) of every pair that stands somewhere, then
        of labels that are withdrawn.
        """
        for i in np.flatnonzero(self.splits != NOWHERE):
            split = SPLITS[self.splits[i]]
            yield int(self.preference_ids[i]), f"{TIES} {split}" if self.ties[i] else split
        for change in self.changes:
            if change.withdrawn:
                yield change.preference_id, WITHDRAWN


@dataclass
class _Columns:
    """What is kept of each shown pair while labels stream by: some fifty bytes."""

    pair_ids: "array[int]" = field(default_factory=lambda: array("q"))
    preference_ids: "array[int]" = field(default_factory=lambda: array("q"))
    prompts: "array[int]" = field(default_factory=lambda: array("q"))
    splits: "array[int]" = field(default_factory=lambda: array("b"))
    ties: "array[int]" = field(default_factory=lambda: array("b"))
    draws: "array[int]" = field(default_factory=lambda: array("Q"))
    groups: "array[int]" = field(default_factory=lambda: array("q"))


def select(
    labels: Iterable[Label],
    gold: Collection[int],
    leaking: Mapping[str, str],
    options: ExportOptions,
    waiting: Collection[int] = (),
    group_of: GroupOf = str,
    before: Held | None = None,
) -> Selection:
    """Apply the rules and the filters to labels in order of content.

    gold: ids of gold pairs. leaking: prompts nothing may be learnt from, by hash, and why. waiting:
    batches whose audits may not be used yet. group_of: the group of a prompt, by its hash. before:
    what the continued dataset holds; a label that says the same there is not taken again, a prompt
    keeps its split, and a new one takes that of its group.
    """
    left_out: Counter[str] = Counter()
    shown = _Columns()
    ranking_ids: set[int] = set()
    groups: dict[str | None, int] = {}
    changes: list[Change] = []
    unchanged = 0
    for label in labels:
        hidden = _hidden(label, gold, leaking)
        reason = hidden or _reason(label, options, waiting)
        split = NOWHERE if reason else _split(label.prompt_hash, options, group_of, before)
        reason = reason or (None if split != NOWHERE else "between_splits")
        if reason:
            left_out[reason] += 1
        if before is not None:
            old = before.label(label.pair_id)
            if reason:
                changes += [Change(label.pair_id, old[0], reason)] if old else []
                continue
            if old and old[1] == _code(label):
                unchanged += 1
                continue
            changes += [Change(label.pair_id, old[0])] if old else []
        if hidden:
            continue
        ranking_ids.update(label.ranking_ids)
        shown.pair_ids.append(label.pair_id)
        shown.preference_ids.append(label.preference_id or 0)
        shown.prompts.append(label.prompt_id)
        shown.splits.append(split)
        shown.ties.append(label.choice == Choice.TIE)
        if options.draws:
            group = groups.setdefault(_group(label, options.balance), len(groups))
            shown.groups.append(group)
            shown.draws.append(int(_draw("order", options.seed, label.pair_hash)[:16], 16))
    splits = np.asarray(shown.splits, np.int8)
    notes = []
    if options.draws:
        kept = np.flatnonzero(splits != NOWHERE)
        taken, note = _drawn(shown, kept, [group or "none" for group in groups], options)
        notes += [note] if note else []
        left_out["limit_or_balance"] = len(kept) - int(taken.sum())
        splits = splits.copy()
        splits[kept[~taken]] = NOWHERE
    found = Selection(
        pair_ids=np.asarray(shown.pair_ids, np.int64),
        preference_ids=np.asarray(shown.preference_ids, np.int64),
        prompts=np.asarray(shown.prompts, np.int64),
        splits=splits,
        ties=np.asarray(shown.ties, np.bool_),
        ranking_ids=frozenset(ranking_ids),
        left_out={k: n for k, n in sorted(left_out.items()) if n},
        continues=before is not None,
        changes=tuple(changes),
        unchanged=unchanged,
    )
    told = () if before else _shares(found, options)
    return replace(found, notes=(*notes, *told))


def split_of(group: str, options: ExportOptions) -> str:
    """The split of a group: its seeded hash, read as a point in [0, 1), falls into a share."""
    point = int(_draw("split", options.seed, group)[:13], 16) / 16**13
    if point < options.test:
        return "test"
    return "validation" if point < options.test + options.validation else "train"


def _split(prompt_hash: str, options: ExportOptions, group_of: GroupOf, before: Held | None) -> int:
    """A prompt's split: the one it or its group has in the continued dataset, else the drawn one.

    NOWHERE where its group stands in several splits there: in any it would be a leak.
    """
    group = group_of(prompt_hash)
    known = before.splits(prompt_hash, group) if before else ()
    if len(known) > 1:
        return NOWHERE
    return known[0] if known else SPLITS.index(split_of(group, options))


def _code(label: Label) -> int:
    return code_of(label.choice or "", label.strength, label.both_bad, label.source or "")


def _hidden(label: Label, gold: Collection[int], leaking: Mapping[str, str]) -> str | None:
    """Why a pair may be shown nowhere, or None."""
    if label.erased:
        return "erased"
    if label.prompt_hash in leaking:
        return leaking[label.prompt_hash]
    return "gold" if label.pair_id in gold else None


def _reason(label: Label, options: ExportOptions, waiting: Collection[int]) -> str | None:
    """Why a pair is left out, or None where it is kept."""
    if label.choice is None:
        return "unsettled"
    if label.task_kind in _NEVER:
        return f"task_{label.task_kind}"
    if label.task_kind == TaskKind.AUDIT and label.batch_id in waiting:
        return "audit_waits"
    if options.sources and label.source not in options.sources:
        return "source"
    if options.domains and label.domain not in options.domains:
        return "domain"
    if not label.late:
        return "since"
    if label.confidence < options.min_confidence:
        return "min_confidence"
    return None


def _group(label: Label, balance: Balance | None) -> str | None:
    """What `--balance` counts a label under."""
    if balance is None:
        return None
    return {"domain": label.domain, "source": label.source, "choice": label.choice}[balance]


def _drawn(
    shown: _Columns, kept: NDArray[np.intp], names: Sequence[str], options: ExportOptions
) -> tuple[NDArray[np.bool_], str]:
    draws = np.asarray(shown.draws, np.uint64)[kept]
    if options.balance is None:
        return drawing.drawn(draws, options.limit), ""
    groups = np.asarray(shown.groups, np.int64)[kept]
    ties = np.asarray(shown.ties, np.bool_)[kept]
    taken, note = drawing.balanced(draws, groups, ties, names, options.limit)
    return taken, note and f"--balance {options.balance}: {note}"


def _shares(selection: Selection, options: ExportOptions) -> Iterator[str]:
    """How the shares that were asked for came out, and which split is empty."""
    asked = {"validation": options.validation, "test": options.test}
    prompts = {
        split: len(np.unique(selection.prompts[(selection.splits == i) & ~selection.ties]))
        for i, split in enumerate(SPLITS)
    }
    total = sum(prompts.values())
    if not total:
        return
    shares = ", ".join(
        f"{split} {prompts[split]:,} ({prompts[split] / total:.1%}, asked {share:.1%})"
        for split, share in asked.items()
        if share
    )
    if shares:
        yield f"of {total:,} prompts with a preference: {shares}; each group is drawn by its hash"
    for split in SPLITS:
        if not prompts[split] and asked.get(split, 1.0):
            yield f"the split {split} is empty"


def _draw(purpose: str, seed: int, key: str) -> str:
    # Each purpose draws for itself: gold drawn with the same seed must not empty a split.
    return hashlib.sha256(f"export {purpose}:{seed}:{key}".encode()).hexdigest()


def _one_of(name: str, values: Collection[str], allowed: Collection[str]) -> None:
    for value in values:
        if value not in allowed:
            raise BadInput(f"{name} {value!r} is not known; choose from {', '.join(allowed)}")
