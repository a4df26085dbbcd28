"""Questions put to a judge on this machine: one it stumbles over costs no other its answer."""

from collections.abc import Sequence

from db.errors import TiebreakError, Unavailable
from judges.asking import Answer, Question, Scorer


def scored(scorer: Scorer, questions: Sequence[Question]) -> list[Answer]:
    """One answer a question, in order; "unchecked" with the reason where it cannot be scored.

    Raises Unavailable where not one question can be scored: then the judge is at fault.
    """
    try:
        return scorer.score(questions)
    except TiebreakError:
        raise
    except Exception:
        answers = [_one(scorer, question) for question in questions]
    if all(answer.stop == "unchecked" for answer in answers):
        raise Unavailable(f"it can score no question: {answers[0].text}")
    return answers


def _one(scorer: Scorer, question: Question) -> Answer:
    try:
        return scorer.score([question])[0]
    except Exception as error:
        return Answer(f"{type(error).__name__}: {error}", stop="unchecked")
