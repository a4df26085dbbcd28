"""Rows of every shape we have go in and are there again, unchanged: nothing is lost in silence."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from import_worlds import take
from sqlalchemy import select

from db.conversation import as_response
from db.models import Annotator, Judge, JudgeVersion, Pair, PairName, Review, Vote
from db.session import Database

Row = dict[str, Any]
WORDS = (
    ["a", "river", "runs", "past", "the", "old", "mill", "and", "slows"],
    ["川は古い水車小屋を過ぎて", "静かに流れる。", "山", "鳥", "風"],
    ["يجري", "النهر", "قرب", "الطاحونة", "القديمة", "ثم", "يهدأ"],
)
MOMENT = "2026-01-31T12:00:00+00:00"


class Maker:
    """Draws rows: three languages, tools, several turns, null content, ties, ratings, votes."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def text(self, name: str) -> str:
        words = self.draw.choice(WORDS)
        said = " ".join(self.draw.choice(words) for _ in range(self.draw.randint(1, 8)))
        return f"{said} {name}" + self.draw.choice(["", "\n", " \t", "\u200d", ' "x", 7'])

    def call(self, name: str) -> list[Row]:
        function = {"name": "look", "arguments": json.dumps({"z": self.text(name), "a": 1})}
        call = {"id": f"c{name}", "type": "function", "function": function}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{name}", "content": self.text(name)},
            {"role": "assistant", "content": self.text(name)},
        ]

    def prompt(self, name: str) -> Any:
        kind = self.draw.randrange(4)
        if kind == 0:
            return self.text(name)
        turns: list[Row] = [{"role": "system", "content": self.text(name)}] if kind == 3 else []
        if kind == 2:
            turns += [{"role": "user", "name": "bo", "content": self.text(name)}, *self.call(name)]
        parts = [{"type": "text", "text": self.text(name)}]
        return [*turns, {"role": "user", "content": self.draw.choice([self.text(name), parts])}]

    def response(self, name: str) -> Any:
        kind = self.draw.randrange(3)
        if kind == 0:
            return self.text(name)
        if kind == 1:
            return [{"role": "assistant", "content": self.text(name), "reasoning": "so"}]
        return self.call(name)

    def opinion(self) -> Row:
        choice = self.draw.choice(["a", "b", "tie"])
        found: Row = {"choice": choice, "rationale": self.text("why"), "created_at": MOMENT}
        if choice != "tie":
            found["strength"] = self.draw.choice([1, 2])
        elif self.draw.random() < 0.5:
            found["both_bad"] = True
        if self.draw.random() < 0.3:
            found |= {"score_a": self.draw.randint(0, 9) / 2, "score_b": 3.0}
        return found

    def row(self, number: int) -> Row:
        tools = [{"type": "function", "function": {"name": "look", "strict": True}}]
        found: Row = {
            "pair_id": f"p{number}",
            "prompt": self.prompt(str(number)),
            "response_a": self.response(f"{number} a"),
            "response_b": self.response(f"{number} b"),
            "labels": [{"annotator": who, **self.opinion()} for who in self.some("ada", "bo")],
            "votes": [
                {"judge": who, "family": "f", "order": "ba", "sample": 1, **self.opinion()}
                for who in self.some("j1", "j2")
            ],
        }
        more = {"tools": tools, "model_a": "m1", "model_b": "m2", "domain": "d", "source": "s"}
        more["meta"] = {"turn": number, "colour": ["red", None]}
        return found | {name: more[name] for name in self.some(*more)}

    def some(self, *names: str) -> list[str]:
        return [name for name in names if self.draw.random() < 0.5]


def stored(database: Database) -> dict[str, Row]:
    """Every pair as a row of ours, by its id; ids of one pair share its labels and votes."""
    found: dict[str, Row] = {}
    by_pair: dict[int, Row] = {}
    with database.read() as session:
        pairs = select(PairName.external_id, Pair).join(Pair, Pair.id == PairName.pair_id)
        for name, pair in session.execute(pairs):
            a, b = pair.candidate_a, pair.candidate_b
            row = {"pair_id": name, "prompt": pair.prompt.messages, "tools": pair.prompt.tools}
            row |= {"response_a": as_response(a.text, a.messages)}
            row |= {"response_b": as_response(b.text, b.messages)}
            row |= {"model_a": a.model, "model_b": b.model, "domain": pair.domain}
            row |= {"source": pair.source, "meta": pair.kept}
            found[name] = row | by_pair.setdefault(pair.id, {"labels": [], "votes": []})
        people = select(Review, Annotator.name).join(Annotator).order_by(Annotator.name)
        for review, who in session.execute(people):
            by_pair[review.pair_id]["labels"].append({"annotator": who, **said(review)})
        judges = select(Vote, Judge).join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        query = judges.join(Judge, Judge.id == JudgeVersion.judge_id).order_by(Judge.name)
        for vote, judge in session.execute(query):
            about = {"judge": judge.name, "family": judge.family, "order": vote.order.value}
            by_pair[vote.pair_id]["votes"].append(about | {"sample": vote.sample, **said(vote)})
    return found


def said(opinion: Any) -> Row:
    names = ("strength", "rationale", "score_a", "score_b")
    found = {name: getattr(opinion, name) for name in names}
    found |= {"choice": opinion.choice.value, "both_bad": opinion.both_bad or None}
    found["created_at"] = opinion.created_at.isoformat()
    return {name: value for name, value in found.items() if value is not None}


def plain(row: Row) -> Row:
    """A row as it is stored: a text is one message, and what is not there is None."""
    found = dict.fromkeys(("tools", "model_a", "model_b", "domain", "source", "meta")) | row
    for name, role in (
        ("prompt", "user"),
        ("response_a", "assistant"),
        ("response_b", "assistant"),
    ):
        if isinstance(found[name], str):
            found[name] = [{"role": role, "content": found[name]}]
    if found["meta"]:
        found["meta"] = {name: value for name, value in found["meta"].items() if value is not None}
    return found


@pytest.mark.parametrize("rows", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_rows_of_every_shape_come_back_as_they_went_in(
    any_database: Database, tmp_path: Path, rows: int
) -> None:
    maker = Maker(7)
    given = [maker.row(number) for number in range(rows)]
    done = take(any_database, "pairs", tmp_path / "rows.jsonl", given)
    assert (done.counts["new"], done.rejected, done.files[0].not_read) == (rows, 0, [])
    found = stored(any_database)
    assert len(found) == rows
    for row in given:
        assert found[row["pair_id"]] == plain(row)
