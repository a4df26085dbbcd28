"""How fast a panel is asked, and in how much memory, against a local server with a fixed answer.

    python benchmarks/judging.py [--in-flight 64 256 1024] [--pairs 1000 100000] [--json]

Speed: votes a second of `tiebreak judge` (claims, money, parsing and storing included) as a share
of the server's limit, in flight / latency, and of a bare `asyncio.gather` over the same SDK client
that does nothing but the calls. Every measurement is a process of its own, bare and ours in turn.
Memory: peak of a whole run at few and at many pairs, with answers from a scripted judge.
On a machine that others use, compare processor time: beyond some hundred calls a second it is what
limits both. What a cascade saves is measured in `cascade.py`.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LATENCY = 0.05


def main() -> None:
    """Measure what the options ask for, one line a measurement."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--in-flight", type=int, nargs="*", default=[64, 256, 1024])
    options.add_argument("--pairs", type=int, nargs="*", default=[1_000, 100_000])
    options.add_argument("--calls", type=int, default=3000, help="answers a measurement of speed")
    options.add_argument("--json", action="store_true", help="one object a line")
    options.add_argument("--case", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.case:
        print(json.dumps(_case(json.loads(chosen.case))))
        return
    for in_flight in chosen.in_flight:
        _show(_speed(in_flight, chosen.calls), chosen.json)
    baseline: float | None = None
    for pairs in chosen.pairs:
        measured = _measure({"case": "memory", "pairs": pairs})
        baseline = baseline or measured["peak_mb"]
        measured["ratio_to_fewest"] = round(measured["peak_mb"] / baseline, 3)
        _show(measured, chosen.json)


def _show(line: dict[str, Any], as_json: bool) -> None:
    text = json.dumps(line) if as_json else "  ".join(f"{k} {v}" for k, v in line.items())
    print(text, flush=True)


def _speed(in_flight: int, calls: int) -> dict[str, Any]:
    with _server() as url:
        case = {"in_flight": in_flight, "calls": max(calls, 3 * in_flight), "url": url}
        bare = _measure({"case": "bare", **case})
        ours = _measure({"case": "ours", **case})
    each = ours["votes_per_second"]
    return {
        "in_flight": in_flight,
        "votes_per_second": round(each, 1),
        "ratio_to_limit": round(each / (in_flight / LATENCY), 3),
        "ratio_to_bare": round(each / bare["votes_per_second"], 3),
        "bare_per_second": round(bare["votes_per_second"], 1),
        "cpu_ms_per_vote": round(ours["cpu_ms"], 3),
        "bare_cpu_ms": round(bare["cpu_ms"], 3),
        "bare_cpu_share": round(bare["cpu_ms"] / ours["cpu_ms"], 3),
        "peak_mb": ours["peak_mb"],
    }


@contextmanager
def _server() -> Iterator[str]:
    program = ROOT / "tests" / "protocol_server.py"
    process = subprocess.Popen(
        [sys.executable, str(program), "--latency", str(LATENCY)], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output to read its address from")
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def _measure(case: dict[str, Any]) -> dict[str, Any]:
    """One case in a fresh process, so that memory and caches are its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--case", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _case(case: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        if case["case"] == "bare":
            return _bare(case)
        if case["case"] == "ours":
            return _ours(case, Path(folder))
        return _memory(case["pairs"], Path(folder))


def _config(case: dict[str, Any]) -> dict[str, Any]:
    prices = {"input": 1.0, "cached": 0.1, "output": 5.0}
    return {
        "name": "remote",
        "provider": "anthropic",
        "model": "benchmark",
        "base_url": case["url"],
        "concurrency": case["in_flight"],
        "prices": prices,
        "orders": "ab",
    }


def _bare(case: dict[str, Any]) -> dict[str, Any]:
    """The same SDK client, the same requests, nothing else."""
    from db.vocabulary import Order
    from judges import constitution, panel
    from judges.judge_session import template
    from judges.providers.anthropic import AnthropicJudge

    judge = panel.parse({"judge": [_config(case)]}).judge[0]
    made = template(judge, constitution.load(["starter"]))
    asked = AnthropicJudge(judge, "key")
    questions = [made.render(*_texts(n), Order.AB, key=str(n)) for n in range(case["calls"])]

    async def run() -> tuple[float, float]:
        slots = asyncio.Semaphore(case["in_flight"])

        async def one(question: Any) -> None:
            async with slots:
                await asked._client.messages.create(**asked._body(question))

        await asyncio.gather(*(one(q) for q in questions[: case["in_flight"]]))  # connect first
        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(question) for question in questions))
        return time.perf_counter() - started, time.process_time() - cpu

    return _figures(case["calls"], *asyncio.run(run()))


def _ours(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    from judges import panel, steps

    database = _database(folder, case["calls"] + case["in_flight"])
    judges = panel.parse({"judge": [_config(case)]})
    environ = {"ANTHROPIC_API_KEY": "key"}
    steps.run_judges(  # everything imported before the clock starts
        database, judges, within=list(range(1, case["in_flight"] + 1)), environ=environ
    )
    cpu = time.process_time()
    done = steps.run_judges(database, judges, environ=environ, max_usd=1000)
    return _figures(done.stored, done.seconds, time.process_time() - cpu)


def _memory(pairs: int, folder: Path) -> dict[str, Any]:
    """The run is a child of its own: filling the database must not count."""
    _database(folder, pairs).dispose()
    sections = {"judge": [{"name": "fake", "provider": "fake", "model": "x", "orders": "ab"}]}
    code = (
        "import json, resource, sys, time\n"
        "from db.session import Database\n"
        "from judges import panel, steps\n"
        "judges = panel.parse(json.loads(sys.argv[2]), allow_fake=True)\n"
        "done = steps.run_judges(Database(sys.argv[1]), judges)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(json.dumps({'stored': done.stored, 'seconds': done.seconds, 'peak': peak}))\n"
    )
    url = f"sqlite:///{folder / 'tiebreak.db'}"
    done = subprocess.run(
        [sys.executable, "-c", code, url, json.dumps(sections)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return {
        "pairs": pairs,
        "votes_per_second": round(found["stored"] / found["seconds"], 1),
        "peak_mb": round(found["peak"], 1),
    }


def _figures(calls: int, seconds: float, cpu: float) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "votes_per_second": calls / seconds,
        "cpu_ms": 1000 * cpu / calls,
        "peak_mb": round(peak, 1),
    }


def _database(folder: Path, pairs: int) -> Any:
    from db.candidates import NewCandidate
    from db.models import Base
    from db.pairs import NewPair, add_pairs
    from db.session import Database

    database = Database(f"sqlite:///{folder / 'tiebreak.db'}")
    Base.metadata.create_all(database.engine)
    for start in range(0, pairs, 2000):
        rows = []
        for n in range(start, min(start + 2000, pairs)):
            prompt, a, b = _texts(n)
            rows.append(
                NewPair([{"role": "user", "content": prompt}], NewCandidate(a), NewCandidate(b))
            )
        with database.begin() as session:
            add_pairs(session, rows)
    return database


def _texts(n: int) -> tuple[str, str, str]:
    """A prompt and two responses of everyday length."""
    return f"Question {n}: " + "why so? " * 10, f"One {n}. " + "Because. " * 60, "So. " * 90


if __name__ == "__main__":
    main()
