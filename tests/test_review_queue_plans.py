"""No statement of an annotator's path scans a table: the plans of both databases are read."""

import random
import re

from review_worlds import add_person, add_votes, digest
from sqlalchemy import event, text

from db.models import Candidate, Gold, Lease, Pair, Prompt, Review, Task
from db.types import now
from db.upsert import chunks, insert_all
from db.vocabulary import Choice, LeaseStatus, TaskKind, TaskStatus
from review import deciding, queue, view_model
from review.settings import ReviewSettings
from review.verdict import Answer

SIZE = 4000
SETTINGS = ReviewSettings(
    min_dwell_seconds=0, practice_pairs=1, gold_rate=0.4, repeat_rate=0.4, repeat_after=1
)
TINY = {"annotators", "judges", "judge_versions", "consensus_fits", "alembic_version"}


def fill(database, people):
    """`SIZE` pairs; one in twenty waits, the others were answered; everybody has a history."""
    rng, at = random.Random(1), now()
    rows = {name: [] for name in ("prompts", "candidates", "pairs", "tasks", "leases", "reviews")}
    for n in range(1, SIZE + 1):
        rows["prompts"].append(
            {
                "id": n,
                "content_hash": digest(f"p{n}"),
                "messages": [{"role": "user", "content": "?"}],
                "created_at": at,
            }
        )
        for side in (0, 1):
            rows["candidates"].append(
                {
                    "id": 2 * n - side,
                    "prompt_id": n,
                    "content_hash": digest(f"{n}{side}"),
                    "text": "t",
                    "created_at": at,
                }
            )
        rows["pairs"].append(
            {
                "id": n,
                "prompt_id": n,
                "candidate_a_id": 2 * n - 1,
                "candidate_b_id": 2 * n,
                "content_hash": digest(f"x{n}"),
                "created_at": at,
            }
        )
        waits = n % 20 == 0
        rows["tasks"].append(
            {
                "id": n,
                "kind": TaskKind.ESCALATION,
                "status": TaskStatus.OPEN if waits else TaskStatus.SETTLED,
                "pair_id": n,
                "priority": rng.random(),
                "reasons": [],
                "wanted_reviews": 1,
                "max_reviews": 3,
                "created_at": at,
            }
        )
        if waits:
            continue
        who = rng.choice(people)
        rows["leases"].append(
            {
                "id": f"{n:032d}",
                "task_id": n,
                "annotator_id": who,
                "status": LeaseStatus.DECIDED,
                "b_first": False,
                "claimed_at": at,
                "expires_at": at,
                "ended_at": at,
                "post_reveal": False,
                "active_seconds": 1.0,
            }
        )
        rows["reviews"].append(
            {
                "id": n,
                "pair_id": n,
                "annotator_id": who,
                "task_id": n,
                "lease_id": f"{n:032d}",
                "kind": TaskKind.ESCALATION,
                "choice": Choice.A,
                "both_bad": False,
                "post_reveal": False,
                "active_seconds": 1.0,
                "created_at": at,
            }
        )
    tables = {m.__tablename__: m for m in (Prompt, Candidate, Pair, Task, Lease, Review)}
    with database.begin() as session:
        for name, listed in rows.items():
            for chunk in chunks(listed, 1000):
                insert_all(session, tables[name], chunk)
        session.add_all([Gold(pair_id=n, choice=Choice.A, how={}) for n in range(1, 400)])
        if not database.is_sqlite:
            for table in tables:
                session.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {SIZE * 3})")
                ) if table != "leases" else None
    with database.begin() as session:
        session.execute(text("ANALYZE"))


def walk(database, person):
    """Everything an annotator's keys can reach, several times, so that chance takes every turn."""
    chance = random.Random(3)
    today = now().replace(hour=0)
    for _ in range(12):
        claim = queue.claim(database, person, SETTINGS, chance=chance)
        view_model.item(database, claim)
        view_model.today_of(database, person, since=today)
        view_model.waiting(database)
        queue.renew(database, claim.lease_id, person, SETTINGS, active_seconds=1)
        done = deciding.decide(database, claim.lease_id, person, Answer(Choice.B), SETTINGS)
        deciding.explain(database, done.review_id, person, "why")
    view_model.reveal(database, done.lease_id, person)
    deciding.undo(database, person, SETTINGS)
    claim = queue.claim(database, person, SETTINGS, chance=chance)
    queue.release(database, claim.lease_id, person)
    claim = queue.claim(database, person, SETTINGS, chance=chance)
    view_model.flag(database, claim.lease_id, person, "unsafe")
    queue.skip(database, claim.lease_id, person, "long")


def scans(database, statement, parameters):
    """The tables a statement reads from end to end."""
    head = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.engine.connect() as connection:
        plan = [str(row[-1]) for row in connection.exec_driver_sql(head + statement, parameters)]
    pattern = r"^SCAN (\w+)" if database.is_sqlite else r"Seq Scan on (\w+)"
    found = [re.search(pattern, line) for line in plan]
    return {f"{hit.group(1)}: {line}" for hit, line in zip(found, plan, strict=True) if hit}


def test_no_statement_of_the_annotators_path_scans_a_table(any_database):
    people = [add_person(any_database, f"Person {n}") for n in range(20)]
    fill(any_database, people)
    add_votes(any_database, 20, {"x": Choice.A, "y": Choice.A}, p_a=0.7)
    seen = {}

    def note(_conn, _cursor, statement, parameters, _context, _many):
        if statement.split()[0] in ("SELECT", "UPDATE", "INSERT", "DELETE"):
            seen.setdefault(statement, parameters)

    event.listen(any_database.engine, "before_cursor_execute", note)
    try:
        walk(any_database, people[0])
    finally:
        event.remove(any_database.engine, "before_cursor_execute", note)
    assert len(seen) > 25
    large = {"prompts", "candidates", "pairs", "tasks", "leases", "reviews"}
    # SQLite is asked about every table; PostgreSQL reads tables of a page or two whole, rightly
    minded = (lambda table: table not in TINY) if any_database.is_sqlite else large.__contains__
    wrong = {}
    for statement, parameters in seen.items():
        found = {
            one
            for one in scans(any_database, statement, parameters)
            if minded(one.split(":")[0]) and not re.search(r"uq_leases|ix_leases_active", one)
        }
        if found:
            wrong[statement] = found
    assert wrong == {}


def test_the_check_itself_sees_a_scan(any_database):
    add_person(any_database, "Ada")
    assert scans(any_database, "SELECT * FROM reviews WHERE note = 'x'", ())
