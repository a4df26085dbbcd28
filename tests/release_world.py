"""A database as a release's users have it: every table has rows, every word is used.

`PYTHONPATH=. python tests/release_world.py` walks through the verbs on part of the bundled sample
and writes tests/databases/VERSION.sql, once a release. The rows are plain SQL that SQLite and
PostgreSQL both take, and only rows: their tables come from the migrations of that release.
"""

import json
import os
import platform
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
from protocol_server import serving
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import app
from app.config import load
from db import annotators, certificates, leases
from db.files import read_rows
from db.models import (
    Base,
    Batch,
    Checkpoint,
    Judge,
    JudgeVersion,
    Pair,
    Run,
    Task,
    TextClaim,
    VoteClaim,
)
from db.schema import current
from db.session import Database
from db.types import now
from db.vocabulary import (
    CheckpointKind,
    Choice,
    Order,
    Provider,
    Role,
    RunStatus,
    TaskStatus,
)
from judges.trust.certificate import certify
from judges.trust.frame import Frame, draw_audit
from review import adjudicating, deciding, queue, rankings, view_model
from review.draft import Draft
from review.verdict import Answer, Verdict, answer

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).parent / "databases"
SAMPLE = ROOT / "app" / "sample"
DOMAINS = ("coding", "everyday", "law", "medicine")
PROMPTS = 3  # of each
ELSEWHERE = "/srv/tiebreak"  # stands for the folder and the machine it was made on
PAID = "prices = {{ input = 1.0, output = 5.0 }}\nmodel = 'm'\nbase_url = '{url}'\n"
TOML = """
[panel]
label_model = "majority"
[[judge]]
name = "detail"
provider = "baseline"
model = "detail"
[[judge]]
name = "checked"
provider = "verifier"
[[judge]]
name = "claude"
provider = "anthropic"
{paid}
[[judge]]
name = "gpt"
provider = "openai"
{paid}
[[generator]]
name = "writer"
provider = "anthropic"
{paid}
[review]
min_dwell_seconds = 0
practice_pairs = 2
gold_rate = 0.2
repeat_rate = 0.2
repeat_after = 2
rationale_rate = 0.5
reviews_wanted = 2
reviews_most = 2
[training]
judge_base = "words"
[cycle]
train = ["judge"]
review_share = 0.2
missing_votes = 0.3
"""


def tiebreak(words: str) -> None:
    """One verb, as typed; a cycle may ring."""
    done = CliRunner().invoke(app, words.split())
    if done.exit_code not in (0, 3):
        raise RuntimeError(f"tiebreak {words}") from done.exception


def walk(folder: Path) -> Database:
    """A month in a project in this folder. Returns its database."""
    keys = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
    gone = ("TIEBREAK_CONFIG", "TIEBREAK_DATABASE_URL", "TIEBREAK_WEBHOOK")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    with (
        serving() as server,
        chdir(folder),
        patch.dict(os.environ, kept | keys, clear=True),
    ):
        paid = PAID.format(url=server.url)
        Path("tiebreak.toml").write_text(TOML.format(paid=paid), encoding="utf-8")
        write_files(folder)
        tiebreak("init")
        for kind in ("candidates", "gold", "labels", "votes", "rankings", "steps"):
            tiebreak(f"import {kind} {kind}.jsonl")
        tiebreak("revise --responses 2 --max-usd 1")
        tiebreak("judge --only claude --batch --max-usd 5")
        tiebreak("judge --max-usd 5")
        tiebreak("canaries draw 3")
        tiebreak("canaries ask --max-usd 1")
        tiebreak("probe claude --pairs 2 --max-usd 1")
        tiebreak("route --review-share 0.7 --audit-share 0.3")
        tiebreak("escalate rankings --prompts 3")
        database = load(folder / "tiebreak.toml").database
        tiebreak("replay labels more_labels.jsonl --limit 2")
        review(database)
        tiebreak("route --min-agreement 0.9")
        agree(database)
        tiebreak("merge")
        tiebreak("gold draw --share 0.2")
        tiebreak("export datasets/first")
        tiebreak("train judge --dataset first --name first")
        tiebreak("evaluate first")
        tiebreak("promote first --force because")
        tiebreak("rollback judge --reason because")
        tiebreak("promote first --force because")
        tiebreak("cycle --max-usd 5")
        by_hand(database)
    return database


