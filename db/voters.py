"""Who votes: of each judge one version, and of the judges those that are configured.

The one rule for everything that pools votes. A judge that is configured no longer is history, one
that a person retired neither votes nor is asked; both keep their votes. Judges whose votes came
from elsewhere stand as they are. Of a judge the version votes that was asked last; where a probe is
required, it votes once it was probed and did not fail.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.errors import UnknownName
from db.events import record
from db.models import Judge, JudgeVersion, ProbeOutcome, Vote
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
    stands = Judge.standing.is_(None) | Judge.standing.not_in(_SILENT)
    return current().where(stands, Judge.needs_probe.is_not(True) | _probed())


def _probed() -> ColumnElement[bool]:
    """Whether the newest probe of a version lets it vote where one is required."""
    other = aliased(ProbeOutcome)
    newest = select(func.max(other.id)).where(other.judge_version_id == JudgeVersion.id)
    return exists().where(
        ProbeOutcome.id == newest.correlate(JudgeVersion).scalar_subquery(), ProbeOutcome.suffices
    )


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


def require_probe(session: Session, version_ids: Collection[int], required: bool) -> None:
    """Write down of the judges of these versions whether they vote only in a version that was
    probed and did not fail; `configure` writes it of all, and knows nobody before it was asked.
    """
    judges = select(JudgeVersion.judge_id).where(JudgeVersion.id.in_(version_ids))
    for judge in session.scalars(select(Judge).where(Judge.id.in_(judges))):
        if bool(judge.needs_probe) != required:
            judge.needs_probe = required
    session.flush()


def pairs_of(session: Session, version_id: int) -> int:
    """On how many pairs a version has voted."""
    query = select(func.count(Vote.pair_id.distinct()))
    mine = Vote.judge_version_id == version_id, Vote.sample < CANARY_SAMPLE
    return session.scalar(query.where(*mine)) or 0


def _voted(version: Any) -> ColumnElement[bool]:
    """Whether a version has votes on pairs, as `pairs_of` counts them."""
    return exists().where(Vote.judge_version_id == version.id, Vote.sample < CANARY_SAMPLE)


def configure(
    session: Session,
    names: Collection[str],
    *,
    history_votes: bool = False,
    require_probe: bool = False,
) -> list[str]:
    """Write down which judges are configured; those that were asked and are not named are history.

    history_votes: they vote all the same. require_probe: none of those asked votes in a version
    that was not probed, or failed. Who is retired stays so. Returns the names that are history from
    now on; who was only ever probed is not told.
    """
    gone: list[str] = []
    heard = set(session.scalars(select(JudgeVersion.judge_id).where(_voted(JudgeVersion))))
    wanted = dict.fromkeys(names, Standing.CONFIGURED)
    for judge in session.scalars(select(Judge).where(Judge.id.in_(_ASKED))):
        if bool(judge.needs_probe) != require_probe:
            judge.needs_probe = require_probe
        standing = wanted.get(judge.name, None if history_votes else Standing.HISTORY)
        if judge.standing not in (standing, Standing.RETIRED):
            judge.standing = standing
            gone += [judge.name] if standing is Standing.HISTORY and judge.id in heard else []
    session.flush()
    return sorted(gone)


def retired(session: Session) -> frozenset[str]:
    """The names of the judges that a person retired."""
    return frozenset(session.scalars(select(Judge.name).where(Judge.standing == Standing.RETIRED)))


def retire(session: Session, name: str, *, undo: bool = False, configured: bool = True) -> bool:
    """Let a judge neither vote nor be asked from now on, or again. False where it stands so.

    One that was asked and is not configured is history when it comes back. Raises UnknownName.
    """
    judge = session.scalar(select(Judge).where(Judge.name == name).with_for_update())
    if judge is None:
        names = sorted(session.scalars(select(Judge.name)))
        raise UnknownName(f"no judge {name!r} has votes here; there are {names}")
    if undo == (judge.standing != Standing.RETIRED):
        return False
    judge.standing = Standing.RETIRED
    if undo:
        was_asked = select(_ASKED.where(JudgeVersion.judge_id == judge.id).exists())
        history = not configured and session.scalar(was_asked)
        judge.standing = Standing.HISTORY if history else None
    kind = "judge.restored" if undo else "judge.retired"
    record(session, "tiebreak", kind, f"judge:{name}", {})
    return True


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
