"""Checks an installation: versions, configuration, database, keys; servers only if told to."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from app.config import Config, load
from db.errors import TiebreakError
from db.extras import EXTRA_OF, installed
from db.session import Database


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it will do, and what was found or what to do."""

    name: str
    ok: bool
    found: str


def examine(path: Path | None, ask: bool = False) -> list[Check]:
    """All checks, in the order a person would mend them. ask: servers for their models, too."""
    checks = [_python(), *map(_extra, _FOR)]
    try:
        config = load(path)
    except TiebreakError as error:
        return [*checks, Check("configuration", False, str(error))]
    checks.append(Check("configuration", True, str(config.path)))
    for name, look in (
        ("database", _database),
        ("panel", _panel),
        ("models", _models),
        ("verdicts", _verdicts),
        ("runs", _runs),
        ("money", _money),
    ):
        checks.append(_tried(name, look, config))
    if ask:
        checks.append(_tried("servers", _servers, config))
    return checks


def _tried(name: str, look: Callable[[Config], Check], config: Config) -> Check:
    try:
        return look(config)
    except TiebreakError as error:
        return Check(name, False, str(error))


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = "3.11 or newer is needed"
    return Check("python", sys.version_info >= (3, 11), f"{found} ({wanted})")


_FOR = {
    "train": "to train models and to score with them",
    "tensorboard": "for curves of a training",
    "postgres": "for a database that several machines share",
    "auth": "for sign-in by an identity provider",
    "bedrock": "for Claude on Amazon Bedrock without a key of Bedrock's own",
    "vertex": "for Claude on Vertex AI without an access token",
}


def _extra(extra: str) -> Check:
    """An extra is a choice: without it nothing is wrong, and who needs it says so."""
    packages = [package for package, brings in EXTRA_OF.items() if brings == extra]
    lacking = [package for package in packages if not installed(package)]
    if lacking:
        what = "" if lacking == packages else f"{', '.join(lacking)} "
        found = f"{what}not installed: pip install 'tiebreak[{extra}]' {_FOR[extra]}"
    else:
        found = ", ".join(f"{package} {version(package.replace('.', '-'))}" for package in packages)
    return Check(f"extra {extra}", True, found)


def _database(config: Config) -> Check:
    from db.reachable import require_whole
    from db.schema import require_as_migrated
    from db.session import redacted

    database = Database(config.database_url)
    try:
        require_whole(database.url)
        require_as_migrated(database)
    finally:
        database.dispose()
    return Check("database", True, redacted(config.database_url) + _shared(database))


def _shared(database: Database) -> str:
    """A remark where everybody on this machine may read the file; older versions made it so."""
    file = Path(database.engine.url.database or "") if database.is_sqlite else None
    if file is None or not file.is_file() or not file.stat().st_mode & 0o007:
        return ""
    return f" (everybody on this machine may read it; `chmod o= {str(file)!r}` ends that)"


def _panel(config: Config) -> Check:
    from judges.addresses import redirected

    judges = config.panel.asked
    needed = {name for judge in judges for name in judge.secrets}
    missing = sorted(name for name in needed if not os.environ.get(name, "").strip())
    told = f"{len(judges)} judges in tiers {config.panel.tiers}"
    for judge in judges:
        elsewhere = redirected(judge, os.environ)
        told += f"; judge {judge.name!r} is {elsewhere}" if elsewhere else ""
    if missing:
        return Check("panel", False, f"{told}; set {', '.join(missing)} in the environment")
    return Check("panel", True, told)


def _models(config: Config) -> Check:
    """Whether the models that are asked still are, and will be in two months."""
    from db.types import now
    from judges.lifetimes import ended, endings

    judges, today = config.panel.asked, now().date()
    told = "; ".join(endings(judges, today)) or "none that is asked is known to end soon"
    return Check("models", not ended(judges, today), told)


def _servers(config: Config) -> Check:
    """Each judge's server is asked for its models: whether it answers, and lists the judge's."""
    from judges.steps import list_models

    found = list_models(config.panel.asked, os.environ)
    told = "; ".join(served.sentence for served in found) or "no judge asks a server"
    return Check("servers", all(served.answers for served in found), told)


def _verdicts(config: Config) -> Check:
    """Answers that were no verdicts by accident, by judge and kind."""
    from db import abstains

    with config.database.read() as session:
        found = abstains.by_judge(session)
    if not found:
        return Check("verdicts", True, "every one that a model was asked for is there")
    told = "; ".join(f"of judge {name!r} {abstains.told(n)}" for name, n in found.items())
    return Check(
        "verdicts", True, f"no verdicts: {told}; `tiebreak judge --retry-abstains all` asks again"
    )


def _runs(config: Config) -> Check:
    """Runs that were killed are written down as such: their process is gone."""
    from db.runs import notice_killed, unended_runs

    notice_killed(config.database)
    with config.database.read() as session:
        found = unended_runs(session)
    told = [
        f"{run.verb} (run {run.id}) was killed; the same command again goes on with it"
        if run.error
        else f"{run.verb} (run {run.id}) is at work on {run.host!r}, process {run.pid}"
        for run in found
    ]
    return Check("runs", True, "; ".join(told) or "none is at work, and none was left half-way")


def _money(config: Config) -> Check:
    """What is set aside: it counts as spent until somebody knows better."""
    from db.runs import NANO
    from db.spending import reserved_money

    with config.database.read() as session:
        found = reserved_money(session)
    told = []
    if found.jobs:
        told.append(
            f"${found.in_batches / NANO:.4f} in {found.jobs} batch jobs on their way; "
            "`tiebreak judge` collects them"
        )
    if found.working:
        told.append(
            f"${found.working / NANO:.4f} by runs that have not ended; if none is at work they "
            "were killed, and the same command again goes on with them"
        )
    if found.unknown:
        told.append(
            f"${found.unknown / NANO:.4f} for answers that never came and may have been billed; "
            "it stays counted as spent until `tiebreak money reconcile` is told the provider's bill"
        )
    return Check("money", True, "; ".join(told) or "nothing is set aside")
