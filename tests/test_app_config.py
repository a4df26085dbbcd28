"""The configuration: whatever is wrong with it is one sentence, in which no secret stands."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import load
from app.doctor import examine
from app.serve import signs_in
from db.errors import BadInput, TiebreakError
from db.session import Database

ROOT = Path(__file__).parents[1]
SECRETS = (
    *(
        "hunter2-Pa55",
        "s3cr3tPassw0rd",
        "sk-ant-api03-Q9x7Zt2Lm4",
        "AKIAQ7EXAMPLE8KEY01",
        "p@ss:w/rd'\"9",
    ),
    *("postgresql+psycopg://tie:S3cr3tPw@db.example/tie", "postgresql://tie:S3cr3tPw@db:port/x"),
    *("tie:S3cr3tPw@db.example/tie", "https://user:S3cr3tPw@proxy.example", "eyJhbGciOi.J9x8.Q7"),
)
KEYS = (
    *("url", "password", "passwrd", "api_key", "api_key_env", "name", "model", "family", "limit"),
    *(
        "constitution",
        "label_model",
        "base_url",
        "inbox",
        "max_usd",
        "admins",
        "orders",
        "provider",
    ),
    *("options", "prices", "principles", "tier", "generation", "train", "label_source"),
)
SECTIONS = (
    *(
        "[database]",
        "[panel]",
        "[[judge]]",
        "[limits.key]",
        "[[generator]]",
        "[review]",
        "[training]",
    ),
    *("[cycle]", "[files]", "[databse]", "[[panel]]", "[judge]", ""),
)


_SETTING = re.compile(r"# (?:\w+ = |\[)")
_VALUES = (
    '"{0}"',
    "'{0}'",
    "['{0}']",
    "{{ a = '{0}' }}",
    "{0}",
    "'''{0}'''",
    '"{0}',
    "[[['{0}']]]",
)
_LINES = (
    "'{0}' = 1",
    "{0} = 1",
    "url '{0}'",
    "[limits.'{0}']",
    "[{0}]",
    "x.'{0}'.y = 1\nx.'{0}'.y = 2",
)


def seen(sentence: str) -> bool:
    """Whether a planted secret, or the password within it, stands in it."""
    return any(part in sentence for part in (*SECRETS, "S3cr3tPw", "hunter2", "w/rd"))


def mutants(count: int) -> Iterator[str]:
    """The template with a secret somewhere it should not be, and often broken otherwise."""
    template = (ROOT / "app" / "template.toml").read_text(encoding="utf-8").splitlines()
    for seed in range(count):
        drawn = random.Random(seed)
        lines = [
            line.removeprefix("# ") if _SETTING.match(line) and drawn.random() < 0.3 else line
            for line in template
        ]
        for _ in range(drawn.randint(1, 3)):
            secret, key = drawn.choice(SECRETS), drawn.choice(KEYS)
            whole = "'" + secret.replace("'", "") + "'"
            quoted = drawn.choice((*[whole] * 8, *(form.format(secret) for form in _VALUES)))
            lone = f"{key} = {quoted}"
            planted = drawn.choice((*[lone] * 8, *(form.format(secret) for form in _LINES)))
            at = drawn.randrange(len(lines) + 1)
            lines[at:at] = [drawn.choice(SECTIONS), planted] if drawn.random() < 0.5 else [planted]
            if drawn.random() < 0.4:
                of = drawn.randrange(len(lines))
                name, mark, _ = lines[of].partition("=")
                lines[of] = f"{name}= {quoted}" if mark else lines[of]
        text = "\n".join(lines if drawn.random() < 0.1 else once(lines))
        yield text[: drawn.randrange(len(text))] if drawn.random() < 0.1 else text


def once(lines: list[str]) -> Iterator[str]:
    """Without settings that their section has already, and sections there are already."""
    section, known = "", set()
    for line in lines:
        if line.startswith("["):
            section = f"{line} {len(known)}" if line.startswith("[[") else line
        name = f"{section} {line.partition('=')[0].strip()}"
        if line.startswith("#") or not line.strip() or name not in known:
            yield line
        known.add(name)


def all_said(path: Path) -> Iterator[str]:
    """Every sentence about this configuration, from its reading to its parts."""
    try:
        config = load(path)
    except TiebreakError as error:
        yield str(error)
        return
    for part in (
        lambda: config.panel,
        lambda: config.generators,
        lambda: config.cycle.route_options(),
        lambda: config.training,
        lambda: Database(config.database_url),
    ):
        try:
            part()
        except TiebreakError as error:
            yield str(error)


@pytest.mark.parametrize("part", range(3))
def test_no_mutant_of_the_template_echoes_a_secret_or_ends_in_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setattr("db.session._make_folder", lambda _: None)
    path = tmp_path / "tiebreak.toml"
    told = 0
    for n, text in enumerate(mutants(600)):
        if n % 3 == part:
            path.write_text(text, encoding="utf-8")
            for sentence in all_said(path):
                told += 1
                assert not seen(sentence), (n, sentence)
                assert "\n" not in sentence
    assert told > 100


def test_doctor_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    path = tmp_path / "tiebreak.toml"
    for secret in SECRETS[:4]:
        for key, section in (("api_key_env", "[[judge]]"), ("password", "[database]")):
            more = "name = 'j'\nprovider = 'anthropic'\nmodel = 'claude-haiku-5-5'"
            path.write_text(f"{section}\n{key} = '{secret}'\n{more if key[0] == 'a' else ''}\n")
            checks = examine(path)
            assert not all(check.ok for check in checks)
            assert [check for check in checks if seen(check.found)] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = " + b"[" * 100_000, "lists or tables stand too deep in one another"),
        ("[database]\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("[database]\n".encode("utf-16-be"), "is UTF-16; save it as UTF-8"),
        ("[database]\n".encode("utf-32"), "is UTF-32; save it as UTF-8"),
        (b"[database]\n# \xff\n", "is no UTF-8 in line 2; save it as UTF-8"),
        (b"x = 1" + b"0" * 5_000, "is not valid TOML"),
        (b"x = 9999-99-99", "is not valid TOML"),
        (b"x = '\x00'", "is not valid TOML"),
        (b"# " + b"x" * 5_000_000, "has more than 4,000,000 bytes; is it the right file"),
        (b"[database]\nurl = 'a'\nurl = 'b'\n", r"\(Cannot overwrite a value \(at line 3"),
    ],
)
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    for name in ("tiebreak.toml", "rules.toml"):
        (tmp_path / name).write_bytes(content)
        if name == "rules.toml":
            (tmp_path / "tiebreak.toml").write_text("[panel]\nconstitution = ['rules.toml']\n")
        with pytest.raises(BadInput, match=said) as caught:
            _ = load(tmp_path / "tiebreak.toml").panel
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        signs_in(tmp_path)


def test_a_mark_of_byte_order_and_ends_of_lines_of_windows_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "tiebreak.toml"
    path.write_bytes("\ufeff[database]\r\nurl = 'sqlite:///x.db'\r\n".encode())
    assert load(path).sections.database.url == "sqlite:///x.db"


def test_a_wrong_value_is_named_by_its_key_and_numbers_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "tiebreak.toml"
    path.write_text("[review]\nlease_minutes = -1\n")
    with pytest.raises(BadInput, match=r"review.lease_minutes = -1: input should be"):
        load(path)
    path.write_text("[review]\nlease_minutes = 'soon'\n")
    with pytest.raises(BadInput, match=r"review.lease_minutes, which is a text: input should be"):
        load(path)
