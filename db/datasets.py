"""What an export reads and records: every pair with its settled label and where it came from.

Leaves out which rows an export keeps (`trainer.export.selection`) and how it writes them
(`trainer.export.dataset`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db import rankings
from db.certificates import in_force, title
from db.consensus import newest_fit
from db.errors import UnknownName
from db.events import history
from db.models import (
    Candidate,
    Consensus,
    Dataset,
    DatasetItem,
    Flag,
    Judge,
    JudgeVersion,
    Pair,
    PairName,
    Preference,
    Prompt,
    Review,
    Vote,
)
from db.owners import owned
from db.probabilities import Probabilities
from db.vocabulary import CANARY_SAMPLE

LEFT_OUT = "dataset.group_left_out"
"""The event of a cross-validation that has measured one group."""


@dataclass(frozen=True, slots=True)
class ExportPair:
    """One pair as an export sees it. Texts and choices are in stored order.

    `names` are outsiders' ids with whether that id has A and B exchanged. The label fields are
    None where nothing is settled; `p` then comes from the newest consensus, if it has the pair.
    `rankings`: where orders over several candidates settled it, (the order's number, by its
    content; place of A, place of B), 0 the best; all pairs of one number are one answer.
    """

    id: int
    pair_hash: str
    prompt_hash: str
    messages: list[dict[str, str]]
    prompt: str
    a: str
    b: str
    model_a: str | None
    model_b: str | None
    domain: str | None
    data_source: str | None
    names: tuple[tuple[str, bool], ...] = ()
    preference_id: int | None = None
    choice: str | None = None
    strength: int | None = None
    both_bad: bool = False
    p: Probabilities | None = None
    label_source: str | None = None
    task_kind: str | None = None
    batch_id: int | None = None
    settled_at: datetime | None = None
    rationales: tuple[str, ...] = ()
    route: str | None = None
    reasons: tuple[Any, ...] = ()
    flags: tuple[str, ...] = ()
    certificate: str | None = None
    rankings: tuple[tuple[int, int, int], ...] = ()
    erased: bool = False

    @property
    def name(self) -> str:
        """An outsider's id that has this stored order, or the start of the content hash."""
        straight = [name for name, mirrored in self.names if not mirrored]
        return min(straight) if straight else self.pair_hash[:16]


@dataclass(frozen=True, slots=True)
class ExportVote:
    """One vote in stored order with who cast it."""

    pair_id: int
    judge: str
    family: str
    judge_version: str
    provider: str
    generation: int
    order: str
    sample: int
    choice: str
    strength: int | None
    both_bad: bool
    confidence: float | None
    p_a: float | None
    rationale: str | None
    principles: dict[str, str] | None
    abstain_reason: str | None


def export_pairs(session: Session) -> list[ExportPair]:
    """Every pair, in order of content, with its current label, route, flags and certificate."""
    first, second = aliased(Candidate), aliased(Candidate)
    fit = newest_fit(session)
    fit_id = fit.id if fit is not None else None
    rows = session.execute(
        select(Pair, Prompt, first, second, Preference, Consensus)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .outerjoin(
            Preference,
            (Preference.pair_id == Pair.id) & (Preference.superseded_at.is_(None)),
        )
        .outerjoin(Consensus, (Consensus.pair_id == Pair.id) & (Consensus.fit_id == fit_id))
        .order_by(Prompt.content_hash, Pair.content_hash)
    ).all()
    names, routes, flags = _names(session), owned(session), _flags(session, fit_id)
    certificates = {
        (made.batch_id, made.payload.get("stratum", "")): title(made) for made in in_force(session)
    }
    rationales = _rationales(session)
    ordered = rankings.orders(
        session, {key for *_, label, _ in rows if label for key in label.ranking_ids}
    )
    place_of = {key: rankings.places(groups) for key, groups in ordered.items()}
    number_of = rankings.numbers(session, ordered)
    found: list[ExportPair] = []
    for pair, prompt, a, b, label, consensus in rows:
        route = routes.get(pair.id)
        known = label or consensus
        found.append(
            ExportPair(
                id=pair.id,
                pair_hash=pair.content_hash,
                prompt_hash=prompt.content_hash,
                messages=prompt.messages,
                erased=prompt.erased_at is not None,
                prompt=prompt.text,
                a=a.text,
                b=b.text,
                model_a=a.model,
                model_b=b.model,
                domain=pair.domain,
                data_source=pair.source,
                names=tuple(names.get(pair.id, ())),
                p=known.p if known else None,
                route=route.route.value if route else None,
                reasons=tuple(route.reasons) if route else (),
                flags=tuple(flags.get(pair.id, ())),
                certificate=certificates.get((route.batch_id, route.stratum)) if route else None,
                rankings=tuple(
                    sorted(
                        (number_of[key], place_of[key][a.id], place_of[key][b.id])
                        for key in (label.ranking_ids if label else ())
                    )
                ),
                **(_label_fields(label, rationales) if label else {}),
            )
        )
    return found


