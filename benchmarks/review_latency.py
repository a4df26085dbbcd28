"""From key press to the next pair in Chromium, with a million pairs beside the same app with 300.

    python benchmarks/review_latency.py [--pairs 1000000] [--waiting 20000] [--presses 60]
                                        [--folder KEPT]

Makes two SQLite projects in a temporary folder, or finds those of an earlier run in KEPT, serves
both on loopback, and answers pairs by key in turns, so that whatever else the machine does falls
on both alike. The peer is the small one.
"""

import argparse
import json
import statistics
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from sqlalchemy import text

from db.schema import upgrade
from db.session import Database

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from app_world import served
from browser import chromium, desk

_RULES = "[review]\nmin_dwell_seconds = 0.05\npractice_pairs = 0\nrationale_rate = 0\n"
_AT = "2026-01-01 00:00:00.000000"
_WORDS = "The answer depends on what is asked, and on how much of it can be known from here. "


def project(folder: Path, pairs: int, waiting: int) -> None:
    """Fill a project. Every third pair shares its prompt, as rankings give."""
    folder.mkdir(parents=True)
    (folder / "tiebreak.toml").write_text(_RULES, encoding="utf-8")
    database = Database(f"sqlite:///{folder / 'tiebreak.db'}")
    upgrade(database)
    with database.begin() as session:
        raw: Any = session.connection().connection.driver_connection
        raw.executemany(
            "INSERT INTO prompts (id, content_hash, messages, created_at) VALUES (?, ?, ?, ?)",
            (
                (n, _hash("p", n), json.dumps([{"role": "user", "content": f"Question {n}?"}]), _AT)
                for n in range(1, pairs // 3 + 3)
            ),
        )
        raw.executemany(
            "INSERT INTO candidates (id, prompt_id, content_hash, text, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                (c, (c - 1) // 3 + 1, _hash("c", c), f"Answer {c}. " + _WORDS * 12, _AT)
                for c in range(1, pairs + 4)
            ),
        )
        raw.executemany(
            "INSERT INTO pairs (id, prompt_id, candidate_a_id, candidate_b_id, content_hash,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (n, (n - 1) // 3 + 1, n, n + 1 if n % 3 else n - 2, _hash("x", n), _AT)
                for n in range(1, pairs + 1)
            ),
        )
        step = max(1, pairs // waiting)
        raw.executemany(
            "INSERT INTO tasks (kind, status, pair_id, priority, reasons, wanted_reviews,"
            " max_reviews, created_at) VALUES ('escalation', 'open', ?, ?, '[]', 1, 3, ?)",
            (
                (n * step + 1, int(_hash("t", n)[:6], 16) / 0xFFFFFF, _AT)
                for n in range(min(waiting, pairs // step))
            ),
        )
    with database.begin() as session:
        session.execute(text("ANALYZE"))
    database.dispose()


def _hash(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()


def press(page: Page, key: str) -> float:
    """Milliseconds from the key press until another prompt is shown, by the page's clock.

    -1 where that did not happen within ten seconds: a press the page did not hear.
    """
    return float(
        page.evaluate(
            """key => new Promise(done => {
                const shown = () => document.querySelector('.tb-prompt')?.innerText;
                const before = shown(), began = performance.now();
                const look = () => {
                    if (shown() && shown() !== before) done(performance.now() - began);
                    else if (performance.now() - began > 10000) done(-1);
                    else requestAnimationFrame(look);
                };
                document.dispatchEvent(new KeyboardEvent('keydown',
                    {key, code: 'Digit' + key, bubbles: true, cancelable: true}));
                look();
            })""",
            key,
        )
    )


def figures(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds."""
    ordered = sorted(times)
    return {
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
    }


def main() -> None:
    """Fill, serve, press, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    unheard = 0
    with tempfile.TemporaryDirectory() as passing:
        folder = given.folder or Path(passing)
        small, large = folder / "small", folder / "large"
        if not small.exists():
            project(small, 300, 300)
        if not large.exists():
            project(large, given.pairs, given.waiting)
        with served(small) as one, served(large) as two, chromium() as browser:
            pages = {name: browser.new_page() for name in ("small", "large")}
            for name, address in (("small", one), ("large", two)):
                desk(pages[name], address)
            times: dict[str, list[float]] = {"small": [], "large": []}
            for number in range(given.presses + 5):
                for name, page in pages.items():
                    page.wait_for_timeout(350)
                    took = press(page, "24"[number % 2])
                    unheard += took < 0
                    if number >= 5 and took >= 0:  # the first ones import and cache
                        times[name].append(took)
    found = {name: figures(took) for name, took in times.items()}
    ratio = found["large"]["median_ms"] / found["small"]["median_ms"]
    print(json.dumps({**found, "ratio": round(ratio, 2), "unheard": unheard}))


if __name__ == "__main__":
    main()
