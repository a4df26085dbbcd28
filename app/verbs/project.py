"""Verbs about the project itself: init, status, show, doctor, db."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from app.output import say, show, table
from app.verbs.options import AsJson, ConfigPath, configuration

db = typer.Typer(help="The database's schema.", no_args_is_help=True)


@dataclass(frozen=True)
class Initialised:
    """What `init` made."""

    config: str
    made_config: bool
    schema: str

    @property
    def summary(self) -> str:
        """One line for people."""
        made = "made" if self.made_config else "kept"
        return f"{made} {self.config}; database at schema {self.schema}"


@dataclass(frozen=True)
class Upgraded:
    """Where `db upgrade` left the schema."""

    schema_before: str | None
    schema: str

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.schema_before == self.schema:
            return f"database is at head already ({self.schema})"
        return f"database brought from {self.schema_before or 'empty'} to {self.schema}"


def init(
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Write a commented tiebreak.toml, where there is none, and bring the database to head.

    Example: tiebreak init
    """
    from app.config import FILE, load
    from db.schema import upgrade
    from db.session import Database
    from db.whole import write_whole

    path = (config or Path(FILE)).absolute()
    made = not path.exists()
    if made:
        text = files("app").joinpath("template.toml").read_text(encoding="utf-8")
        write_whole(path, text)
    schema = upgrade(Database(load(path).database_url))
    show(Initialised(str(path), made, schema), as_json)


@db.command("upgrade")
def db_upgrade(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Bring the database's schema to head; safe to repeat.

    Example: tiebreak db upgrade
    """
    from db.schema import current, upgrade
    from db.session import Database

    database = Database(configuration(config).database_url)
    before = current(database)
    show(Upgraded(before, upgrade(database)), as_json)


def status(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """How much there is of everything, what was spent, and how each promise stands.

    Example: tiebreak status --json
    """
    from app.pipeline.panel import not_heard
    from app.pipeline.promises import promises, standing_lines
    from db import abstains
    from db.batch_jobs import waiting_jobs
    from db.consensus import unvoted_pairs
    from db.runs import notice_killed
    from db.status import status as figures

    settings = configuration(config)
    database, silent = settings.database, not_heard(settings)
    notice_killed(database)
    with database.read() as session:
        found = figures(session)
        stand = promises(session)
        waiting = waiting_jobs(session)
        accidents = abstains.by_judge(session)
        unvoted = unvoted_pairs(session)
    if as_json:
        told = {
            "pairs_without_vote": unvoted,
            "promises": [vars(promise) for promise in stand],
            "batches": waiting,
            "abstains": accidents,
            "not_heard": silent,
        }
        show(found | told, True)
        return
    rows = [
        [name.removesuffix("_usd").replace("_", " "), f"${value:,.4f}"]
        if name.endswith("_usd")
        else [name.replace("_", " "), f"{value:,}"]
        for name, value in found.items()
    ]
    table("Status", ["what", "how many"], rows)
    abstained = [f"no verdicts of judge {n!r}: {abstains.told(c)}" for n, c in accidents.items()]
    some = f"{unvoted:,} pairs have no vote of a judge that votes; `tiebreak judge` asks"
    lacking = [some] if unvoted else []
    stands = standing_lines(stand)
    for line in (*stands, *filter(None, [waiting.sentence]), *lacking, *abstained, *silent):
        say(line)


def show_pair(
    pair: Annotated[str, typer.Argument(help="Number, pair_id at import, or content hash.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """One pair's whole history: why its label is what it is.

    Example: tiebreak show coding-01:r1:r2
    """
    from app.pair_history import pair_history

    with configuration(config).database.read() as session:
        found = pair_history(session, pair)
    if as_json:
        show(found, True)
    else:
        found.print()


def doctor(
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask each judge's server for its models; costs nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Check the installation, the configuration, the database and the keys.

    Nobody is asked anything, unless --ask is given: then each judge's server is asked for its list
    of models, which tells whether it answers, takes the key and knows the model.

    Example: tiebreak doctor
    """
    from app.doctor import examine

    checks = examine(config, ask)
    if as_json:
        show({"ok": all(c.ok for c in checks), "checks": checks}, True)
    else:
        mark: dict[bool, str] = {True: "ok", False: "MEND"}
        rows: list[list[Any]] = [[c.name, mark[c.ok], c.found] for c in checks]
        table("Doctor", ["check", "", "found"], rows)
    if not all(c.ok for c in checks):
        raise typer.Exit(1)
