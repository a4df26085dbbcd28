"""The pair row of a better and a worse response, whose side does not give the label away."""

from typing import Any

from db.identity import content_hash
from db.imports.fields import BadRow, Row


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

    `models` and `scores` are of (chosen, rejected); scores decide where they are there: the higher
    one wins, equal ones are a tie. `about` is the rest of the row. Raises BadRow where both
    responses say the same.
    """
    if _messages(chosen, "assistant") == _messages(rejected, "assistant"):
        raise BadRow(None, "chosen and rejected are the same, so neither is better")
    first = _drawn(prompt, chosen) <= _drawn(prompt, rejected)
    a, b = (chosen, rejected) if first else (rejected, chosen)
    model_a, model_b = models if first else models[::-1]
    opinion: Row = {"choice": "a" if first else "b"}
    if scores is not None:
        score_a, score_b = scores if first else scores[::-1]
        opinion = {"choice": better(score_a, score_b)}
        if vote is not None:
            opinion |= {"score_a": score_a, "score_b": score_b}
    row: Row = {"prompt": prompt, "response_a": a, "response_b": b, **about}
    row |= {"model_a": model_a, "model_b": model_b}
    if vote is None:
        row["labels"] = [{**(label or {}), **opinion}]
    else:
        row["votes"] = [{**vote, **opinion}]
    return {name: value for name, value in row.items() if value is not None}


def better(score_a: float, score_b: float) -> str:
    """The choice of two scores: the higher one wins, equal ones are a tie."""
    return "tie" if score_a == score_b else "a" if score_a > score_b else "b"


def _drawn(prompt: Any, said: Any) -> str:
    return content_hash("side", _messages(prompt, "user"), _messages(said, "assistant"))


def _messages(value: Any, role: str) -> Any:
    """A text and the one message it stands for are the same."""
    return [{"role": role, "content": value}] if isinstance(value, str) else value
