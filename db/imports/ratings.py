"""Scores become choices by one rule: the higher one wins, equal ones are a tie. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.vocabulary import Choice

LARGEST = 1e12
"""No score is larger."""


def better(score_a: float, score_b: float) -> Choice:
    """The choice that two scores are."""
    return Choice.TIE if score_a == score_b else Choice.A if score_a > score_b else Choice.B


def choice_of(row: Row, score_a: float | None, score_b: float | None) -> Choice:
    """The choice of a row: what it says, else what its two scores are. Raises BadRow."""
    if row.get("choice") in (None, "") and score_a is not None and score_b is not None:
        return better(score_a, score_b)
    return fields.choice(row)


@dataclass(frozen=True)
class Rater:
    """What one rater said of the responses to a prompt, by their position.

    `who` is a row's `annotator` or `judge`; `said` the score, and the words where there are any;
    `ids` what the responses are called.
    """

    who: Row
    said: dict[int, tuple[float, str | None]]
    ids: Sequence[str]

    def chooses(self, texts: Sequence[int]) -> bool:
        """Whether two of the rated responses are different ones; `texts` numbers their texts."""
        return len({texts[place] for place in self.said}) > 1

    def choice(self, i: int, j: int) -> Row | None:
        """The label or vote on the pair of these responses; None where not both were rated."""
        if i not in self.said or j not in self.said:
            return None
        (score_a, _), (score_b, _) = self.said[i], self.said[j]
        words = [f"{self.ids[n]}: {self.said[n][1]}" for n in (i, j) if self.said[n][1]]
        return {
            "pair_id": "-",
            **self.who,
            "choice": better(score_a, score_b).value,
            "score_a": score_a,
            "score_b": score_b,
            "rationale": "\n\n".join(words) or None,
        }


def ratings_of(responses: Sequence[Any], ids: Sequence[str], signed: str) -> list[Rater]:
    """Every rater of these responses; `signed` gave the ratings that name nobody.

    Raises BadRow for a rating without a score, and for a second one of the same response.
    """
    found: dict[tuple[str, str], Rater] = {}
    for place, response in enumerate(responses):
        given = fields.objects(response, "ratings") if isinstance(response, dict) else []
        for rating in given:
            kind = "judge" if rating.get("judge") not in (None, "") else "annotator"
            name = fields.optional_name(rating, kind) or signed
            who = {key: rating[key] for key in ("family",) if rating.get(key) and kind == "judge"}
            score = fields.number(rating, "score", -LARGEST, LARGEST)
            if score is None:
                raise BadRow(None, f"a rating by {name!r} has no score")
            rater = found.setdefault((kind, name), Rater({kind: name, **who}, {}, ids))
            if place in rater.said:
                raise BadRow(name, f"{name!r} rates response {ids[place]!r} twice")
            rater.said[place] = score, fields.optional_text(rating, "rationale")
    return list(found.values())