def _label_fields(label: Preference, rationales: Mapping[int, str]) -> dict[str, Any]:
    return {
        "preference_id": label.id,
        "choice": label.choice.value,
        "strength": label.strength,
        "both_bad": label.both_bad,
        "label_source": label.source.value,
        "task_kind": label.task_kind,
        "batch_id": label.batch_id,
        "settled_at": label.created_at,
        "rationales": tuple(sorted(rationales[i] for i in label.review_ids if i in rationales)),
    }


def _names(session: Session) -> dict[int, list[tuple[str, bool]]]:
    found: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    for name in session.scalars(select(PairName).order_by(PairName.external_id)):
        found[name.pair_id].append((name.external_id, name.mirrored))
    return found


def _flags(session: Session, fit_id: int | None) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = session.execute(
        select(Flag.pair_id, Flag.kind).where(Flag.fit_id == fit_id).distinct().order_by(Flag.kind)
    )
    for pair_id, kind in rows:
        if pair_id is not None:
            found[pair_id].append(kind)
    return found


def _rationales(session: Session) -> dict[int, str]:
    found = {}
    for review_id, rationale, reasons in session.execute(
        select(Review.id, Review.rationale, Review.reasons)
    ):
        text = rationale or "; ".join(reasons or ())
        if text:
            found[review_id] = text
    return found


def export_votes(session: Session) -> list[ExportVote]:
    """Every vote, ordered by the pair's content, judge, version, order and sample."""
    rows = session.execute(
        select(Vote, JudgeVersion, Judge)
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .join(Pair, Pair.id == Vote.pair_id)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .where(Vote.sample < CANARY_SAMPLE)
        .order_by(
            Prompt.content_hash,
            Pair.content_hash,
            Judge.name,
            JudgeVersion.version,
            Vote.order,
            Vote.sample,
        )
    )
    return [
        ExportVote(
            pair_id=vote.pair_id,
            judge=judge.name,
            family=judge.family,
            judge_version=version.version,
            provider=version.provider.value,
            generation=version.generation,
            order=vote.order.value,
            sample=vote.sample,
            choice=vote.choice.value,
            strength=vote.strength,
            both_bad=vote.both_bad,
            confidence=vote.confidence,
            p_a=vote.p_a,
            rationale=vote.rationale,
            principles=vote.principles,
            abstain_reason=vote.abstain_reason,
        )
        for vote, version, judge in rows
    ]


def find_dataset(session: Session, name: str) -> Dataset | None:
    """The dataset of that name, if there is one."""
    return session.scalar(select(Dataset).where(Dataset.name == name))


def dataset(session: Session, name: str | None = None) -> Dataset:
    """The dataset of that name, or the newest; UnknownName where there is none."""
    if name is None:
        newest = session.scalar(select(Dataset).order_by(Dataset.id.desc()).limit(1))
        if newest is None:
            raise UnknownName("there is no dataset yet; make one with `tiebreak export DIR`")
        return newest
    found = find_dataset(session, name)
    if found is None:
        known = ", ".join(session.scalars(select(Dataset.name).order_by(Dataset.name))) or "none"
        raise UnknownName(f"dataset {name!r} is not known; there is {known}")
    return found


def record_dataset(
    session: Session,
    name: str,
    path: str,
    content_hash: str,
    manifest: dict[str, Any],
    items: Sequence[tuple[int, str]],
) -> Dataset:
    """Store a finished export; `items` are (preference id, split)."""
    made = Dataset(name=name, path=path, content_hash=content_hash, manifest=manifest)
    session.add(made)
    session.flush()
    session.add_all(
        DatasetItem(dataset_id=made.id, preference_id=preference_id, split=split)
        for preference_id, split in items
    )
    return made


def left_out_groups(session: Session, dataset: Dataset | None) -> list[dict[str, Any]]:
    """What cross-validations on a dataset have found: the newest of every group."""
    events = history(session, f"dataset:{dataset.name}") if dataset else []
    found = {(e.payload["by"], e.payload["group"]): e.payload for e in events if e.kind == LEFT_OUT}
    return [found[key] for key in sorted(found)]
