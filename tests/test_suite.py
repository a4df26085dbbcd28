"""The suite itself: what it does where something is missing, and what `make quick` leaves out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import quick

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_without_chromium_and_postgresql_their_tests_skip_with_the_reason(tmp_path: Path) -> None:
    left = {k: v for k, v in os.environ.items() if k not in ("CI", "TEST_DATABASE_URL")}
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "browser or postgres", "-q", "-rs"),
            *("-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}"),
            f"--ignore={__file__}",
        ],
        cwd=ROOT,
        env=left | {"TEST_CHROMIUM": "", "TEST_POSTGRESQL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    skipped = int(re.findall(r"(\d+) skipped", ran.stdout)[-1])
    reason = r"^SKIPPED \[(\d+)\] \S+: (\w+) is not installed \(Debian: "
    told = re.findall(reason, ran.stdout, re.M)
    assert {title for _, title in told} == {"Chromium", "PostgreSQL"}
    assert sum(int(times) for times, _ in told) == skipped > 0


def test_a_program_that_is_not_there_skips_here_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from installed import CHROMIUM, POSTGRESQL

    for program in (CHROMIUM, POSTGRESQL):
        monkeypatch.setenv(program.variable, sys.executable)
        assert program.needed() == Path(sys.executable)
        monkeypatch.setenv(program.variable, "")
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=f"{program.title} is not installed"):
            program.needed()
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="CI must have it"):
            program.needed()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("from judges.trust import intervals", True),
        ("from review_worlds import add_pairs", True),  # SQLite alone
        ("import subprocess", False),
        ("def test():\n    import torch", False),
        ("from app_world import project", False),  # a file of tests that starts a process
        ("from real_size import measured", False),  # a benchmark that trains
        ("from trainer import steps", False),  # imports torch inside a function, further down
    ],
)
def test_a_file_is_quick_by_what_it_reaches(tmp_path: Path, line: str, wanted: bool) -> None:
    file = tmp_path / "test_x.py"
    file.write_text(line + "\n", encoding="utf-8")
    assert quick.is_quick(file) is wanted


def test_the_pure_rooms_are_quick() -> None:
    found = {path.stem for path in (ROOT / "tests").glob("test_*.py") if quick.is_quick(path)}
    pure = ("test_judges_trust_", "test_review_detectors", "test_db_imports_")
    assert [
        path.stem
        for path in (ROOT / "tests").glob("test_*.py")
        if path.stem.startswith(pure) and path.stem not in found
    ] == []
    named = {"test_judges_prompts", "test_app_views_sanitise", "test_review_routing"}
    assert named <= found
    assert not any(name.startswith(("test_browser_", "test_deploy")) for name in found)