def write_files(folder: Path) -> None:
    """Files to import: part of the sample, half of its labels, votes made elsewhere, an order."""
    asked = [row for one in DOMAINS for row in sample(f"candidates_{one}", PROMPTS)]
    asked[0]["expected"] = {"kind": "regex", "value": "def "}
    names = tuple(f"{row['prompt_id']}:" for row in asked)
    labels = [row for one in DOMAINS for row in sample(f"labels_{one}", None)]
    labels = [row for row in labels if row["pair_id"].startswith(names)]
    gold = [row for one in DOMAINS for row in sample(f"gold_{one}", None)]
    chance = Random(1)
    votes = [
        {
            "pair_id": name,
            "judge": "elsewhere",
            "order": order,
            "choice": chance.choice(["a", "b", "tie", "abstain"]),
            "confidence": chance.choice([None, 0.7]),
            "rationale": 'It\'s "shorter":\n100 % sure; \\d {x} :name',
        }
        for name in sorted({row["pair_id"] for row in labels})[:8]
        for order in ("ab", "ba", "none")
    ]
    first = asked[1]
    order = [one["id"] for one in first["responses"]]
    files = {
        "candidates": asked,
        "gold": [row for row in gold if row["pair_id"].startswith(names)],
        "labels": labels[::4],
        "more_labels": labels[1:],
        "votes": votes,
        "rankings": [first | {"ranking": [order[0], order[1:]], "annotator": "ada"}],
        "steps": [{"prompt": "2 + 2?", "steps": ["2 + 2 is 4", "so 5"], "labels": [True, False]}],
    }
    for name, rows in files.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def sample(name: str, rows: int | None) -> list[dict[str, Any]]:
    """The first rows of a file of the bundled sample."""
    return list(read_rows(SAMPLE / f"{name}.jsonl"))[:rows]


