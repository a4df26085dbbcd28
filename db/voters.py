"""Who votes: of each judge one version, and of the judges those that are configured.

The one rule for everything that pools votes. A judge that is configured no longer is history, one
that a person retired neither votes nor is asked; both keep their votes. Judges whose votes came
from elsewhere stand as they are. Of a judge the version votes that was asked last.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.errors import UnknownName
from db.events import record
from db.models import Judge, JudgeVersion, Vote
from db.vocabulary import CANARY_SAMPLE, Provider, Standing

_SILENT = (Standing.HISTORY, Standing.RETIRED)
_ASKED = select(JudgeVersion.judge_id).where(JudgeVersion.provider != Provider.RECORDED)


def current() -> Select[int]:
    """The ids of the version of each judge that votes if the judge does, as a query."""
    other = aliased(JudgeVersion)
    newest = select(func.max(other.id)).where(other.judge_id == Judge.id, _voted(other))
    return (
        select(JudgeVersion.id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(
            JudgeVersion.id
            == func.coalesce(Judge.current_version_id, newest.correlate(Judge).scalar_subquery())
        )
    )


def voters() -> Select[int]:
    """The ids of the judge versions that vote, as a query."""
    return current().where(Judge.standing.is_(None) | Judge.standing.not_in(_SILENT))


def stand(session: Session, version_id: int) -> None:
    """Let a version be the one that votes for its judge: it is the one that is asked.

    Until it has voted on as many pairs as the one that votes now, that one goes on: a judge that
    cannot be asked, or not on everything yet, keeps the votes it has.
    """
    version = session.get_one(JudgeVersion, version_id)
    judge = session.get_one(Judge, version.judge_id)
    now = judge.current_version_id or session.scalar(
        select(func.max(JudgeVersion.id)).where(
            JudgeVersion.judge_id == judge.id, JudgeVersion.id != version_id, _voted(JudgeVersion)
        )
    )
    has = pairs_of(session, version_id)
    if now is None:
        now = version_id if has else None
    elif has and has >= pairs_of(session, now):
        now = version_id
    if judge.current_version_id != now:
        judge.current_version_id = now
        session.flush()


def pairs_of(session: Session, version_id: int) -> int:
    """On how many pairs a version has voted."""
    query = select(func.count(Vote.pair_id.distinct()))
    mine = Vote.judge_version_id == version_id, Vote.sample < CANARY_SAMPLE
    return session.scalar(query.where(*mine)) or 0


def _voted(version: Any) -> ColumnElement[bool]:
    """Whether a version has votes on pairs, as `_pairs` counts them."""
    return exists().where(Vote.judge_version_id == version.id, Vote.sample < CANARY_SAMPLE)


def configure(
    session: Session, names: Collection[str], *, history_votes: bool = False
) -> list[str]:
    """Write down which judges are configured; those that were asked and are not named are history.

    history_votes: they vote all the same. Who is retired stays so. Returns the names that are
    history from now on.
    """
    gone: list[str] = []
    wanted = dict.fromkeys(names, Standing.CONFIGURED)
    for judge in session.scalars(select(Judge).where(Judge.id.in_(_ASKED))):
        standing = wanted.get(judge.name, None if history_votes else Standing.HISTORY)
        if judge.standing not in (standing, Standing.RETIRED):
            judge.standing = standing
            gone += [judge.name] if standing is Standing.HISTORY else []
    session.flush()
    return sorted(gone)


def retired(session: Session) -> frozenset[str]:
    """The names of the judges that a person retired."""
    return frozenset(session.scalars(select(Judge.name).where(Judge.standing == Standing.RETIRED)))


def retire(session: Session, name: str, *, undo: bool = False) -> bool:
    """Let a judge neither vote nor be asked from now on, or again. False where it stands so.

    Raises UnknownName.
    """
    judge = session.scalar(select(Judge).where(Judge.name == name).with_for_update())
    if judge is None:
        names = sorted(session.scalars(select(Judge.name)))
        raise UnknownName(f"no judge {name!r} has votes here; there are {names}")
    if undo == (judge.standing != Standing.RETIRED):
        return False
    judge.standing = None if undo else Standing.RETIRED
    kind = "judge.restored" if undo else "judge.retired"
    record(session, "tiebreak", kind, f"judge:{name}", {})
    return True


@dataclass(frozen=True)
class Version:
    """One version of a judge: since when, how many votes, whether they count and why not; what
    differs from the version before it.
    """

    judge: str
    version: str
    since: datetime
    provider: str
    model: str | None
    votes: int
    votes_count: bool
    why: str
    differs: str


def versions(session: Session, counts: Collection[str]) -> list[Version]:
    """Every version of every judge, by name, the oldest first. counts: settings that make one."""
    voting = set(session.scalars(voters()))
    cast = dict(
        session.execute(
            select(Vote.judge_version_id, func.count())
            .where(Vote.sample < CANARY_SAMPLE)
            .group_by(Vote.judge_version_id)
        ).all()
    )
    rows = session.execute(
        select(Judge, JudgeVersion)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .order_by(Judge.name, JudgeVersion.id)
    )
    found, before = [], None
    for judge, made in rows:
        told = _told(made, counts)
        first = before is None or before[0] != judge.id
        found.append(
            Version(
                judge=judge.name,
                version=made.version[:12],
                since=made.created_at,
                provider=made.provider.value,
                model=made.model,
                votes=cast.get(made.id, 0),
                votes_count=made.id in voting,
                why="" if made.id in voting else _why(judge, made.id, cast.get(made.id, 0)),
                differs="" if first or before is None else _differs(before[1], told),
            )
        )
        before = judge.id, told
    return found


def unheard(session: Session) -> dict[str, int]:
    """Pairs on which a judge has voted in an earlier version and not in the one that votes."""
    voting = set(session.scalars(voters()))
    by_judge: dict[str, list[int]] = {}
    current: dict[str, int] = {}
    rows = session.execute(
        select(Judge.name, JudgeVersion.id).join(Judge, Judge.id == JudgeVersion.judge_id)
    ).all()
    for name, version_id in rows:
        if version_id in voting:
            current[name] = version_id
        else:
            by_judge.setdefault(name, []).append(version_id)
    found = {}
    for name, version_id in current.items():
        now = aliased(Vote)
        heard = select(now.pair_id).where(
            now.judge_version_id == version_id, now.sample < CANARY_SAMPLE
        )
        old = select(func.count(Vote.pair_id.distinct())).where(
            Vote.judge_version_id.in_(by_judge.get(name, ())),
            Vote.sample < CANARY_SAMPLE,
            Vote.pair_id.not_in(heard),
        )
        pairs = session.scalar(old) if name in by_judge else 0
        if pairs:
            found[name] = pairs
    return found


def _why(judge: Judge, version_id: int, votes: int) -> str:
    if judge.standing == Standing.RETIRED:
        return "retired"
    if judge.standing == Standing.HISTORY:
        return "configured no longer"
    if votes and version_id > (judge.current_version_id or version_id):
        return "asked about fewer pairs so far than the one before"
    return "another version was asked last" if votes else "it has no vote yet"


def _told(made: JudgeVersion, counts: Collection[str]) -> dict[str, Any]:
    kept = {k: v for k, v in (made.config or {}).items() if k in counts}
    return kept | {"template": made.prompt_version, "constitution": made.constitution_version}


def _differs(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What changed, in words; of hashes that they did."""
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return ", ".join(
        name
        if name == "constitution"
        else f"{name} {old.get(name, 'unset')} -> {new.get(name, 'unset')}"
        for name in changed
    )
