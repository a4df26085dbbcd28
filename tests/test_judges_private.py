"""Private data in texts is counted by kind, never told, and stays here where settings say so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_server import Script, Server, serving
from test_judges_steps import fake, remote, votes
from test_judges_steps_generating import generators

from app.pipeline.detect import detect
from db.candidates import NewCandidate
from db.errors import BadInput
from db.pairs import NewPair, add_pairs, add_prompts
from db.session import Database
from db.vocabulary import Choice
from judges import panel, steps
from judges.private import KINDS, Withholding, private_in
from judges.results import JudgeRun
from review import detectors

JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NTYifQ", "c2lnbmF0dXJlMTIz"))
KEY = "sk-" + "ant-" + "a1B2" * 8

PRIVATE = {  # numbers that pass their check by this arithmetic, or by the standard's own example
    "email": ["write to jo.smith+x@posteo.de", "j\u200bo@posteo.de"],
    "phone": ["+44 20 7946 0018 or so", "call (202) 225-2815"],
    "card": ["4539 1488 0343 6467", "5500-0000-0000-0004"],
    "iban": ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
    "national_id": [
        "078-05-1120",
        "529.982.247-25",  # 5·10+2·9+...: check digits 2 and 5
        "11010519491231002X",
        "12345678Z",  # 12345678 mod 23 = 14, the letter Z
        "2 55 08 14 168 025 38",
        "RSSMRA85T10A562S",
    ],
    "ip_address": ["from 93.184.216.34"],
    "secret": [
        KEY,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "ghp_" + "a1B2c3D4e5" * 3 + "abcdef",
        JWT,
        "postgresql://ann:hunter22@db.intern/x",
    ],
}

HARMLESS = [
    "jane@example.com, root@localhost, you@yourcompany.com, @someone, a@b",
    "call 1-800-799-7233 or 555-0199",
    "4539 1488 0343 6468, 0000 0000 0000 0000 and 1234567890123456",  # one digit off; no check
    "GB82 WEST 1234 5698 7654 33",
    "000-12-3456, 12345678A, 529.982.247-26",
    "127.0.0.1, 192.168.1.1, 8.8.8.8, version 1.2.3, 300.1.1.1, 10.0.0.1",
    "sk-short, https://user:password@host.example/, the AKIA of Aki, eyJ alone",
    "In 1984 it cost 2279400000 dollars; pi is 3.14159265358979 and 2^64 is 18446744073709551616.",
    "2026-01-05 12:30:00, ISBN 978-3-16-148410-0, 100,000,000",
]


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, ts in PRIVATE.items() for t in ts])
def test_each_kind_is_counted(kind: str, text: str) -> None:
    assert private_in(f"See: {text}, please.") == {kind: 1}
    assert set(PRIVATE) == set(KINDS)


SECRETS = [
    *(f"{sign}{'a1B2c3D4e5' * 4}" for sign in ("sk-", "sk-proj-", "AIza", "pypi-aaaaaaaaaaa")),
    *(f"gh{kind}_{'a1B2c3D4e5' * 4}" for kind in "pousr"),
    *(f"{sign}{'a1B2c3D4' * 4}" for sign in ("github_pat_", "glpat-", "ya29.", "hf_", "sk_live_")),
    *(f"xox{kind}-{'a1B2c3D4' * 2}" for kind in "abeprs"),
    f"rk_live_{'a1B2' * 5}",
    f"ASIA{'A1B2' * 4}",
    f"npm_{'a1B2c3' * 6}",
    f"SG.{'a1B2' * 5}.{'c3D4' * 5}",
]
"""One of each kind that the pattern of secrets names."""


@pytest.mark.parametrize("text", SECRETS)
def test_every_kind_of_secret_is_looked_for(text: str) -> None:
    assert private_in(f"key: {text}") == {"secret": 1}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_belongs_to_nobody_is_not(text: str) -> None:
    assert private_in(text) == {}


@given(st.text(max_size=300), st.sampled_from(sorted(PRIVATE)))
def test_counts_add_up_and_words_around_do_not_matter(around: str, kind: str) -> None:
    letters = "".join(c for c in around if c.isalpha() and c.isascii())
    some = PRIVATE[kind][0]
    assert private_in(f"{letters} \n{some}\n {letters}\n {some}")[kind] == 2


def pair(database: Database, prompt: str, first: str, second: str, name: str) -> None:
    row = NewPair([{"role": "user", "content": prompt}], NewCandidate(first), NewCandidate(second))
    with database.begin() as session:
        add_pairs(session, [row])


@pytest.fixture
def three(any_database: Database) -> Database:
    """One pair with a key in its prompt, one with an address in a response, one with neither."""
    pair(any_database, f"Why does {KEY} fail?", "Because.", "It does not.", "key")
    pair(any_database, "Whom do I ask?", "Ask jo@posteo.de about it.", "Nobody.", "address")
    pair(any_database, "Why?", "Because it is so.", "No.", "plain")
    return any_database


def judged(database: Database, judge: dict[str, Any], hold: list[str], **more: Any) -> JudgeRun:
    panels = panel.parse({"judge": [judge], "panel": {"hold_private": hold}}, allow_fake=True)
    keys = {"ANTHROPIC_API_KEY": "good"}
    return steps.run_judges(database, panels, environ=keys, pauses=(0.01,), **more)


def sent(server: Server) -> str:
    """All that ever reached the server."""
    return " ".join(
        map(
            str,
            [*server.state.requests, *server.state.files.values(), *server.state.batches.values()],
        )
    )


def test_private_data_is_counted_where_it_is_sent(three: Database) -> None:
    done = judged(three, fake(), [])
    assert done.stored == 6
    assert done.private == ("2 pairs sent with private data (1 email, 1 secret)",)
    assert done.private[0] in done.summary
    assert KEY not in done.summary


@pytest.mark.parametrize("batch", [False, True])
def test_what_is_held_back_never_leaves_and_goes_to_people(three: Database, batch: bool) -> None:
    """Both orders of the pair with the key abstain unasked; the other two are asked."""
    with serving(Script()) as server:
        server.state.keep_requests = True
        done = judged(three, remote(server), ["secret"], batch=batch, max_usd=5)
        if batch:
            done = judged(three, remote(server), ["secret"], max_usd=5)
        assert KEY not in sent(server)
        assert "jo@posteo.de" in sent(server)
    kept = [vote for vote in votes(three) if vote.choice is Choice.ABSTAIN]
    assert [(v.abstain_reason, v.raw, v.cost_nanousd) for v in kept] == [
        ("held back: 1 secret", None, 0)
    ] * 2
    assert done.missing == 0
    fitted = steps.fit_consensus(three, "majority")
    flags, _ = detect(fitted.vote_table, fitted.consensus, fitted.vote_table.labels({}))
    row = [KEY in prompt for prompt in fitted.vote_table.texts.prompts].index(True)
    assert {flag.kind for flag in flags if flag.pair == row} >= {"no_vote", "private"}


def test_what_is_no_longer_held_is_asked(three: Database) -> None:
    assert judged(three, fake(), ["all"]).private == ("2 pairs held back (1 email, 1 secret)",)
    assert judged(three, fake(), ["all"]).stored == 0
    assert judged(three, fake(), ["secret"]).stored == 2  # the address may go now
    assert judged(three, fake(), []).stored == 2
    assert not [vote for vote in votes(three) if vote.choice is Choice.ABSTAIN]


def test_a_judge_on_this_machine_sees_everything(three: Database) -> None:
    judge = {"name": "short", "provider": "baseline", "model": "directness"}
    done = judged(three, judge, ["all"])
    assert (done.stored, done.private) == (3, ())


def test_generators_are_sent_nothing_that_is_held(database: Database) -> None:
    with database.begin() as session:
        said = [[{"role": "user", "content": text}] for text in (f"Use {KEY}", "Hello?")]
        add_prompts(session, [(messages, None, None) for messages in said])
    done = steps.generate(database, generators(), hold=["secret"])
    assert (done.asked, done.private) == (1, ("1 request held back (1 secret)",))
    assert "held back" in done.summary


def test_an_unknown_kind_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="hold_private"):
        panel.parse({"judge": [], "panel": {"hold_private": ["names"]}})


def test_what_is_kept_is_decided_once() -> None:
    held = Withholding.of(["secret"])
    assert held.keeps(1, "x", KEY) == {"secret": 1}
    assert held.keeps(1, "never read again") == {"secret": 1}
    assert held.keeps(2, "jo@posteo.de") == {}
    assert held.summary == (
        "1 pair sent with private data (1 email)",
        "1 pair held back (1 secret)",
    )


def test_the_flag_names_places_kinds_and_counts_alone() -> None:
    (flag,) = detectors.private([None, "Q", "Q"], ["a", KEY, "x"], ["b", "jo@posteo.de " * 2, "y"])
    assert (flag.pair, flag.score, flag.hard) == (1, 1.0, False)
    assert flag.detail == {"found": {"a": {"secret": 1}, "b": {"email": 2}}}
