"""Judges and their versions: found or stored by name and by the hash of what they are."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import BadInput
from db.identity import content_hash
from db.models import Judge, JudgeVersion
from db.upsert import insert_new
from db.vocabulary import Provider


def judge_version(
    session: Session,
    *,
    name: str,
    family: str,
    version: str,
    provider: Provider,
    config: dict[str, Any],
    model: str | None = None,
    prompt_version: str | None = None,
    constitution_version: str | None = None,
    generation: int = 0,
    checkpoint_id: int | None = None,
) -> JudgeVersion:
    """The stored version of a judge, made where it is not there yet.

    Raises BadInput where the judge is known with another family.
    """
    insert_new(session, Judge, [{"name": name, "family": family}], ["name"])
    judge = session.scalars(select(Judge).where(Judge.name == name)).one()
    if judge.family != family:
        raise BadInput(_of_other_family(name, judge.family, family))
    made = {
        "judge_id": judge.id,
        "version": version,
        "provider": provider,
        "model": model,
        "prompt_version": prompt_version,
        "constitution_version": constitution_version,
        "generation": generation,
        "checkpoint_id": checkpoint_id,
        "config": config,
    }
    insert_new(session, JudgeVersion, [made], ["judge_id", "version"])
    query = select(JudgeVersion).where(JudgeVersion.judge_id == judge.id)
    return session.scalars(query.where(JudgeVersion.version == version)).one()


def recorded_version(session: Session, name: str, family: str | None) -> JudgeVersion:
    """The version that stands for votes made elsewhere under this judge's name.

    A judge first recorded without a family is its own family until one is told.
    """
    known = session.scalar(select(Judge).where(Judge.name == name))
    if known is not None and family is not None and known.family == name:
        known.family = family
        session.flush()
    family = family or (name if known is None else known.family)
    return judge_version(
        session,
        name=name,
        family=family,
        version=content_hash("recorded", name),
        provider=Provider.RECORDED,
        config={"provider": "recorded"},
    )


def family_clashes(
    session: Session, told: Iterable[tuple[int, str, str | None]]
) -> dict[int, tuple[str | None, str]]:
    """Of (row, judge, family) in order, the rows that tell a judge another family than is known.

    By row: the family, and the sentence. Nothing is stored.
    """
    told = list(told)
    query = select(Judge.name, Judge.family).where(Judge.name.in_({name for _, name, _ in told}))
    known: dict[str, str] = dict(session.execute(query).all()) if told else {}
    found: dict[int, tuple[str | None, str]] = {}
    for row, name, family in told:
        before = known.setdefault(name, family or name)
        if family is not None and before == name:
            known[name] = family
        elif family is not None and before != family:
            found.setdefault(row, (family, _of_other_family(name, before, family)))
    return found


def _of_other_family(name: str, known: str, told: str) -> str:
    return (
        f"judge {name!r} has family {known!r}, not {told!r}; "
        "use the same family, or another judge name"
    )


def without_family(session: Session) -> list[str]:
    """Names of recorded judges whose family nobody has told."""
    recorded = select(JudgeVersion.judge_id).where(JudgeVersion.provider == Provider.RECORDED)
    query = select(Judge.name).where(Judge.family == Judge.name, Judge.id.in_(recorded))
    return list(session.scalars(query.order_by(Judge.name)))


def find_version(session: Session, name: str, version: str) -> int | None:
    """The id of a judge's version, or None where it was never asked."""
    return session.scalar(
        select(JudgeVersion.id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Judge.name == name, JudgeVersion.version == version)
    )
