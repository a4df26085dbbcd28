"""Judges and their versions: found or stored by name and by the hash of what they are."""

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
        raise BadInput(
            f"judge {name!r} has family {judge.family!r}, not {family!r}; "
            "use the same family, or another judge name"
        )
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
