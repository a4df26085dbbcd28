"""Canary pairs as stored: the fixed set, its rounds, and the answers of every round.

Set and rounds are events; answers are votes whose sample lies beyond `CANARY_SAMPLE`, so money,
claims and kills are those of every vote, and no label model takes them for another opinion.
"""

from collections import defaultdict
from dataclasses import dataclass
from random import Random

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.errors import BadInput
from db.events import history, record
from db.models import Judge, JudgeVersion, Pair, Vote
from db.upsert import chunks, take_turn
from db.vocabulary import CANARY_SAMPLE, PROBE_SAMPLE, Choice, Order

_TURN = 7_246_008  # names the turn in which sets and rounds begin and end, on PostgreSQL
_SUBJECT = "canaries"
_DRAWN, _BEGUN, _ENDED = "canaries.drawn", "canaries.begun", "canaries.ended"

Question = tuple[int, Order]
"""A pair, and what was shown first."""


@dataclass(frozen=True)
class CanarySet:
    """The pairs that are asked again and again; `first_round`: rounds before are another set's."""

    pair_ids: tuple[int, ...]
    first_round: int


@dataclass(frozen=True)
class Drawn:
    """A set that was drawn, or the end of one where it is empty."""

    pairs: int
    prompts: int

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.pairs:
            return "canaries: no pair is asked again from now on"
        return (
            f"canaries: {self.pairs} pairs of {self.prompts} prompts drawn; a round asks up to "
            f"{2 * self.pairs} questions of a judge, twice as many the first time; "
            "run `tiebreak canaries ask`, or let the cycle do it"
        )


def draw_canaries(session: Session, count: int, seed: int) -> Drawn:
    """Fix the pairs to ask again, spread over prompts; an older set ends. 0 ends it alone."""
    take_turn(session, _TURN)
    rows = session.execute(
        select(Pair.id, Pair.prompt_id)
        .where(exists().where(Vote.pair_id == Pair.id))
        .order_by(Pair.id)
    ).all()
    if count < 0 or count > len(rows):
        raise BadInput(
            f"{count!r} canary pairs cannot be drawn; 0 to {len(rows):,} pairs have votes"
        )
    chance = Random(seed)
    by_prompt: dict[int, list[int]] = defaultdict(list)
    for pair_id, prompt_id in chance.sample(rows, len(rows)):
        by_prompt[prompt_id].append(pair_id)
    deep = max(map(len, by_prompt.values()), default=0)
    spread = [pairs[n] for n in range(deep) for pairs in by_prompt.values() if n < len(pairs)]
    chosen = sorted(spread[:count])
    first = _newest_round(session) + 1
    record(session, "tiebreak", _DRAWN, _SUBJECT, {"pairs": chosen, "first": first, "seed": seed})
    prompt_of = {pair_id: prompt_id for pair_id, prompt_id in rows}
    return Drawn(len(chosen), len({prompt_of[pair_id] for pair_id in chosen}))


def canary_set(session: Session) -> CanarySet | None:
    """The set in force; None where none was drawn or the last one was ended."""
    drawn = [event for event in history(session, _SUBJECT) if event.kind == _DRAWN]
    if not drawn or not drawn[-1].payload["pairs"]:
        return None
    return CanarySet(tuple(drawn[-1].payload["pairs"]), int(drawn[-1].payload["first"]))


def open_round(session: Session, canaries: CanarySet) -> int:
    """The round to ask, written down as begun where it is a new one."""
    take_turn(session, _TURN)
    number = next_round(session, canaries)
    if number > _newest_round(session):
        record(session, "tiebreak", _BEGUN, _SUBJECT, {"round": number})
    return number


def next_round(session: Session, canaries: CanarySet) -> int:
    """The round to ask: the one that was begun and has not ended, else the next."""
    events = history(session, _SUBJECT)
    ended = {int(e.payload["round"]) for e in events if e.kind == _ENDED}
    begun = [int(e.payload["round"]) for e in events if e.kind == _BEGUN]
    if begun and begun[-1] >= canaries.first_round and begun[-1] not in ended:
        return begun[-1]
    return _newest_round(session) + 1


def end_round(session: Session, number: int) -> None:
    """Write down that a round has asked all it could; the next call opens another."""
    take_turn(session, _TURN)
    record(session, "tiebreak", _ENDED, _SUBJECT, {"round": number})


def samples_of(number: int) -> tuple[int, int]:
    """The samples of a round: its answers, and those of the same question asked once more."""
    return CANARY_SAMPLE + 2 * number, CANARY_SAMPLE + 2 * number + 1


@dataclass(frozen=True)
class CanaryAnswers:
    """One judge version's answers: sample, then question, to choice; abstains among them."""

    version_id: int
    judge: str
    by_sample: dict[int, dict[Question, Choice]]


def canary_answers(session: Session, canaries: CanarySet) -> list[CanaryAnswers]:
    """All answers of the set in force, by judge version in the order they were made."""
    found: dict[int, CanaryAnswers] = {}
    least = samples_of(canaries.first_round)[0]
    for chunk in chunks(canaries.pair_ids):
        rows = session.execute(
            select(
                Vote.judge_version_id, Judge.name, Vote.sample, Vote.pair_id, Vote.order,
                Vote.choice,
            )
            .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
            .join(Judge, Judge.id == JudgeVersion.judge_id)
            .where(Vote.sample >= least, Vote.sample < PROBE_SAMPLE, Vote.pair_id.in_(chunk))
            .order_by(Vote.id)
        )  # fmt: skip
        for version_id, judge, sample, pair_id, order, choice in rows:
            of = found.setdefault(version_id, CanaryAnswers(version_id, judge, {}))
            of.by_sample.setdefault(sample, {})[pair_id, order] = choice
    return [found[version_id] for version_id in sorted(found)]


def _newest_round(session: Session) -> int:
    begun = [e for e in history(session, _SUBJECT) if e.kind == _BEGUN]
    return int(begun[-1].payload["round"]) if begun else 0
