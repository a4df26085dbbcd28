"""The pair row of a better and a worse response, whose side does not give the label away."""

from typing import Any

from db.identity import content_hash
from db.imports.fields import BadRow, Row
from db.imports.ratings import better


def preferred(
    prompt: Any,
    chosen: Any,
    rejected: Any,
    *,
    models: tuple[Any, Any] = (None, None),
    label: Row | None = None,
    vote: Row | None = None,
    scores: tuple[float, float] | None = None,
    **about: Any,
) -> Row:
    """A pair with one opinion: a person's `label`, or a judge's `vote`.

    `models` and the `scores` of a vote are of (chosen, rejected); equal scores are a tie. `about`
    is the rest of the row. Raises BadRow where both responses say the same, or the rejected one
    has the higher score.
    """
    best, worse = plain(chosen, "assistant"), plain(rejected, "assistant")
    if best == worse:
        raise BadRow(None, "chosen and rejected are the same, so neither is better")
    first = _is_a(plain(prompt, "user"), best, worse)
    a, b = (chosen, rejected) if first else (rejected, chosen)
    model_a, model_b = models if first else models[::-1]
    opinion: Row = {"choice": "a" if first else "b"}
    if scores is not None:
        if scores[0] < scores[1]:
            raise BadRow(list(scores), "rejected has a higher score than chosen")
        score_a, score_b = scores if first else scores[::-1]
        opinion = {"choice": better(score_a, score_b).value, "score_a": score_a, "score_b": score_b}
    row: Row = {"prompt": prompt, "response_a": a, "response_b": b, **about}
    row |= {"model_a": model_a, "model_b": model_b}
    if vote is None:
        row["labels"] = [{**(label or {}), **opinion}]
    else:
        row["votes"] = [{**vote, **opinion}]
    return {name: value for name, value in row.items() if value is not None}


def plain(said: Any, role: str) -> Any:
    """The text of a single message of this role that holds nothing else; all else as it is."""
    if isinstance(said, list) and len(said) == 1 and isinstance(said[0], dict):
        message = said[0]
        if message.keys() == {"role", "content"} and message["role"] == role:
            content = message["content"]
            return content if isinstance(content, str) else said
    return said


def _is_a(prompt: Any, said: Any, other: Any) -> bool:
    """Whether a response is A: drawn by the prompt and both responses, whichever comes first."""
    if isinstance(said, str) and isinstance(other, str):
        smaller = said < other
    else:
        smaller = content_hash(said) < content_hash(other)
    both = (said, other) if smaller else (other, said)
    return (content_hash("side", prompt, both)[0] < "8") == smaller
