"""Solutions in steps, each step right or wrong: stored once each, and read back."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.identity import Messages, content_hash, prompt_hash
from db.models import Prompt, StepLabels
from db.pairs import add_prompts
from db.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Solution:
    """The steps of one solution to one prompt, with a label each: True is right."""

    messages: Messages
    steps: tuple[str, ...]
    labels: tuple[bool, ...]

    @property
    def prompt(self) -> str:
        """Identity of the prompt."""
        return prompt_hash(self.messages)

    @property
    def identity(self) -> str:
        """The same prompt and the same steps are the same solution, whatever the labels say."""
        return content_hash("steps", self.prompt, list(self.steps))


def add_solutions(session: Session, arriving: Sequence[Solution]) -> int:
    """Store solutions that are not known yet; how many were new."""
    ids = add_prompts(session, [(each.messages, None) for each in arriving])
    rows = {
        each.identity: {
            "prompt_id": ids[each.prompt],
            "content_hash": each.identity,
            "steps": list(each.steps),
            "labels": list(each.labels),
        }
        for each in arriving
    }
    return insert_new(session, StepLabels, list(rows.values()), ["content_hash"])


def all_solutions(session: Session) -> list[Solution]:
    """Every stored solution, in order of its content hash."""
    rows = session.execute(
        select(Prompt.messages, StepLabels.steps, StepLabels.labels)
        .join(Prompt, Prompt.id == StepLabels.prompt_id)
        .order_by(StepLabels.content_hash)
    )
    return [Solution(messages, tuple(steps), tuple(labels)) for messages, steps, labels in rows]
