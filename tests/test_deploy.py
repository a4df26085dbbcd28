"""What `deploy/` offers: units systemd accepts, a sound CronJob, and a DAG that Airflow runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cycle_world import fill, project
from installed import skip_or_fail

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
AIRFLOW = Path(os.environ.get("TIEBREAK_AIRFLOW_VENV", ROOT / ".venv-airflow"))


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in (DEPLOY / "systemd").iterdir():
        # The unit names the place it will be installed to; only an existing command verifies.
        text = unit.read_text().replace("/srv/tiebreak/.venv/bin/tiebreak", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    for unit in ("tiebreak-cycle.service", "tiebreak-cycle.timer"):
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / unit)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_finished_cycle_with_alarms_is_no_failed_unit() -> None:
    text = (DEPLOY / "systemd" / "tiebreak-cycle.service").read_text()
    assert "SuccessExitStatus=3 5\n" in text  # 5: it waits for audits
    assert "Restart=on-failure\n" in text


def test_a_unit_is_tried_again_but_not_for_ever_and_not_when_called_wrongly() -> None:
    text = (DEPLOY / "systemd" / "tiebreak-cycle.service").read_text()
    assert "RestartPreventExitStatus=2\n" in text
    unit, service = text.split("[Service]")
    assert "StartLimitBurst=4\n" in unit
    assert "StartLimitIntervalSec=6h\n" in unit  # four tries, 15 minutes apart, lie well within
    assert "RestartSec=15min\n" in service


def test_the_cron_line_has_five_fields_and_runs_the_cycle() -> None:
    (line,) = [
        row for row in (DEPLOY / "crontab").read_text().splitlines() if not row.startswith("#")
    ]
    fields = line.split(None, 5)
    assert fields[:5] == ["0", "3", "*", "*", "1"]
    assert "%" not in fields[5]  # cron would cut the line there
    assert "tiebreak cycle" in fields[5]
    assert subprocess.run(["sh", "-n", "-c", fields[5]]).returncode == 0


def test_the_cronjob_forbids_two_at_once_and_mounts_what_it_names() -> None:
    (job,) = yaml.safe_load_all((DEPLOY / "kubernetes" / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert len(job["spec"]["schedule"].split()) == 5
    inner = job["spec"]["jobTemplate"]["spec"]
    pod = inner["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["tiebreak", "cycle"]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    (rule,) = inner["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"] == {
        "containerName": container["name"], "operator": "In", "values": [2, 3, 5]
    }  # fmt: skip
    assert pod["restartPolicy"] == "Never"  # what a podFailurePolicy asks for
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    assert "key" not in json.dumps(container.get("env")).lower()  # secrets come by envFrom


def airflow() -> Path:
    """An environment with Airflow of its own, made where it is not there yet."""
    python = AIRFLOW / "bin" / "python"
    if not (AIRFLOW / "bin" / "airflow").exists():
        subprocess.run([sys.executable, "-m", "venv", str(AIRFLOW)], check=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "apache-airflow>=3,<4"],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(AIRFLOW)
            skip_or_fail(f"Airflow cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.mark.slow
def test_airflow_parses_the_dag_and_runs_a_whole_cycle(tmp_path: Path) -> None:
    config = project(tmp_path / "project", "")
    fill(config.cycle.inbox, 30, 20)
    command = tmp_path / "tiebreak"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m app.cli "$@"\n')
    command.chmod(0o755)
    python = airflow()
    environ: dict[str, Any] = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AIRFLOW"))},
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DEPLOY),
        "TIEBREAK_COMMAND": str(command),
        "TIEBREAK_FOLDER": str(config.folder),
        "OMP_NUM_THREADS": "1",
    }
    migrated = subprocess.run(
        [str(python.parent / "airflow"), "db", "migrate"],
        env=environ, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert migrated.returncode == 0, migrated.stderr[-2000:]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from airflow_dag import made\n"
        "run = made.test()\n"
        "print('state', run.state)\n"
    )
    done = subprocess.run(
        [str(python), "-c", script, str(DEPLOY)],
        env=environ, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "state success" in done.stdout.replace("DagRunState.SUCCESS", "success"), done.stdout
    from db.cycles import finished

    with config.database.read() as session:
        assert len(finished(session)) == 1
    assert list(config.cycle.reports.glob("cycle-*.html"))