def review(database: Database) -> None:
    """People answer, disagree, adjudicate, undo, explain, flag, skip, give back and leave."""
    settings = load().review
    roles = {"cleo": Role.ADJUDICATOR, "dan": Role.ENGINEER, "eve": Role.ADMIN}
    with database.begin() as session:
        ids = {
            name: annotators.ensure(session, name, role=roles.get(name, Role.ANNOTATOR)).id
            for name in ("ada", "ben", *roles)
        }
        annotators.by_id(session, ids["ben"]).subject = "idp|7"
        annotators.by_id(session, ids["ben"]).domains = ["law"]
    chance, scale = Random(3), list(Verdict)
    for turn in range(40):
        name = ("ada", "ben")[turn % 2]
        claim = queue.claim(database, ids[name], settings, chance=chance)
        if claim is None:
            continue
        if turn == 5:
            queue.release(database, claim.lease_id, ids[name])
        elif turn == 6:
            queue.skip(database, claim.lease_id, ids[name], "not my field")
        elif claim.pair_id is None:
            order = [[one] for one in claim.candidate_ids]
            first = partial(Draft.then, candidate=claim.candidate_ids[0])
            rankings.build(database, claim.lease_id, ids[name], first)
            rankings.rank(database, claim.lease_id, ids[name], order, settings)
            if turn < 20:
                deciding.undo(database, ids[name], settings)
        else:
            if turn % 9 == 0:
                view_model.flag(database, claim.lease_id, ids[name], "unsafe", "a dose")
            said = answer(
                scale[(turn // 2 + 2 * (turn % 2)) % len(scale)],
                b_first=claim.b_first,
                reasons=("correct",) if turn % 5 == 0 else (),
                principles={"truth": Verdict.BETTER_1} if turn % 4 == 0 else None,
                note="read twice" if turn % 7 == 0 else None,
            )
            done = deciding.decide(database, claim.lease_id, ids[name], said, settings)
            if done.asks_rationale:
                deciding.explain(database, done.review_id, ids[name], "it is right", ("correct",))
            if turn == 12:
                deciding.mark_revealed(database, claim.lease_id, ids[name])
            if turn in (10, 11, 12, 13):
                deciding.undo(database, ids[name], settings)
    with database.read() as session:
        disputed = session.scalars(
            select(Task.id).where(Task.status == TaskStatus.DISPUTED, Task.pair_id > 0)
        ).all()
    adjudicating.adjudicate(database, disputed[0], ids["cleo"], Choice.A, "B is wrong", strength=2)
    late = now() - timedelta(days=1)
    queue.claim(database, ids["cleo"], settings, at=late, chance=chance)
    with database.begin() as session:
        leases.expire(session, now())
    queue.claim(database, ids["cleo"], settings, chance=chance)


def agree(database: Database) -> None:
    """Two people give the same answer to all that waits."""
    settings = load().review
    for name in ("fay", "gil"):
        with database.begin() as session:
            person = annotators.ensure(session, name).id
        while claim := queue.claim(database, person, settings, chance=Random(9)):
            if claim.pair_id is None:
                order = [[one] for one in claim.candidate_ids]
                rankings.rank(database, claim.lease_id, person, order, settings)
            else:
                said = Answer(Choice.A, 1)
                deciding.decide(database, claim.lease_id, person, said, settings)


def by_hand(database: Database) -> None:
    """What only a kill, a large project, a large model or a long training leaves behind."""
    with database.begin() as session:
        run = session.scalars(select(Run)).first()
        pair = session.scalars(select(Pair)).first()
        version = session.scalars(select(JudgeVersion)).first()
        batch = session.scalars(select(Batch)).first()
        if run is None or pair is None or version is None or batch is None:
            raise RuntimeError("the walk left no run, pair, judge or batch")
        frame = Frame([f"p{n}" for n in range(200)], np.linspace(0.5, 1, 200))
        drawn = draw_audit(frame, 60, seed=0)[0]
        made = certify(frame, dict.fromkeys(drawn, False), target=0.1)
        certificates.add_certificate(session, batch.id, made.promise, made.to_dict())
        for status in RunStatus:
            session.add(Run(verb="judge", options={}, status=status, error="killed", pid=1))
        for kind in CheckpointKind:
            session.add(
                Checkpoint(
                    name=f"{kind} by hand",
                    kind=kind,
                    path=f"{ELSEWHERE}/checkpoints/{kind}",
                    content_hash="0" * 64,
                    base="tiny",
                    settings={},
                    metrics={},
                    run_id=run.id,
                )
            )
        judge = Judge(name="by hand", family="local")
        session.add(judge)
        session.flush()
        for provider in Provider:
            session.add(
                JudgeVersion(judge_id=judge.id, version=provider, provider=provider, config={})
            )
        session.add(
            VoteClaim(
                pair_id=pair.id,
                judge_version_id=version.id,
                order=Order.AB,
                sample=9,
                run_id=run.id,
                expires_at=now(),
            )
        )
        session.add(
            TextClaim(
                kind="candidate written",
                subject=f"prompt:{pair.prompt_id}",
                source="by hand",
                run_id=run.id,
                expires_at=now(),
            )
        )


def dump(database: Database, hidden: Mapping[str, str]) -> Iterator[str]:
    """The rows of all tables as SQL; what is hidden is written as what stands for it."""
    yield f"-- revision {current(database)}\n"
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            rows = session.execute(select(table).order_by(*table.primary_key)).all()
            if not rows:
                continue
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            yield f"INSERT INTO {table.name} ({columns}) VALUES\n"
            lines = ["(" + ", ".join(map(literal, row)) + ")" for row in rows]
            text = ",\n".join(lines) + ";\n"
            for secret, stand_in in hidden.items():
                text = text.replace(secret, stand_in)
            yield text


def literal(value: Any) -> str:
    """One value as both databases read it; a time is UTC and written without saying so."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        value = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return "'" + str(value).replace("'", "''") + "'"


def main() -> None:
    """Write the database of the version that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        database = walk(folder)
        text = "".join(dump(database, {str(folder): ELSEWHERE, platform.node(): "machine"}))
        database.dispose()
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{project['version']}.sql"
    file.write_text(text, encoding="utf-8")
    print(f"{file.name}: {len(text):,} characters")


if __name__ == "__main__":
    main()
