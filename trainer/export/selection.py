"""Which settled labels an export keeps, and in which split each stands. Pure.

Who may learn from what: never gold or what resembles it, hidden repeats or practice; audits wait
for the certificate of their batch, which is computed from them.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from db.datasets import ExportPair
from db.errors import BadInput
from db.gold import GoldSet
from db.vocabulary import Choice, Source, TaskKind
from trainer.export.leakage import leaks
from trainer.vocabulary import Balance, Format

SPLITS = ("train", "validation", "test")

LEFT_OUT = {
    "erased": "of erased prompts",
    "gold": "of gold prompts",
    "near_gold": "of prompts like a gold prompt",
    "unsettled": "without a settled label",
    "task_gold": "answers to hidden gold",
    "task_repeat": "hidden repeats",
    "task_practice": "practice",
    "audit_waits": "audits whose batch waits for its certificate",
    "source": "of another source",
    "domain": "of another domain",
    "since": "settled before --since",
    "min_confidence": "under --min-confidence",
    "limit_or_balance": "over --limit or --balance",
}
"""Why a pair is left out, in words."""

_NEVER = {TaskKind.GOLD.value, TaskKind.REPEAT.value, TaskKind.PRACTICE.value}


@dataclass(frozen=True)
class ExportOptions:
    """What an export keeps and how it is written.

    min_confidence: keep labels whose settled choice has at least this probability, in [0, 1].
    sources: ensemble, review, adjudication; empty means all. domains: likewise.
    since: keep labels settled at or after this time. limit: at most so many pairs.
    balance: cut each domain, source or choice down to the size of the smallest.
    seed: draws the limit, the balance, the order of rows and the splits.
    validation, test: share of the prompts in each; the rest is train.
    near_duplicate: a prompt this similar to a gold prompt (Jaccard of word triples) is left out.
    """

    min_confidence: float = 0.0
    sources: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = None
    balance: Balance | None = None
    seed: int = 0
    format: Format = "conversational"
    validation: float = 0.1
    test: float = 0.1
    near_duplicate: float = 0.9  # and what it misses: docs/design/splits-and-gold.md

    def __post_init__(self) -> None:
        _one_of("source", self.sources, [s.value for s in Source])
        _one_of("format", [self.format], get_args(Format))
        _one_of("balance", [self.balance] if self.balance else [], get_args(Balance))
        for name in ("min_confidence", "validation", "test", "near_duplicate"):
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

    def as_filters(self) -> dict[str, Any]:
        """The options as JSON values, for the manifest."""
        values = asdict(self)
        values["since"] = self.since.isoformat() if self.since else None
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@dataclass(frozen=True)
class Selection:
    """Rows by split, in their final order; ties apart; every pair that may be shown; why not."""

    splits: dict[str, list[ExportPair]]
    ties: list[ExportPair]
    shown: list[ExportPair]
    left_out: dict[str, int] = field(default_factory=dict)


def select(
    pairs: Sequence[ExportPair],
    gold: GoldSet,
    options: ExportOptions,
    waiting: Collection[int] = (),
) -> Selection:
    """Apply the rules and the filters. The audits of the batches `waiting` may not be used yet."""
    left_out: Counter[str] = Counter(erased=sum(pair.erased for pair in pairs))
    pairs = [pair for pair in pairs if not pair.erased]
    leaking = leaks({p.prompt_hash: p.prompt for p in pairs}, gold.prompts, options.near_duplicate)
    shown: list[ExportPair] = []
    kept: list[ExportPair] = []
    for pair in pairs:
        if pair.id in gold.pair_ids or pair.prompt_hash in leaking:
            left_out[leaking.get(pair.prompt_hash, "gold")] += 1
            continue
        shown.append(pair)
        reason = _reason(pair, options, waiting)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(pair)
    drawn = _drawn(kept, options)
    left_out["limit_or_balance"] = len(kept) - len(drawn)
    ties = [pair for pair in drawn if pair.choice == Choice.TIE]
    splits: dict[str, list[ExportPair]] = {name: [] for name in SPLITS}
    for pair in drawn:
        if pair.choice != Choice.TIE:
            splits[split_of(pair.prompt_hash, options)].append(pair)
    return Selection(splits, ties, shown, {k: n for k, n in sorted(left_out.items()) if n})


def split_of(prompt_hash: str, options: ExportOptions) -> str:
    """The split of a prompt: its seeded hash, read as a point in [0, 1), falls into a share."""
    point = int(_draw("split", options.seed, prompt_hash)[:13], 16) / 16**13
    if point < options.test:
        return "test"
    return "validation" if point < options.test + options.validation else "train"


def _reason(pair: ExportPair, options: ExportOptions, waiting: Collection[int]) -> str | None:
    """Why a pair is left out, or None where it is kept."""
    if pair.choice is None:
        return "unsettled"
    if pair.task_kind in _NEVER:
        return f"task_{pair.task_kind}"
    if pair.task_kind == TaskKind.AUDIT and pair.batch_id in waiting:
        return "audit_waits"
    if options.sources and pair.label_source not in options.sources:
        return "source"
    if options.domains and pair.domain not in options.domains:
        return "domain"
    if options.since and pair.settled_at and pair.settled_at < options.since:
        return "since"
    if _confidence(pair) < options.min_confidence:
        return "min_confidence"
    return None


def _confidence(pair: ExportPair) -> float:
    return pair.p.confidence if pair.p is not None else 0.0


def _drawn(pairs: Iterable[ExportPair], options: ExportOptions) -> list[ExportPair]:
    """In seeded order, cut to equal groups and to the limit."""
    ordered = sorted(pairs, key=lambda pair: _draw("order", options.seed, pair.pair_hash))
    if options.balance:
        groups: dict[str | None, list[ExportPair]] = defaultdict(list)
        for pair in ordered:
            groups[_group(pair, options.balance)].append(pair)
        size = min((len(group) for group in groups.values()), default=0)
        chosen = {pair.id for group in groups.values() for pair in group[:size]}
        ordered = [pair for pair in ordered if pair.id in chosen]
    return ordered[: options.limit]


def _group(pair: ExportPair, balance: Balance) -> str | None:
    return {"domain": pair.domain, "source": pair.label_source, "choice": pair.choice}[balance]


def _draw(purpose: str, seed: int, key: str) -> str:
    # Each purpose draws for itself: gold drawn with the same seed must not empty a split.
    return hashlib.sha256(f"export {purpose}:{seed}:{key}".encode()).hexdigest()


def _one_of(name: str, values: Collection[str], allowed: Collection[str]) -> None:
    for value in values:
        if value not in allowed:
            raise BadInput(f"{name} {value!r} is not known; choose from {', '.join(allowed)}")
