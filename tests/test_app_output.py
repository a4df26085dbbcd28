"""Words of others are printed as text: no mark-up is read in them and none commands a terminal."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import app_world
import import_worlds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app import cli, output
from app.harmless import harmless, harmless_json, one_line
from db.errors import TiebreakError

ROOT = Path(__file__).parents[1]
HOSTILE = (
    *(
        "m[/b]",
        "[/INST]",
        "[link=file:///etc/passwd]here[/link]",
        "[bold red]",
        "{task.total}",
        ":pile_of_poo:",
    ),
    *(
        "\x1b[2J\x1b]0;mine\x07",
        "\x1b]8;;http://a\x1b\\x",
        "\x9b31m",
        "a\x00b",
        "\x7f",
        "one\rtwo",
        "\x85",
    ),
    *(
        "right\u202etfel",
        "\u2066x",
        "\u2028",
        "\U000e0041\U000e0042",
        "\u3164",
        "half \ud800",
        "\ufeff",
    ),
)
COMMANDS = set(map(chr, [*range(9), *range(11, 13), *range(14, 32), *range(127, 160)]))
COMMANDS |= set(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ud800\u3164\ufeff"
)
WORDS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))


def commands_in(printed: str) -> set[str]:
    """Signs of others in it, but for the colours that rich itself writes."""
    return set(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed)) & COMMANDS


@given(WORDS)
def test_what_commands_a_terminal_is_told_by_its_number(text: str) -> None:
    assert not set(harmless(text)) & COMMANDS
    assert not set(one_line(text)) & (COMMANDS | set("\r\n\t"))
    assert harmless("plain [text]\n\tof two lines") == "plain [text]\n\tof two lines"
    assert one_line("\x1b[0m\nok") == r"\x1b[0m\nok"


@given(st.text())
def test_json_says_the_same_and_commands_nothing(text: str) -> None:
    shown = harmless_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(shown) == {text: [text]}
    assert not set(shown) & COMMANDS


@settings(deadline=None, max_examples=60)
@given(WORDS, WORDS)
def test_any_words_come_through_every_way_of_printing(one: str, two: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1")
        patch.setenv("COLUMNS", "80")
        printed = _printed(one, two)
    assert not commands_in(printed)
    for plain in ("m[/b]", "[/INST]", "[bold red]", "{task.total}"):
        if plain in (one, two):
            assert printed.count(plain) >= 5


def _printed(one: str, two: str) -> str:
    """Both texts by every function that prints, both streams together."""
    import contextlib
    import io

    kept = io.StringIO()
    with contextlib.redirect_stdout(kept), contextlib.redirect_stderr(kept):
        output.show(f"{one} {two}", False)
        output.show({one: two}, True)
        output.write(one + two)
        output.warn(one + two)
        output.say(f"{one} {two}")
        output.table(one, ["who", two], [[one, two], [two, one]])
        with output.progress() as report:
            report(one, 1, 2)
            report(two, 1, 0)
    return kept.getvalue()


def test_show_and_report_print_hostile_names_texts_and_rationales(
    tmp_path: Path,
) -> None:
    run = _hostile_project(tmp_path)
    for words in (["show", "m[/b]"], ["show", "m[/b]", "--json"], ["report"], ["doctor"]):
        said = run(*words)
        assert not commands_in(said)
        if words[0] == "show":
            assert "[/INST]" in said
            assert "judge [/red]" in said
    assert "'\\x1b[2J'" in run("show", "\x1b[2J", code=1)


def _hostile_project(folder: Path) -> Callable[..., str]:
    """Verbs in a project whose pair, judge, domain and rationale are hostile."""
    words = " ".join(HOSTILE[:-2]).replace("\x00", "")
    texts = {"prompt": words, "response_a": f"[/INST] {words}", "response_b": "b"}
    pair = {"pair_id": "m[/b]", "domain": "d[/i]\x1b[31m", **texts}
    vote = {"pair_id": "m[/b]", "judge": "judge [/red]\x9b31m", "choice": "a", "rationale": words}
    app_world.project(folder, "").dispose()
    import_worlds.write(folder / "pairs[b].jsonl", [pair])
    import_worlds.write(folder / "votes.jsonl", [vote, {**vote, "order": "ba"}])

    def run(*said: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli.app, [*said, "--config", str(folder / "tiebreak.toml")])
        if isinstance(done.exception, TiebreakError):  # told by `cli.main`
            return one_line(str(done.exception))
        assert done.exit_code == code, done.output
        return done.output

    run("import", "pairs", str(folder / "pairs[b].jsonl"))
    run("import", "votes", str(folder / "votes.jsonl"))
    return run


def test_only_one_file_prints() -> None:
    """Everything else hands its words to `app.output`, which makes them harmless."""
    found = []
    for room in ("app", "db", "judges", "review", "trainer"):
        for path in set((ROOT / room).rglob("*.py")) - {ROOT / place for place in _MAY_PRINT}:
            text = path.read_text(encoding="utf-8")
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            if _RICH.search(text) or any(ast.unparse(call.func) in _PRINTING for call in calls):
                found.append(str(path.relative_to(ROOT)))
    assert found == []


_MAY_PRINT = (
    "app/output.py",
    "judges/providers/schema_process.py",  # a child, whose output is a pipe to its parent
)
_RICH = re.compile(r"^\s*(?:from|import) rich\b(?!\.cells import cell_len$)", re.M)
_PRINTING = {
    *("print", "typer.echo", "typer.secho", "click.echo", "sys.stdout.write", "sys.stderr.write"),
    *("sys.stdout.buffer.write", "pprint.pprint", "traceback.print_exc", "rich.print"),
}
