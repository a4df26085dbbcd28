"""The weekly cycle as one Airflow task. Airflow 3; Tiebreak lives in a Python of its own.

TIEBREAK_COMMAND (default `tiebreak`) and TIEBREAK_FOLDER (default /srv/tiebreak) say what is run
and where. A retry goes on with the step that was not done, so retries are cheap. A cycle that
finished with alarms (exit 3), or that waits for audits (exit 5), is a success whose result says so;
a failed one (exit 1) is retried.
"""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.exceptions import AirflowFailException
from airflow.sdk import dag, task

ALARMS, WAITS = 3, 5


@dag(
    dag_id="tiebreak_cycle",
    schedule="0 3 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    tags=["tiebreak"],
)
def tiebreak_cycle() -> None:
    """Import, judge, route, merge, export, train, evaluate, gate, report."""

    @task
    def cycle() -> dict[str, Any]:
        """Run it; the result is its JSON, alarms and the page's place among it."""
        command = [*os.environ.get("TIEBREAK_COMMAND", "tiebreak").split(), "cycle", "--json"]
        folder = os.environ.get("TIEBREAK_FOLDER", "/srv/tiebreak")
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        if done.returncode == 2:
            raise AirflowFailException("tiebreak cycle was called wrongly; no retry mends that")
        if done.returncode not in (0, ALARMS, WAITS):
            raise RuntimeError(f"tiebreak cycle stopped with exit {done.returncode}; see the log")
        found: dict[str, Any] = json.loads(done.stdout)
        for alarm in found["alarms"]:
            print(f"alarm: {alarm['sentence']}")
        if found["waits"]:
            print(f"waits: {found['waits']}")
        return found

    cycle()


made = tiebreak_cycle()

if __name__ == "__main__":
    made.test()
