"""Solutions in steps, each step rated: stored once each, and read back."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import Messages
from db.identity import content_hash, prompt_hash
from db.models import Prompt, StepLabels
from db.pairs import add_prompts
from db.upsert import insert_new

Rating = int | None

RIGHT, NEUTRAL, WRONG = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Solution:
    """The steps of one solution to one prompt, with a rating each.

    1 is right, -1 wrong, 0 neither (it does no harm and leads nowhere), None not rated.
    """

    messages: Messages
    steps: tuple[str, ...]
    labels: tuple[Rating, ...]

    @property
    def prompt(self) -> str:
        """Identity of the prompt."""
        return prompt_hash(self.messages)

    @property
    def identity(self) -> str:
        """The same prompt and the same steps are the same solution, whatever the ratings say."""
        return content_hash("steps", self.prompt, list(self.steps))


@dataclass(frozen=True)
class Added:
    """Which solutions of those that arrived are stored now, and which were known.

    `contradicted` were known with other ratings, which stay.
    """

    new: int
    known: int
    contradicted: int


def add_solutions(session: Session, arriving: Sequence[Solution]) -> Added:
    """Store solutions that are not known yet; of the same solution the first rating stays."""
    first: dict[str, Solution] = {}
    for each in arriving:
        first.setdefault(each.identity, each)
    stored = _ratings(session, list(first))
    ids = add_prompts(session, [(each.messages, None, None) for each in first.values()])
    rows = [
        {
            "prompt_id": ids[each.prompt],
            "content_hash": identity,
            "steps": list(each.steps),
            "labels": list(each.labels),
        }
        for identity, each in first.items()
        if identity not in stored
    ]
    new = insert_new(session, StepLabels, rows, ["content_hash"])
    kept = {identity: each.labels for identity, each in first.items()} | stored
    contradicted = sum(each.labels != kept[each.identity] for each in arriving)
    return Added(new, len(arriving) - new, contradicted)


def all_solutions(session: Session) -> list[Solution]:
    """Every stored solution, in order of its content hash."""
    rows = session.execute(
        select(Prompt.messages, StepLabels.steps, StepLabels.labels)
        .join(Prompt, Prompt.id == StepLabels.prompt_id)
        .order_by(StepLabels.content_hash)
    )
    return [Solution(messages, tuple(steps), _read(labels)) for messages, steps, labels in rows]


def _ratings(session: Session, identities: Sequence[str]) -> dict[str, tuple[Rating, ...]]:
    """The stored ratings of those of these solutions that are known."""
    found = session.execute(
        select(StepLabels.content_hash, StepLabels.labels).where(
            StepLabels.content_hash.in_(identities)
        )
    )
    return {identity: _read(labels) for identity, labels in found}


def _read(labels: Sequence[bool | Rating]) -> tuple[Rating, ...]:
    """Ratings as stored; true and false, which earlier versions stored, are right and wrong."""
    words: dict[bool, Rating] = {True: RIGHT, False: WRONG}
    return tuple(words[each] if isinstance(each, bool) else each for each in labels)
