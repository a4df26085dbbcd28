"""Verbs killed at random moments on both databases, run again, and the spend beside the bill.

`PYTHONPATH=.:tests python -m campaign.kills --kills 150` prints a table; exit 1 where a kill lost a
row or a dollar's record, or more was counted than billed but for what was in flight.
"""

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from campaign.races import WORKED, Ground, ground
from campaign.verb_worlds import HEAVY, VERBS, World
from sqlalchemy import select

from db.models import Run
from db.session import Database
from db.vocabulary import RunStatus
from judges.in_flight import InFlight

CONCURRENCY = 4  # of the world's judge and generator
GATHERED = 24
"""Answers of the last moments, waiting to be stored: 20 ms of them and a commit's."""
SECONDS = 0.1
"""Of an answer: long enough for most kills to meet answers on their way."""


@dataclass(frozen=True)
class Killed:
    """One kill and the run after it, in nano-dollars. stopped: whether it was still at work;
    again: questions asked twice; doubt: counted beyond the bill before the bill was told.
    """

    verb: str
    stopped: bool
    again: int
    billed: int
    doubt: int
    problems: list[str]


def kill(at: Ground, verb: str, words: Sequence[str], draw: random.Random, took: float) -> Killed:
    """Kill the verb somewhere in the time it takes, run it again, and compare with its twice."""
    with at.world("alone", verb) as world:
        allowed, codes = [], []
        for _ in range(2):
            codes += at.starter.run(world, verb, words)["codes"]
            allowed.append(world.counts())
        alone = world.server.state.total_calls
    with at.world("killed", verb) as world:
        first = at.starter.run(world, verb, words, kill_after=draw.uniform(0, took))
        stopped = first["codes"] == [-9]
        problems = _forgotten(world)
        for text in first["said"]:
            problems += [f"killed: {text[-1500:]}"] * ("Traceback" in text)
        again = at.starter.run(world, verb, words)
        fine = {*codes, *WORKED}
        if again["codes"][0] not in fine or "Traceback" in again["said"][0]:
            problems.append(f"run again: exit {again['codes']}: {again['said'][0][-1500:]}")
        if world.counts() not in allowed:
            at.starter.run(world, verb, words)
        found = world.counts()
        odd = {t: n for t, n in found.items() if n not in [counts[t] for counts in allowed]}
        if odd:
            problems.append(f"rows otherwise than undisturbed: {odd}")
        twice = max(0, world.server.state.total_calls - alone)
        problems += _money(at, world)
        doubt = world.spent() - world.billed()
        in_flight = InFlight(CONCURRENCY).size + GATHERED
        if twice > in_flight:
            problems.append(f"{twice} questions were asked twice")
        if doubt > in_flight * _bound(world):
            problems.append(f"{doubt} nano-dollars in doubt are more than what was in flight")
        if doubt < 0:
            problems.append(f"{-doubt} nano-dollars were billed and are not counted")
        problems += _reconciled(at, world)
        return Killed(verb, stopped, twice, world.billed(), doubt, problems)


def _money(at: Ground, world: World) -> list[str]:
    """Whoever looks writes down that the run was killed, and nothing stays running."""
    at.starter.run(world, "status", ())
    database = Database(world.url)
    with database.read() as session:
        running = session.scalars(select(Run.verb).where(Run.status == RunStatus.RUNNING)).all()
    database.dispose()
    return [f"still running: {list(running)}"] if running else []


def _forgotten(world: World) -> list[str]:
    """Whatever was billed by a kill had been set aside before it was asked for."""
    billed = world.billed()  # nothing, where a kill has left no tables to count in
    if billed and (spent := world.spent()) < billed:
        return [f"{billed} nano-dollars were billed by the kill and {spent} are counted"]
    return []


def _bound(world: World) -> int:
    """The most that one answer may cost here: texts are a few hundred bytes, 100 tokens come."""
    return (1000 + 90 * 8 + 12_000) * 1250 + 100 * 5000


def _reconciled(at: Ground, world: World) -> list[str]:
    """With the bill in hand what is counted is the bill."""
    bill = world.billed()
    words = ("--billed-usd", f"{bill / 1e9:.9f}", "--reason", "the server's own count")
    done = at.starter.run(world, "money reconcile", words)
    if done["codes"] != [0]:
        return [f"reconcile: {done['said'][0][-500:]}"]
    if world.spent() != bill:
        return [f"reconciled, {world.spent()} are counted and {bill} were billed"]
    return []


def campaign(at: Ground, kills: int, seed: int, verbs: dict[str, tuple[str, ...]]) -> list[Killed]:
    """So many kills, verb after verb; those that ask and pay come three times as often."""
    at = replace(at, latency=SECONDS)
    draw = random.Random(seed)
    paid = {"judge", "generate", "revise", "canaries ask", "principles hold-out", "cycle"}
    line = [verb for verb in verbs for _ in range(3 if verb in paid else 1)]
    draw.shuffle(line)
    took: dict[str, float] = {}
    found = []
    for number in range(kills):
        verb = line[number % len(line)]
        if verb not in took:
            with at.world("timed", verb) as world:
                took[verb] = at.starter.run(world, verb, verbs[verb])["seconds"]
        found.append(kill(at, verb, verbs[verb], draw, took[verb]))
        for problem in found[-1].problems:
            print(f"{verb}: {problem}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Kill, and print a line a verb."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=150, help="over both databases")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    options.add_argument("--heavy", action="store_true", help="those that need torch, too")
    options.add_argument("--only", action="append", help="this verb; may be repeated")
    chosen = options.parse_args()
    wanted = {**VERBS, **(HEAVY if chosen.heavy else {})}
    wanted = {verb: words for verb, words in wanted.items() if verb in (chosen.only or wanted)}
    kinds = ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,)
    bad = 0
    print("| database | verb | kills | at work | asked twice | billed | in doubt | broken |")
    print("|---|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for number, kind in enumerate(kinds):
        share = chosen.kills // len(kinds) + (number < chosen.kills % len(kinds))
        by_verb: dict[str, list[Killed]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as work, ground(Path(work), kind, chosen.heavy) as at:
            for one in campaign(at, share, chosen.seed + number, wanted):
                by_verb[one.verb].append(one)
        for verb, found in sorted(by_verb.items()):
            broken = sum(bool(one.problems) for one in found)
            print(
                f"| {kind} | {verb} | {len(found)} | {sum(one.stopped for one in found)} "
                f"| {sum(one.again for one in found)} "
                f"| ${sum(one.billed for one in found) / 1e9:.4f} "
                f"| ${sum(one.doubt for one in found) / 1e9:.4f} | {broken} |",
                flush=True,
            )
            bad += broken
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
