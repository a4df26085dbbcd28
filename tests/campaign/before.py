"""What a copy of the small project lacks for a verb to have work in it, by the verb.

`prepared` brings a world there, mostly by other verbs. `READING` names the verbs that change
nothing; every other one must leave something behind when it is alone.
"""

from collections.abc import Callable
from datetime import timedelta

from campaign.verb_worlds import Starter, World
from sqlalchemy import text, update
from test_migrations_released import RELEASES, load

from app.config import load as load_config
from db.asking import Block, Slot
from db.batch_jobs import add_job, submitted
from db.models import Vote
from db.reservations import Asked, set_aside
from db.runs import NANO, finish_run, start_run
from db.session import Database
from db.types import now
from db.vocabulary import Order
from judges.participants import version_of

Step = tuple[str, tuple[str, ...]]
READING = {
    "estimate", "history", "lineage", "status", "show", "doctor", "people list",
    "principles report", "certificate list", "batches list", "judges list", "judges bridge",
    "gold ledger", "prices list", "prices check",
}  # fmt: skip
_WEEK: tuple[Step, ...] = (
    ("import pairs", ("pairs-3.jsonl",)),
    ("import votes", ("votes-3.jsonl",)),
    ("route", ("--target-error", "0.1")),
)
_CERTIFIED: tuple[Step, ...] = (
    *_WEEK,
    ("replay labels", ("labels-3.jsonl",)),
    ("route", ("--target-error", "0.1")),
)
STEPS: dict[str, tuple[Step, ...]] = {
    "route": _WEEK[:2],
    "merge": (("import labels", ("labels-of-tom.jsonl",)),),
    "rollback": (("promote", ("--force", "raced")),),
    "import gold": (("import pairs", ("pairs-2.jsonl",)),),
    "gold draw": (("import pairs", ("pairs-2.jsonl",)), ("import labels", ("labels-2.jsonl",))),
    "gold retire": (("promote", ("--force", "raced")),),
    "replay labels": _WEEK,
    "certificate list": _CERTIFIED,
    "certificate verify": _CERTIFIED,
    "certificate withdraw": _CERTIFIED,
    "escalate rankings": (
        ("import candidates", ("candidates.jsonl",)),
        ("judge", ("--only", "detail")),
        ("route", ("--max-reviews", "60")),
    ),
    "restore": (("backup", ("kept.tar",)),),
    "retention": (("judge", ("--max-usd", "5")),),
    "principles report": (("judge", ("--max-usd", "5")),),
}
_CHANGED = (
    ("import pairs", ("pairs-3.jsonl",)),
    ("judge", ("--max-usd", "5")),
    ("judges list", ()),
    ("judge", ("--max-usd", "5")),
)
STEPS |= {"judges bridge": _CHANGED, "judges accept": _CHANGED}


def prepared(world: World, verb: str, starter: Starter) -> None:
    """Give the verb something to do."""
    for name, words in STEPS.get(verb, ()):
        if name == "judges list":
            _change(world)
        done = starter.run(world, name, words)
        if done["codes"] != [0]:
            raise RuntimeError(f"before {verb}: {name}: {done}")
    if verb in BY_HAND:
        BY_HAND[verb](world)


def _change(world: World) -> None:
    """Another temperature of the judge that costs: a new version, asked about a sample."""
    path = world.folder / "tiebreak.toml"
    path.write_text(
        path.read_text().replace('name = "paid"\n', 'name = "paid"\ntemperature = 0.1\n')
    )


def _nowhere(world: World) -> None:
    """No configuration, no database."""
    (world.folder / "tiebreak.toml").unlink()
    _empty(world)


def _empty(world: World) -> None:
    """A database without tables, and neither datasets nor checkpoints beside it."""
    database = Database(world.url)
    if world.url.startswith("sqlite"):
        for file in world.folder.glob("tiebreak.db*"):
            file.unlink()
    else:
        with database.connection() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            connection.commit()
    database.dispose()


def _released(world: World) -> None:
    """The database of the newest release, its money and its runs long over."""
    _empty(world)
    database = Database(world.url)
    with database.connection() as connection:
        load(connection, RELEASES[-1])
    with database.engine.begin() as connection:
        for change in (
            "votes SET cost_nanousd = 0",
            "reservations SET reserved_nanousd = 0, settled_nanousd = 0",
            "runs SET status = 'done'",
        ):
            connection.execute(text(f"UPDATE {change}"))
    database.dispose()


def _older(world: World) -> None:
    """Votes of two days ago, where raw answers are kept for one."""
    database = Database(world.url)
    with database.begin() as session:
        session.execute(update(Vote).values(created_at=now() - timedelta(days=2)))
    database.dispose()


def _doubtful(world: World) -> None:
    """A run that was killed with a dollar set aside."""
    database = Database(world.url)
    with database.begin() as session:
        run = start_run(session, "judge", {})
        set_aside(session, run.id, NANO, Asked("paid", "anthropic", "m"))
        run.pid = 2**22 + 1  # one more than Linux gives out
    database.dispose()


def _sent(world: World) -> None:
    """A batch of a run that is over, without money, which its provider does not know any more."""
    database = Database(world.url)
    panel = load_config(world.folder / "tiebreak.toml").panel
    with database.begin() as session:
        version = version_of(session, panel.named("paid"), panel.rules)
        run = start_run(session, "judge", {})
        finish_run(session, run.id)
        names = {"tb9_1-ab-1": Slot(1, Order.AB, 1)}
        job = add_job(session, run.id, version.id, Block({}, None, False, 0), names)
        submitted(session, job, "msgbatch_9")
    database.dispose()


BY_HAND: dict[str, Callable[[World], None]] = {
    "init": _nowhere,
    "batches list": _sent,
    "batches drop": _sent,
    "restore": _empty,
    "db upgrade": _released,
    "retention": _older,
    "money reconcile": _doubtful,
}
