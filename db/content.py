"""The texts of one pair or of candidates to rank, and nothing else about them. Read only."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db.conversation import Spoken, said
from db.errors import UnknownName
from db.models import Candidate, Pair, Prompt


def pair(session: Session, pair_id: int) -> tuple[Spoken, str, str]:
    """The conversation and responses A and B in stored order; one of messages is `Spoken`."""
    first, second = aliased(Candidate), aliased(Candidate)
    row = session.execute(
        select(
            *(Prompt.messages, Prompt.tools),
            *(first.text, first.messages, second.text, second.messages),
        )
        .select_from(Pair)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .where(Pair.id == pair_id)
    ).first()
    if row is None:
        raise UnknownName(f"no pair {pair_id!r}; load the list again")
    return Spoken(*row[:2]), said(*row[2:4]), said(*row[4:])


def ranking(
    session: Session, prompt_id: int, candidate_ids: Sequence[int]
) -> tuple[Spoken, list[str]]:
    """The conversation and the candidates' texts, in the order of their ids given."""
    prompt = session.execute(
        select(Prompt.messages, Prompt.tools).where(Prompt.id == prompt_id)
    ).first()
    if prompt is None:
        raise UnknownName(f"no prompt {prompt_id!r}; load the list again")
    rows = session.execute(
        select(Candidate.id, Candidate.text, Candidate.messages).where(
            Candidate.id.in_(candidate_ids)
        )
    )
    texts = {key: said(text, messages) for key, text, messages in rows}
    return Spoken(*prompt), [texts[key] for key in candidate_ids]
