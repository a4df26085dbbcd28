"""The texts of one pair or of candidates to rank, and nothing else about them. Read only."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db.conversation import Messages
from db.errors import UnknownName
from db.models import Candidate, Pair, Prompt


def pair(session: Session, pair_id: int) -> tuple[Messages, str, str]:
    """The conversation and responses A and B, in stored order."""
    first, second = aliased(Candidate), aliased(Candidate)
    row = session.execute(
        select(Prompt.messages, first.text, second.text)
        .select_from(Pair)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .where(Pair.id == pair_id)
    ).first()
    if row is None:
        raise UnknownName(f"no pair {pair_id!r}; load the list again")
    return row[0], row[1], row[2]


def ranking(
    session: Session, prompt_id: int, candidate_ids: Sequence[int]
) -> tuple[Messages, list[str]]:
    """The conversation and the candidates' texts, in the order of their ids given."""
    messages = session.scalar(select(Prompt.messages).where(Prompt.id == prompt_id))
    if messages is None:
        raise UnknownName(f"no prompt {prompt_id!r}; load the list again")
    rows = session.execute(
        select(Candidate.id, Candidate.text).where(Candidate.id.in_(candidate_ids))
    )
    texts = {key: text for key, text in rows}
    return messages, [texts[key] for key in candidate_ids]
