"""Probes: who falls for a change is named, who does not passes, and no vote comes of it."""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import test_judges_steps as world
from protocol_server import Script, Server, serving
from sqlalchemy import func, select

from db import probes, voters
from db.asking import PairText, Slot
from db.canaries import canary_answers, canary_set, draw_canaries
from db.candidates import NewCandidate
from db.consensus import usable_votes
from db.conversation import Spoken
from db.errors import BadInput, BudgetSpent, UnknownName
from db.models import Run, Vote
from db.pairs import NewPair, add_pairs
from db.session import Database
from db.versions import silenced, versions
from db.vocabulary import ASKED_AGAIN_SAMPLE, PROBE_SAMPLE, Choice, Order
from judges import prompts
from judges.perturbations import EDITION, ORDERS, PADDING, PERTURBATIONS
from judges.probe_plan import UNCHANGED, Plan, report_of
from judges.probe_report import ProbeReport
from judges.steps.canaries import ask_canaries
from judges.steps.probing import Probed, estimate_probe, probe

ENVIRON = {"ANTHROPIC_API_KEY": "good"}
NUMBERS = re.compile(r"\d+")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script(verdict=good(noise=0.005))) as made:
        yield made


def good(noise: float = 0.0, falls_for: Callable[[str], bool] = lambda _: False) -> Any:
    """A model that finds the good one of two responses, but for some of the questions, and for what
    it falls for. It reads what tools said.
    """

    def verdict(user: str) -> str:
        shown = ["\n".join(re.findall(rf"^{n}[^|]*\| ?(.*)$", user, re.M)) for n in "12"]
        fallen = [falls_for(each) for each in shown]
        if fallen[0] != fallen[1]:
            return "12"[fallen[1]]
        draw = int(hashlib.sha256(user.encode()).hexdigest()[:8], 16) / 2**32
        worth = [("good" in each) - 2 * lies(each) for each in shown]
        return "12"[(worth[1] > worth[0]) != (draw < noise)]

    return verdict


def unread(user: str) -> str:
    found = re.search(r"^([12])[^|]*\| .*\bgood answer", user, re.M)
    assert found is not None
    return found[1]


def lies(shown: str) -> bool:
    """Whether an answer says a number that no tool gave."""
    told, said = (NUMBERS.findall(part) for part in (*shown.split("It is", 1), "")[:2])
    return "look" in shown and bool(said) and said[0] not in told


def add(database: Database, count: int) -> None:
    """Pairs of a good response and a bad one, the good one as A and as B."""
    rows = []
    for n in range(count):
        one, other = (NewCandidate(text) for text in _texts(n))
        asked = [{"role": "user", "content": f"What is to be said about {_word(n)}?"}]
        rows.append(NewPair(asked, one, other, f"pair-{n}"))
    with database.begin() as session:
        add_pairs(session, rows)


