"""Small databases for tests of the review room: prompts, pairs, people, votes, gold and tasks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256

from db import annotators, reviews
from db.models import (
    Batch,
    Candidate,
    Consensus,
    ConsensusFit,
    Gold,
    Judge,
    JudgeVersion,
    Pair,
    PairRoute,
    Prompt,
    Vote,
)
from db.probabilities import Probabilities
from db.session import Database
from db.tasks import NewTask, add_tasks
from db.types import now
from db.vocabulary import Choice, Order, Provider, Role, Route, TaskKind
from review.settings import ReviewSettings

PLAIN = ReviewSettings(
    min_dwell_seconds=0, gold_rate=0, repeat_rate=0, rationale_rate=0, practice_pairs=0
)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def add_pairs(database: Database, count: int, *, domain: str | None = None) -> list[int]:
    """`count` prompts with a pair each; returns the pair ids."""
    made = []
    with database.begin() as session:
        for _ in range(count):
            n = len(made) + (session.query(Pair).count() if not made else made[0])
            prompt = Prompt(
                content_hash=digest(f"p{n}"),
                messages=[{"role": "user", "content": f"Question {n}?"}],
            )
            session.add(prompt)
            session.flush()
            a, b = (
                Candidate(prompt_id=prompt.id, content_hash=digest(f"{n}{x}"), text=f"{x} of {n}")
                for x in ("Alpha", "Beta")
            )
            session.add_all([a, b])
            session.flush()
            pair = Pair(
                prompt_id=prompt.id,
                candidate_a_id=a.id,
                candidate_b_id=b.id,
                content_hash=digest(f"pair{n}"),
                domain=domain,
            )
            session.add(pair)
            session.flush()
            made.append(pair.id)
    return made


def add_person(database: Database, name: str, role: Role = Role.ANNOTATOR, **values) -> int:
    with database.begin() as session:
        person = annotators.ensure(session, name, role=role)
        for key, value in values.items():
            setattr(person, key, value)
        return person.id


def escalate(database: Database, pair_ids: list[int], **values) -> None:
    """Open an escalation for each pair; earlier ones have the higher priority."""
    count = len(pair_ids)
    with database.begin() as session:
        add_tasks(
            session,
            [
                NewTask(
                    **{"kind": TaskKind.ESCALATION, "pair_id": p, "priority": 1 - i / count}
                    | values
                )
                for i, p in enumerate(pair_ids)
            ],
        )


def add_gold(database: Database, pair_ids: list[int], choice: Choice = Choice.A) -> None:
    with database.begin() as session:
        session.add_all([Gold(pair_id=p, choice=choice, how={"drawn": "test"}) for p in pair_ids])


def add_votes(
    database: Database, pair_id: int, choices: dict[str, Choice], p_a: float | None = None
) -> None:
    """One vote (order ab) of each named judge, and a consensus where `p_a` is given."""
    with database.begin() as session:
        for name, choice in choices.items():
            judge = session.query(Judge).filter_by(name=name).one_or_none()
            if judge is None:
                judge = Judge(name=name, family=name)
                session.add(judge)
                session.flush()
                session.add(
                    JudgeVersion(
                        judge_id=judge.id,
                        version=digest(name),
                        provider=Provider.RECORDED,
                        config={},
                    )
                )
                session.flush()
            version = session.query(JudgeVersion).filter_by(judge_id=judge.id).one()
            session.add(
                Vote(
                    pair_id=pair_id,
                    judge_version_id=version.id,
                    order=Order.AB,
                    choice=choice,
                    rationale=f"{name} says {choice}",
                    abstain_reason="silent" if choice is Choice.ABSTAIN else None,
                )
            )
        if p_a is not None:
            add_consensus(session, {pair_id: Probabilities(p_a, 0.0, 1 - p_a)})


def add_consensus(session, probabilities: dict[int, Probabilities]) -> int:
    fit = ConsensusFit(
        model="majority",
        version=digest("fit"),
        settings={},
        raters=[],
        n_pairs=len(probabilities),
        n_votes=0,
        n_labels=0,
    )
    session.add(fit)
    session.flush()
    session.add_all(
        [Consensus(fit_id=fit.id, pair_id=pair, **asdict(p)) for pair, p in probabilities.items()]
    )
    session.flush()
    return fit.id


def add_batch(session, fit_id: int, routes: Mapping[int, Route] | None = None) -> int:
    """A routed batch, with the route of these pairs."""
    batch = Batch(fit_id=fit_id, policy={}, seed=0, frame_hash="0" * 64)
    session.add(batch)
    session.flush()
    session.add_all(
        PairRoute(batch_id=batch.id, pair_id=pair, route=route, reasons=[], priority=0, score=1)
        for pair, route in (routes or {}).items()
    )
    session.flush()
    return batch.id


def say(database: Database, annotator_id: int, pair_id: int, choice: Choice, **values) -> None:
    """A review outside of any task."""
    with database.begin() as session:
        reviews.add_review(session, reviews.NewReview(pair_id, annotator_id, choice, **values))


@dataclass
class Clock:
    """A time that moves when told to."""

    at: object = None

    def __post_init__(self) -> None:
        self.at = now()

    def pass_(self, **duration: float):
        self.at = self.at + timedelta(**duration)
        return self.at
