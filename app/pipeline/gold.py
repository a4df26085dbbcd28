"""Gold over the weeks: it grows until the gate sees enough, serves its decisions and retires."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from db import checkpoints
from db.errors import Conflict
from db.gold import draw_gold
from db.gold_ledger import Part, parts
from db.gold_ledger import retire as retire_parts
from db.prompts import StoredPrompts
from db.session import Database, Session
from db.upsert import take_turn
from db.vocabulary import CheckpointKind
from judges.alike.groups import group_of
from judges.trust.power import SPREAD, visible_with

_TURN = 7_246_031  # names the turn in which gold retires, on PostgreSQL
QUARTER = 13
"""Weekly decisions in a quarter."""


@dataclass(frozen=True)
class GoldRow:
    """Gold frozen on one day that served as many decisions."""

    frozen: str
    prompts: int
    pairs: int
    decided: int
    served: int


@dataclass(frozen=True)
class Ledger:
    """All gold. used: pairs that served `serves` decisions or more; may_retire: of them, those
    without which enough gold stays; soon: pairs that will have served in a quarter of weekly
    decisions; wanted: decided pairs that would have shown what the last refusal could not see.
    """

    rows: tuple[GoldRow, ...]
    serves: int
    pairs: int
    decided: int
    used: int
    may_retire: int
    soon: int
    wanted: int | None

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.pairs:
            return "there is no gold; freeze some with `tiebreak gold draw` or `import gold`"
        line = f"gold: {self.pairs:,} pairs, {self.decided:,} decided"
        if self.used:
            line += f"; {self.used:,} have served {self.serves} decisions or more"
            line += f", {self.may_retire:,} of them may retire" if self.may_retire else (
                ", and stay until as much fresh gold is there"
            )  # fmt: skip
        if self.soon:
            line += f"; the next quarter needs {self.soon:,} fresh pairs to keep as much"
        if self.wanted is not None and self.wanted > self.decided:
            line += f", {self.wanted - self.decided:,} more decided ones to show what the last "
            line += "decision could not see"
        return line


@dataclass(frozen=True)
class Retired:
    """What left the gold."""

    pairs: int
    prompts: int
    ledger: Ledger

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.pairs:
            return f"no gold retires; {self.ledger.summary}"
        return (
            f"{self.pairs:,} gold pairs of {self.prompts:,} prompts have served and are ordinary "
            f"labels now; {self.ledger.summary}"
        )


def ledger(database: Database, serves: int, least: int) -> Ledger:
    """The ledger as it stands. least: decided pairs that stay, whatever they have served."""
    with database.read() as session:
        return _ledger(session, serves, least)


def retire(database: Database, serves: int, least: int, actor: str = "tiebreak") -> Retired:
    """Let the oldest gold that served its time go, by whole groups of prompts, `least` staying."""
    with database.begin() as session:
        take_turn(session, _TURN)
        used = _retiring(session, parts(session), serves, least)
        pairs = retire_parts(session, used, actor)
        session.flush()
        return Retired(pairs, len(used), _ledger(session, serves, least))


@dataclass(frozen=True)
class Grown:
    """Gold that the cycle froze: new pairs, decided pairs in all, and what the gate can see."""

    new: int
    decided: int
    smallest: float
    enough: bool
    why: str = ""

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.why:
            return f"no gold was drawn: {self.why}"
        line = f"gold: {self.new:,} pairs drawn, {self.decided:,} decided in all"
        if not self.decided:
            return f"{line}; the gate can see nothing yet"
        if self.enough:
            return f"{line}; the gate sees the saving it looks for"
        seen = f"{100 * self.smallest:.0f} answers in 100 pairs"
        return f"{line}; the gate sees a saving of {seen} or more"


def grow(database: Database, share: float, seed: int, smallest_saving: float) -> Grown:
    """Freeze a share of what people settled anew, unless the gate sees its saving already."""
    decided, smallest = sight(database)
    if decided and smallest <= smallest_saving:
        return Grown(0, decided, smallest, True)
    if not share:
        return Grown(0, decided, smallest, False, "[cycle] gold_share is 0")
    try:
        with database.begin() as session:
            drawn = draw_gold(session, share, seed, group_of(StoredPrompts(session)), of_new=True)
    except Conflict as error:
        return Grown(0, decided, smallest, False, str(error))
    decided, smallest = sight(database)
    return Grown(drawn.new, decided, smallest, bool(decided) and smallest <= smallest_saving)


def sight(database: Database) -> tuple[int, float]:
    """Decided gold pairs, and the smallest saving they show (in answers a pair), by the error of
    the last decision about a judge where there was one.
    """
    with database.read() as session:
        decided = sum(part.decided for part in parts(session))
        judged = checkpoints.decisions(session, CheckpointKind.JUDGE)
        start = len(checkpoints.since_promotion(session, CheckpointKind.JUDGE)) + 1
    spread = SPREAD
    for decision in reversed(judged):
        table = (decision.figures.get("panels") or {}).get("table") or []
        found = next(
            (r for r in table[1:] if r["panel"] == decision.figures["panels"]["best"]), None
        )
        if found is not None:
            told = decision.figures["panels"]
            error = found["usd_change"]["error"] / told["answer_usd"]
            spread = error * math.sqrt(max(told["gold_pairs"], 1))
            break
    return decided, visible_with(decided, spread, start) if decided else math.inf


def _ledger(session: Session, serves: int, least: int) -> Ledger:
    found = parts(session)
    used = [part for part in found if part.served >= serves]
    retiring = _retiring(session, found, serves, least)
    soon = [part for part in found if part.served + QUARTER >= serves]
    decided = checkpoints.decisions(session)
    last = decided[-1].figures if decided else {}
    told = last.get("refusal") or {}
    return Ledger(
        tuple(_rows(found)),
        serves,
        _pairs(found),
        sum(part.decided for part in found),
        _pairs(used),
        _pairs(retiring),
        _pairs(soon),
        told.get("wanted") if told.get("kind") == "not visible" else None,
    )


def _rows(found: Sequence[Part]) -> list[GoldRow]:
    def key(part: Part) -> tuple[str, int]:
        return part.frozen_at.date().isoformat(), part.served

    return [
        GoldRow(day, len(same), _pairs(same), sum(part.decided for part in same), served)
        for (day, served), group in groupby(sorted(found, key=key), key=key)
        for same in [list(group)]
    ]


def _retiring(session: Session, found: Sequence[Part], serves: int, least: int) -> list[Part]:
    """Whole groups of prompts that served, the oldest first, as long as enough gold stays."""
    spare, going = sum(part.decided for part in found) - least, list[Part]()
    if spare <= 0 or not any(part.served >= serves for part in found):
        return []  # all prompts are read to be grouped
    group, groups = group_of(StoredPrompts(session)), dict[str, list[Part]]()
    for part in found:
        groups.setdefault(group(part.prompt), []).append(part)
    for members in groups.values():
        decided = sum(part.decided for part in members)
        if min(part.served for part in members) >= serves and decided <= spare:
            going += members
            spare -= decided
    return going


def _pairs(found: Sequence[Part]) -> int:
    return sum(len(part.pair_ids) for part in found)
