"""Abstains by kind, told from the reason each is stored with; those by accident are asked again.

An accident is no judgement of the pair: the answer was cut off, refused or could not be read. What
is held back or cannot be checked is none, nor is what a judge that computes has no word for. An
abstain that is asked again keeps its record, its raw answer and its cost under a sample that no
reader of votes looks at; its question is then missing like any other.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import BadInput
from db.models import Judge, JudgeVersion, Vote
from db.vocabulary import ASKED_AGAIN_SAMPLE, CANARY_SAMPLE, HELD_BACK, Choice, Provider

CUT_OFF = "cut off"
KINDS: Mapping[str, tuple[str, ...]] = {
    CUT_OFF: ("truncated",),
    "empty": ("no answer",),
    "refused": ("refused",),
    "filtered": ("content filter",),
    "too long": ("too long for the model",),
    "rejected": ("rejected by the server",),
    "read in part": ("read in part by its server",),
    "broken off": ("broken off by its server",),
    "unreadable": (),
}
"""Kinds of accidents, and how their reasons begin; every other reason of a model is unreadable."""

_NONE = (HELD_BACK, "cannot be checked")  # nobody was asked, or the question has no answer here
_NO_MODELS = (Provider.RECORDED, Provider.VERIFIER, Provider.BASELINE)
_TOLD = 40  # letters of a reason's detail that stand in a line


def kind_of(reason: str | None) -> str | None:
    """The kind of accident that a model's reason names; None where it is none."""
    if not reason or reason.startswith(_NONE):
        return None
    begins = ((kind, start) for kind, starts in KINDS.items() for start in starts)
    return next((kind for kind, start in begins if reason.startswith(start)), "unreadable")


def counted(reasons: Iterable[str | None]) -> Counter[str]:
    """How often each kind, with what a refusal or a filter is about where that is told shortly."""
    found: Counter[str] = Counter()
    for reason in reasons:
        kind = kind_of(reason)
        about = (reason or "").partition(": ")[2]
        short = about and kind in ("refused", "filtered") and len(about) <= _TOLD
        found[f"{kind} ({about})" if short else kind or "for other reasons"] += 1
    return found


def accidental(counts: Mapping[str, int]) -> int:
    """How many of these are accidents."""
    return sum(n for told, n in counts.items() if told.partition(" (")[0] in KINDS)


def told(counts: Mapping[str, int]) -> str:
    """As words: "9 refused (violence), 3 cut off"."""
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{n:,} {kind}" for kind, n in ranked)


def by_judge(session: Session) -> dict[str, Counter[str]]:
    """Accidents of each judge by kind, over all its versions; judges without any are left out."""
    query = (
        select(Judge.name, Vote.abstain_reason, func.count())
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(
            Vote.choice == Choice.ABSTAIN,
            Vote.sample < CANARY_SAMPLE,
            JudgeVersion.provider.not_in(_NO_MODELS),
        )
        .group_by(Judge.name, Vote.abstain_reason)
        .order_by(Judge.name)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason, n in session.execute(query):
        for kind in counted([reason]) if kind_of(reason) else ():
            found[name][kind] += n
    return dict(found)


def without_a_word(session: Session) -> Counter[str]:
    """Stored votes that say nothing, by kind, of whatever judge and version."""
    query = select(Vote.abstain_reason, func.count()).where(
        Vote.choice == Choice.ABSTAIN, Vote.sample < CANARY_SAMPLE
    )
    found: Counter[str] = Counter()
    for reason, n in session.execute(query.group_by(Vote.abstain_reason)):
        for kind in counted([reason]):
            found[kind] += n
    return found


def share(session: Session, version_id: int, before_run: int) -> tuple[int, int]:
    """Accidents among the votes of a judge version before a run, and how many votes those are."""
    query = select(Vote.abstain_reason, func.count()).where(
        Vote.judge_version_id == version_id,
        Vote.sample < CANARY_SAMPLE,
        Vote.run_id.is_(None) | (Vote.run_id < before_run),
    )
    rows = session.execute(query.group_by(Vote.abstain_reason)).all()
    return sum(n for why, n in rows if kind_of(why)), sum(n for _, n in rows)


def require_kind(name: str) -> str:
    """A kind by name. Raises BadInput."""
    if name not in KINDS:
        raise BadInput(f"{name!r} is no kind of abstain; give one of {', '.join(KINDS)}")
    return name


def ask_again(session: Session, version_id: int, kinds: Collection[str]) -> int:
    """Let the accidents of these kinds of a judge version be missing. Returns how many."""
    return _set_aside(session, [v for v in _abstains(session, version_id) if _is(v, kinds)])


def ask_cut_again(session: Session, version_id: int, room: int) -> int:
    """Let answers of a judge version that were cut off with less room than now be missing."""
    cut = (v for v in _abstains(session, version_id) if _is(v, (CUT_OFF,)))
    return _set_aside(session, [v for v in cut if 0 < _room_of(v) < room])


def _is(vote: Vote, kinds: Collection[str]) -> bool:
    return kind_of(vote.abstain_reason) in kinds


def _room_of(vote: Vote) -> int:
    """The tokens a stored answer had room for; 0 where that was not written down."""
    try:
        room = json.loads(vote.raw or "{}").get("room", 0)
    except (ValueError, AttributeError):
        return 0
    return room if isinstance(room, int) else 0


def _abstains(session: Session, version_id: int) -> list[Vote]:
    query = select(Vote).where(
        Vote.judge_version_id == version_id,
        Vote.choice == Choice.ABSTAIN,
        Vote.sample < CANARY_SAMPLE,
    )
    return list(session.scalars(query.order_by(Vote.id).with_for_update()))


def _set_aside(session: Session, votes: Collection[Vote]) -> int:
    for vote in votes:
        vote.sample = ASKED_AGAIN_SAMPLE + vote.id  # the one number that no other vote has
    session.flush()
    return len(votes)