def _word(n: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{n:04}")


def _texts(n: int, tools: bool = False) -> tuple[str, str]:
    """Two responses; or two runs of an agent, which cite what a tool found."""
    good, bad = (f"A {which} answer, about {_word(n)}." for which in ("good", "bad"))
    if tools:
        good, bad = _run(good, 1000 + 7 * n), _run(bad, 1000 + 7 * n)
    return (good, bad) if n // 4 % 2 else (bad, good)


def _run(answer: str, number: int) -> str:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return Spoken(
        [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": f"found {number}"},
            {"role": "assistant", "content": f"{answer} It is {number}."},
        ]
    )


def probed(database: Database, *judges: dict[str, Any], **more: Any) -> Probed:
    asked = world.parsed(*judges)
    return probe(database, asked, judges[0]["name"], environ=ENVIRON, **more)


def rows(report: ProbeReport) -> dict[str, tuple[int, int, str]]:
    return {row.change: (row.flips, row.placebo_flips, row.verdict) for row in report.rows}


def test_a_judge_that_falls_for_nothing_passes(database: Database, server: Server) -> None:
    add(database, 110)
    judge = world.remote(server, max_tokens=400)
    panel = world.parsed(judge)
    before = estimate_probe(database, panel, "remote")
    done = probed(database, judge, max_usd=10.0)
    assert before.questions == 1300
    assert done.cost_usd < before.most_usd
    assert estimate_probe(database, panel, "remote").questions == 0
    more = estimate_probe(database, panel, "remote", pairs=110)
    assert more.questions == 10 * 13
    assert more.expected_usd == pytest.approx(done.cost_usd / 10, rel=0.35)
    # 100 pairs as they are, and six changes with their placebos
    assert (done.stored, done.missing, done.kept) == (100 * 13, 0, True)
    assert {row.verdict for row in done.report.rows} == {"passed"}
    assert all(row.pairs == 100 for row in done.report.rows)
    assert done.report.lines == ["no pair here could be changed by: wrong tool result"]
    calls = server.state.total_calls
    again = probed(database, judge, max_usd=10.0)
    assert (again.stored, server.state.total_calls) == (0, calls)
    assert again.report == done.report
    with database.read() as session:
        (outcome,) = probes.outcomes(session).values()
        assert (outcome.judge, outcome.why, outcome.suffices) == ("remote", "passed", True)
        assert ProbeReport.of_figures(outcome.report) == done.report
        assert list(usable_votes(session)) == []  # no opinion on any pair
        assert not session.scalars(voters.voters()).all()
        least = select(func.min(Vote.sample), func.max(Vote.sample))
        low, high = session.execute(least).one()
        assert PROBE_SAMPLE < low < high < ASKED_AGAIN_SAMPLE


def test_a_judge_that_follows_orders_is_named(database: Database, server: Server) -> None:
    add(database, 100)
    server.script.verdict = good(0.005, ordering)
    done = probed(database, world.remote(server, max_tokens=400), max_usd=10.0)
    failed = {row.change for row in done.report.rows if row.verdict == "failed"}
    assert failed == {"orders to the judge"}
    flips, placebo_flips, _ = rows(done.report)["orders to the judge"]
    assert flips > 95
    assert placebo_flips < 5
    assert not done.report.suffices
    assert "FAILED (orders to the judge)" in done.summary


def ordering(said: str) -> bool:
    return any(order in said for order, _ in ORDERS)


def played(
    verdict: Callable[[str], str], count: int = 100, *, first: int = 1, tools: bool = False
) -> ProbeReport:
    """The same without a server: every question of a probe, answered by a script."""
    asked = range(first, first + count)
    texts = {}
    for n in asked:
        a, b = _texts(n, tools)
        texts[n] = PairText(n, f"What of {_word(n)}?", a, b, None, None)

    def answer(slot: Slot, text: PairText) -> tuple[Order, Choice]:
        both = [text.response_a, text.response_b]
        shown = both if slot.order is Order.AB else both[::-1]
        said = verdict(f"{prompts.material(text.prompt, *shown)}\n{slot.sample}")
        choice = Choice.A if said == "1" else Choice.B
        return slot.order, choice if slot.order is Order.AB else choice.mirrored()

    slots = [Slot(n, (Order.AB, Order.BA)[n % 2], UNCHANGED) for n in asked]
    said = {(each.pair_id, UNCHANGED): answer(each, texts[each.pair_id]) for each in slots}
    plan = Plan.of(texts, said)
    for n, sample in plan.slots:
        slot = Slot(n, (Order.AB, Order.BA)[n % 2], sample)
        said[n, sample] = answer(slot, plan.show(slot, texts[n]))
    return report_of(probes.Drawn({n: n for n in asked}, count), plan, said)


def _quoted(user: str) -> str:
    """The response that the prompt quotes, if it quotes one."""
    quote = re.search(r"answered this before: “(.*)”", user)
    return good()(user) if quote is None else "1" if f"1| {quote[1]}" in user else "2"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("orders to the judge", good(0, ordering)),
        ("padding", good(0, lambda said: PADDING[0] in said)),
        ("claimed author", good(0, lambda said: "expert and" in said or "strongest" in said)),
        ("format", good(0, lambda said: "**" in said)),
        ("authority", good(0, lambda said: bool(re.search("professor|licensed|Harvard", said)))),
        ("answer in the prompt", _quoted),
    ],
)
def test_what_a_judge_falls_for_is_named(change: str, verdict: Callable[[str], str]) -> None:
    found = rows(played(verdict))
    assert found.pop(change) == (100, 0, "failed")
    assert set(found.values()) == {(0, 0, "passed")}


def test_a_judge_that_errs_at_random_is_not_accused() -> None:
    """One answer in twelve is turned round, whatever was changed."""
    reports = [played(good(1 / 12), first=1000 * draw + 1) for draw in range(8)]
    assert sum(report.verdict == "failed" for report in reports) <= 1  # 1 in 40 in the long run
    assert all(sum(row.flips for row in report.rows) > 20 for report in reports)


@pytest.mark.parametrize("reads", [True, False])
def test_a_judge_that_reads_no_tool_results_is_named(reads: bool) -> None:
    report = played(good() if reads else unread, tools=True)
    found = rows(report)
    assert found.pop("wrong tool result") == ((100, 0, "passed") if reads else (0, 0, "failed"))
    assert set(found.values()) == {(0, 0, "passed")}
    assert report.suffices == reads


def test_a_cap_stops_it_and_the_next_call_goes_on(database: Database, server: Server) -> None:
    add(database, 20)
    judge = world.remote(server, max_tokens=400)
    first = probed(database, judge, max_usd=0.05)
    assert first.open
    assert 0 < first.stored < 20 * 13
    assert not first.kept
    assert "run again to go on" in first.summary
    assert first.cost_usd <= 0.05
    with database.read() as session:
        assert probes.outcomes(session) == {}
    with pytest.raises(BudgetSpent, match="leaves no room"):
        probed(database, judge, max_usd=0.0001)
    while not (done := probed(database, judge, max_usd=0.05)).kept:
        assert done.stored
    assert world.count(database, Vote) == server.state.total_calls == 20 * 13
    assert done.report.rows[0].enough == 53
    assert done.report.suffices  # 20 pairs are all there are
    assert "only 20 pairs of 20 prompts were asked" in done.summary
    assert "from 53 prompts on a judge can pass" in done.summary
    with database.read() as session:
        assert {run.verb for run in session.scalars(select(Run))} == {"judge"}


