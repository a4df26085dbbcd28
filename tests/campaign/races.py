"""Every verb against itself: two processes at one moment are as one, or as one after the other.

`PYTHONPATH=.:tests python -m campaign.races` prints a table; exit 1 where one broke the promise.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import postgres_server
from campaign.before import READING, prepared
from campaign.verb_worlds import HEAVY, LEFT_OUT, VERBS, Starter, World, built, copied, verbs
from conftest import fresh_postgres

from db.schema import upgrade
from db.session import Database

FINE = (0, 1, 3, 4)
WORKED = (0, 3, 4)
FITS = {"consensus_fits", "consensus"}
"""Each of two judging runs pools what is there when it ends; the newest fit is the one in force."""


@dataclass(frozen=True)
class Raced:
    """What became of one verb: exit codes, answers that were paid, and what went wrong."""

    verb: str
    codes: list[int]
    paid: int
    problems: list[str]


@dataclass(frozen=True)
class Ground:
    """Where worlds are copied from."""

    whole: Path
    work: Path
    starter: Starter
    postgres: tuple[str, str] | None = None
    latency: float = 0.02

    @contextmanager
    def world(self, name: str, verb: str) -> Iterator[World]:
        """A copy in which the verb has something to do."""
        with copied(self.whole, self.work / name, self.postgres, self.latency) as world:
            prepared(world, verb, self.starter)
            yield world


@contextmanager
def ground(work: Path, kind: str, heavy: bool = False) -> Iterator[Ground]:
    """A whole world of one kind of database, built once."""
    starter = Starter()
    whole = work / f"whole-{kind}"
    try:
        if kind == "sqlite":
            built(whole, f"sqlite:///{whole}/tiebreak.db", starter, heavy)
            yield Ground(whole, work, starter)
            return
        with postgres_server.server() as server, fresh_postgres(server) as url:
            database = Database(url)
            upgrade(database)
            database.dispose()
            built(whole, url, starter, heavy)
            yield Ground(whole, work, starter, (server, url.rsplit("/", 1)[1]))
    finally:
        starter.close()


def race(at: Ground, verb: str, words: Sequence[str]) -> Raced:
    """The verb twice at one moment, beside the same verb once and twice one after the other."""
    with at.world("alone", verb) as world:
        codes, allowed, paid, traces = [], [], [], [world.trace()]
        for _ in range(2):
            done = at.starter.run(world, verb, words)
            codes += done["codes"]
            allowed.append(world.counts())
            paid.append(_answers(world))
            traces.append(world.trace())
    problems = []
    if codes[0] not in WORKED or (traces[0] == traces[1] and verb not in READING):
        problems.append(f"alone it does nothing: exit {codes[0]}; see tests/campaign/before.py")
    with at.world("raced", verb) as world:
        both = at.starter.run(world, verb, words, count=2)
        problems += _said_badly(both["codes"], both["said"])
        if not set(both["codes"]) & set(codes):
            problems.append(f"alone it ended with {codes}")
        said = [text[-300:] for code, text in zip(both["codes"], both["said"], strict=True)
                if code == 1]  # fmt: skip
        found = {t: n for t, n in world.counts().items() if t not in FITS}
        allowed = [{t: n for t, n in one.items() if t not in FITS} for one in allowed]
        if found not in allowed:
            odd = {t: (n, [a[t] for a in allowed]) for t, n in found.items()
                   if n not in [a[t] for a in allowed]}  # fmt: skip
            problems.append(f"rows counted otherwise than once or twice: {odd or found}; {said}")
        if _answers(world) > max(paid):
            problems.append(f"{_answers(world)} answers were paid, alone {paid}")
        if (spent := world.spent()) != (billed := world.billed()):
            problems.append(f"{spent} nano-dollars counted, {billed} billed")
        left = [p.name for p in world.folder.rglob(".*") if p.name.endswith((".partial", ".lock"))]
        if left:
            problems.append(f"left behind: {left}")
        return Raced(verb, both["codes"], _answers(world), problems)


def _answers(world: World) -> int:
    world.server.wait_until_still()
    return len(world.server.state.billed)


def _said_badly(codes: Sequence[int], texts: Sequence[str]) -> Iterator[str]:
    for code, text in zip(codes, texts, strict=True):
        if code not in FINE or "Traceback" in text:
            yield f"exit {code}: {text[-1500:]}"
        elif code == 1 and not text.strip():
            yield "exit 1 without a sentence"


def main() -> None:
    """Race every verb and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    options.add_argument("--heavy", action="store_true", help="those that need torch, too")
    options.add_argument("--only", action="append", help="this verb; may be repeated")
    chosen = options.parse_args()
    wanted = {**VERBS, **(HEAVY if chosen.heavy else {})}
    wanted = {verb: words for verb, words in wanted.items() if verb in (chosen.only or wanted)}
    unnamed = set(verbs()) - {*VERBS, *HEAVY, *LEFT_OUT}
    bad = [f"verb {verb!r} is not named in tests/campaign/verb_worlds.py" for verb in unnamed]
    kinds = ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,)
    print("| database | verb | exits | answers paid | |\n|---|---|---|--:|---|", flush=True)
    for kind in kinds:
        with tempfile.TemporaryDirectory() as work, ground(Path(work), kind, chosen.heavy) as at:
            for verb, words in wanted.items():
                done = race(at, verb, words)
                told = "; ".join(done.problems).replace("\n", " ") or "fine"
                print(f"| {kind} | {verb} | {done.codes} | {done.paid} | {told} |", flush=True)
                bad += done.problems
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
