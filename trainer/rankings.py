"""Orders over several candidates as training material: Plackett–Luce, or weighted pairs.

Leaves out the training itself (`reward_model`).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.conversation import Tools

Row = dict[str, Any]


@dataclass(frozen=True)
class RankedResponses:
    """One person's order: responses of one prompt with their places, 0 the best, equals alike."""

    prompt: Any
    tools: Tools | None
    responses: tuple[Any, ...]
    places: tuple[int, ...]


def plackett_luce(scores: Any, places: Sequence[int]) -> Any:
    """Minus the log-probability of an order, from the scores of its candidates (a torch vector).

    P(1 > 2 > ... > n) is the product over k of exp(s_k) / (exp(s_k) + ... + exp(s_n)) (R. Plackett,
    Applied Statistics 24, 1975; D. Luce, 1959); for two candidates it is Bradley–Terry. Of m equals
    the l-th (from 0) meets all below and (m - l) / m of the equals, which comes close to the mean
    over their orders (B. Efron, JASA 72, 1977).
    """
    import torch

    total = scores.new_zeros(())
    for place in sorted(set(places)):
        own = scores[[i for i, p in enumerate(places) if p == place]]
        below = scores[[i for i, p in enumerate(places) if p > place]]
        for left in range(len(own), 0, -1):
            share = torch.log(scores.new_tensor(left / len(own)))
            total = total + torch.logsumexp(torch.cat([own + share, below]), 0)
        total = total - own.sum()
    return total


def weights(rows: Sequence[Row]) -> list[float]:
    """How much each row counts, so that all pairs of one order together count as one answer."""
    sizes = Counter(each["id"] for row in rows for each in _of(row))
    return [sum(1 / sizes[each["id"]] for each in _of(row)) or 1.0 for row in rows]


def orders(rows: Sequence[Row]) -> tuple[list[RankedResponses], list[Row]]:
    """The orders that the rows come from, and the rows that come from none.

    A pair that something else settled is not among an order's rows; its candidates still are, by
    their other pairs.
    """
    prompts: dict[int, tuple[Any, Tools | None]] = {}
    found: dict[int, dict[str, tuple[Any, int]]] = defaultdict(dict)
    for row in rows:
        for each in _of(row):
            prompts[each["id"]] = row["prompt"], row.get("tools")
            for side in ("chosen", "rejected"):
                found[each["id"]][repr(row[side])] = (row[side], each[f"place_{side}"])
    made = [
        RankedResponses(*prompts[key], *map(tuple, zip(*candidates.values(), strict=True)))
        for key, candidates in sorted(found.items())
    ]
    return made, [row for row in rows if not _of(row)]


def _of(row: Row) -> Sequence[Row]:
    return row["meta"].get("rankings") or ()  # exports of before rankings have none
