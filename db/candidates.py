"""Responses: stored once each by content, with who is known to have written them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.among import among
from db.conversation import Messages, plain_answer, response_text
from db.models import Candidate
from db.told import kept_author
from db.upsert import insert_new


@dataclass(frozen=True)
class NewCandidate:
    """A response as it arrives; `messages` where it is more than one plain message of the
    assistant, `text` then being how they read.
    """

    text: str
    model: str | None = None
    family: str | None = None
    messages: Messages | None = None

    @classmethod
    def said(
        cls, messages: Messages, model: str | None = None, family: str | None = None
    ) -> "NewCandidate":
        """A response given as messages."""
        plain = plain_answer(messages)
        if plain is not None:
            return cls(plain, model, family)
        return cls(str(response_text(messages)), model, family, messages)

    @property
    def content(self) -> str | Messages:
        """What makes it this response and no other."""
        return self.text if self.messages is None else self.messages


@dataclass(frozen=True)
class KeptCandidate:
    """A stored response: its id, and who is known to have written it."""

    id: int
    model: str | None
    family: str | None


def add_candidates(
    session: Session, candidates: Iterable[tuple[int, str, NewCandidate]]
) -> dict[str, KeptCandidate]:
    """Store new candidates given as (prompt id, content hash, candidate); by content hash."""
    told: dict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
    rows: dict[str, dict[str, Any]] = {}
    for prompt_id, key, candidate in candidates:
        told[key].append((candidate.model, candidate.family))
        about = {"text": candidate.text, "messages": candidate.messages}
        rows.setdefault(key, {"prompt_id": prompt_id, "content_hash": key, **about})
    for key, row in rows.items():
        row["model"], row["family"] = kept_author(told[key])
    insert_new(session, Candidate, list(rows.values()), ["prompt_id", "content_hash"])
    # By the prompts alone, which their index begins with; what else they have is passed over.
    of_prompts = among(session, Candidate.prompt_id, {row["prompt_id"] for row in rows.values()})
    query = select(Candidate.content_hash, Candidate.id, Candidate.model, Candidate.family)
    found: dict[str, KeptCandidate] = {}
    changed: list[dict[str, Any]] = []
    for key, candidate_id, *stored in session.execute(query.where(of_prompts)):
        if key not in rows:
            continue
        if told[key] == [(stored[0], stored[1])]:
            found[key] = KeptCandidate(candidate_id, *stored)
            continue
        model, family = kept_author([*told[key], (stored[0], stored[1])])
        found[key] = KeptCandidate(candidate_id, model, family)
        if [model, family] != stored:
            changed.append({"id": candidate_id, "model": model, "family": family})
    if changed:
        session.execute(update(Candidate), changed)
    return found
