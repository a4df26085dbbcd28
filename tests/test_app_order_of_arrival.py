"""The same votes, labels, orders and texts in another order of arrival are the same bytes."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from import_worlds import take, vote
from sqlalchemy import select

from app.pipeline.route import route_pairs
from db.generation import PromptRow, store_candidate
from db.models import Judge, JudgeVersion, Pair, Prompt, Vote
from db.session import Database
from db.vocabulary import Choice, Order
from judges import panel
from judges.steps import fit_consensus, form_pairs
from review.merge import merge
from review.routing.options import RouteOptions
from review.settings import ReviewSettings
from trainer.export.selection import ExportOptions
from trainer.steps import export

PROMPTS, JUDGES, PEOPLE = 14, ("ant", "bee", "cat"), ("eva", "tom", "ula")
Row = dict[str, Any]
Arrange = Callable[[list[Row]], list[Row]]


def rows_of(kind: str) -> list[Row]:
    """One small world: pairs, votes with confidences, opinions of up to three people, orders."""
    draw = random.Random(f"{kind} 1")
    rows: list[Row] = []
    for prompt in range(PROMPTS):
        asked, texts = f"question {prompt}", [f"answer {prompt} {n}" * (n + 1) for n in range(3)]
        if kind == "rankings" and prompt % 4 == 0:
            order = draw.sample(range(3), 3)
            rows += [
                {"prompt": asked, "responses": texts, "ranking": order, "annotator": who}
                for who in PEOPLE[:2]
            ]
        for one, two in ((0, 1), (1, 2)):
            name = f"p{prompt}-{one}"
            if kind == "pairs":
                about = {"domain": "law" if prompt % 2 else None, "source": "made"}
                pair = {"prompt": asked, "response_a": texts[one], "response_b": texts[two]}
                rows.append({"pair_id": name, **pair, **about})
            elif kind == "votes":
                for judge in JUDGES:
                    rows += [
                        vote(name, draw.choice("aab"), judge, order=order, sample=sample,
                             confidence=draw.random())
                        for order in ("ab", "ba") for sample in (1, 2, 3)
                    ]  # fmt: skip
            elif kind == "labels" and one == 0 and prompt % 4:
                rows += [
                    {"pair_id": name, "annotator": who, "choice": draw.choice("aab"),
                     "rationale": f"{who} says so"}
                    for who in PEOPLE[: draw.randint(1, 3)]
                ]  # fmt: skip
    return rows


def written(database: Database, arrange: Arrange) -> None:
    """Texts that models wrote, and the pairs formed of them."""
    with database.read() as session:
        prompts = session.scalars(select(Prompt).order_by(Prompt.content_hash)).all()
    texts = [{"prompt": p, "text": f"model {n} about {p.text}"} for p in prompts for n in range(2)]
    for each in arrange(texts):
        asked = each["prompt"]
        known = PromptRow(asked.id, asked.content_hash, asked.messages, None)
        with database.begin() as session:
            store_candidate(session, known, each["text"], "m", "m")
    form_pairs(database, "random", each=2)


def voted(database: Database, arrange: Arrange) -> None:
    """Votes on the pairs that were formed, as a panel's answers come in."""
    with database.begin() as session:
        formed = select(Pair).where(Pair.source == "design:random").order_by(Pair.content_hash)
        versions = select(JudgeVersion).join(Judge).order_by(Judge.name)
        draw = random.Random(5)
        rows = [
            {"pair_id": pair.id, "judge_version_id": version.id, "order": order, "sample": 1,
             "choice": draw.choice((Choice.A, Choice.B)), "confidence": draw.random()}
            for pair in session.scalars(formed) for version in session.scalars(versions)
            for order in (Order.AB, Order.BA)
        ]  # fmt: skip
        assert len(rows) > 50
        session.add_all(Vote(**row) for row in arrange(rows))


def made(folder: Path, model: str, arrange: Arrange, kinds: list[str]) -> dict[str, bytes]:
    """Every file of the export of one world, its rows arranged for arrival."""
    database = Database(f"sqlite:///{folder}/tiebreak.db")
    for kind in kinds:
        take(database, kind, folder / f"{kind}.jsonl", arrange(rows_of(kind)))
    written(database, arrange)
    voted(database, arrange)
    fit_consensus(database, model)
    asked = panel.parse({"panel": {"label_model": model}})
    options = RouteOptions.of({"max_reviews": 8, "audit_share": 0.1, "seed": 3})
    route_pairs(database, asked, options, ReviewSettings(gold_rate=0))
    merge(database, ReviewSettings())
    done = export(database, folder / "set", ExportOptions(seed=3))
    assert sum(done.rows[name] for name in ("train", "validation", "test")) > 10
    database.dispose()
    root = Path(done.path)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*")) if path.is_file()
    }  # fmt: skip


@pytest.mark.parametrize("model", ["dawid-skene", "tiebreak"])
def test_the_order_of_arrival_changes_no_byte_of_an_export(
    model: str, tmp_path: Path, sqlite_tables: Path
) -> None:
    worlds = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(sqlite_tables, folder / "tiebreak.db")
        draw = random.Random(number)
        kinds = ["pairs", "rankings", "votes", "labels"]
        if number:
            kinds[1:] = draw.sample(kinds[1:], 3)

        def arrange(rows: list[Row], draw: random.Random = draw, number: int = number) -> list[Row]:
            return draw.sample(rows, len(rows)) if number else rows

        worlds.append(made(folder, model, arrange, kinds))
    assert len(worlds[0]) >= 6
    for other in worlds[1:]:
        assert {name for name in other if other[name] != worlds[0][name]} == set()
        assert other.keys() == worlds[0].keys()