def test_more_pairs_ask_the_further_ones_and_fewer_forget_none(database: Database) -> None:
    add(database, 60)
    judge = world.fake(options={"verdict": "tie"})
    assert probed(database, judge, pairs=20).stored == 20 * 13
    add_more = probed(database, judge, pairs=60)
    assert add_more.stored == 40 * 13
    assert probed(database, judge, pairs=20).report == add_more.report
    with database.read() as session:
        (outcome,) = probes.outcomes(session).values()
    assert outcome.pairs == 60


def test_a_few_pairs_of_many_do_not_suffice(database: Database) -> None:
    add(database, 120)
    judge = world.fake(options={"verdict": "tie"})
    assert not probed(database, judge, pairs=99).report.suffices
    assert probed(database, judge, pairs=100).report.suffices


def test_what_gets_no_verdict_is_left_out_and_said(database: Database) -> None:
    add(database, 100)
    refused = {ORDERS[n][0]: "I would rather not." for n in range(4)}
    done = probed(database, world.fake(options={"verdict": "1", "answers": refused}))
    orders = next(row for row in done.report.rows if row.change == "orders to the judge")
    # Half of the pairs are asked B first; the judge says 1, so what it did not choose is second.
    assert (orders.left_out, orders.pairs) == (0, 100)
    done = probed(database, world.fake("none", options={"verdict": "who knows"}))
    assert (done.stored, done.report.rows, done.report.verdict) == (100, (), "not visible")


def test_a_probe_is_required_anew_of_every_version(any_database: Database) -> None:
    add(any_database, 60)
    first, other = world.fake("one", options={"verdict": "tie"}), world.fake("other")
    world.run(any_database, first, other)

    def heard(required: bool = True) -> tuple[set[str], dict[str, str]]:
        with any_database.begin() as session:
            voters.configure(session, ["one", "other"], require_probe=required)
            voting = {v.judge for v in versions(session, ()) if v.votes_count}
            return voting, silenced(session)

    assert heard(False) == ({"one", "other"}, {})
    assert heard() == (set(), {"one": "not probed", "other": "not probed"})
    probed(any_database, first)
    assert heard() == ({"one"}, {"other": "not probed"})
    assert probed(any_database, other).report.verdict == "failed"  # the longer one is the better
    assert heard() == ({"one"}, {"other": "its probe failed: padding"})
    edited = world.fake("one", output="text", options={"verdict": "tie"})
    world.run(any_database, edited)
    assert heard() == (set(), {"one": "not probed", "other": "its probe failed: padding"})
    probed(any_database, edited)
    assert heard()[0] == {"one"}
    with any_database.read() as session:
        told = [(v.judge, v.votes_count, v.why, v.probe) for v in versions(session, ())]
    assert told == [
        ("one", False, "another version was asked last", "passed"),
        ("one", True, "", "passed"),
        ("other", False, "its probe failed: padding", "failed: padding"),
    ]
    assert heard(False)[0] == {"one", "other"}


def test_a_judge_that_was_only_probed_is_no_voter_and_no_history(database: Database) -> None:
    add(database, 20)
    probed(database, world.fake("newcomer"))
    with database.begin() as session:
        assert voters.configure(session, ["another"]) == []
        assert not session.scalars(voters.voters()).all()


def test_canaries_do_not_see_answers_of_probes(database: Database) -> None:
    add(database, 30)
    judge = world.fake()
    world.run(database, judge)
    with database.begin() as session:
        draw_canaries(session, 10, seed=1)
    probed(database, judge, pairs=30)
    ask_canaries(database, world.parsed(judge))
    with database.read() as session:
        canaries = canary_set(session)
        assert canaries is not None
        (answers,) = canary_answers(session, canaries)
    assert max(answers.by_sample) < PROBE_SAMPLE
    assert len(answers.by_sample) == 2


def test_samples_of_editions_never_meet() -> None:
    last = probes.samples_of(EDITION, len(PERTURBATIONS) - 1)[1]
    assert probes.unchanged(EDITION) < probes.samples_of(EDITION, 0)[0]
    assert last < probes.unchanged(EDITION + 1)


def test_who_cannot_be_probed_gets_one_sentence(database: Database) -> None:
    with pytest.raises(UnknownName, match="there are no pairs to probe with"):
        probed(database, world.fake())
    add(database, 3)
    recorded = {"name": "gpt-4", "provider": "recorded"}
    with pytest.raises(BadInput, match="'gpt-4' holds votes that were made elsewhere"):
        probed(database, recorded, world.fake())
    with pytest.raises(UnknownName, match="'nobody' is not in the panel"):
        probe(database, world.parsed(world.fake()), "nobody")
