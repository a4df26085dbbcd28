"""Every version of every judge: its votes, whether they count and why not, what changed.

Leaves out the rule itself (`db.voters`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Judge, JudgeVersion, Vote
from db.probes import Outcome, outcomes
from db.vocabulary import CANARY_SAMPLE, Standing
from db.voters import current, voters


@dataclass(frozen=True)
class Version:
    """One version of a judge: since when, how many votes, whether they count and why not; what
    differs from the version before it; what its newest probe showed, where it was probed.
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
    probe: str


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
    probed = outcomes(session)
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
                why="" if made.id in voting else _why(judge, made, cast, probed),
                differs="" if first or before is None else _differs(before[1], told),
                probe=probed[made.id].why if made.id in probed else "",
            )
        )
        before = judge.id, told
    return found


def silenced(session: Session) -> dict[str, str]:
    """Judges that are asked and that a required probe keeps from voting, and why, by name."""
    probed = outcomes(session)
    asked = {
        made.judge_id: made
        for made in session.scalars(select(JudgeVersion).where(JudgeVersion.id.in_(current())))
    }
    needing = select(Judge).where(Judge.needs_probe.is_(True)).order_by(Judge.name)
    stands = Judge.standing.is_(None) | (Judge.standing == Standing.CONFIGURED)
    found = {}
    for judge in session.scalars(needing.where(stands)):
        made = asked.get(judge.id)
        why = _not_probed(judge, probed.get(made.id)) if made is not None else ""
        if why:
            found[judge.name] = why
    return found


def _not_probed(judge: Judge, outcome: Outcome | None) -> str:
    """Why a required probe keeps a version from voting; "" where it does not."""
    if not judge.needs_probe or (outcome is not None and outcome.suffices):
        return ""
    if outcome is None:
        return "not probed"
    few = "" if outcome.verdict == "failed" else f" on {outcome.pairs:,} pairs, which are too few"
    return f"its probe {outcome.why}{few}"


def _why(
    judge: Judge, made: JudgeVersion, cast: Mapping[int, int], probed: Mapping[int, Outcome]
) -> str:
    votes = cast.get(made.id, 0)
    if judge.standing == Standing.RETIRED:
        return "retired"
    if judge.standing == Standing.HISTORY:
        return "configured no longer"
    if not votes:
        return "it has no vote yet"
    if made.id > (judge.current_version_id or made.id):
        return "asked about fewer pairs so far than the one before"
    if judge.current_version_id not in (None, made.id):
        return "another version was asked last"
    return _not_probed(judge, probed.get(made.id)) or "another version was asked last"


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
