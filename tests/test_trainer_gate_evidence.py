"""Null challengers through a year of weeks, and which of the three a refusal is."""

import numpy as np
import pytest
from scipy.special import expit

from judges.trust.always_valid import Week, standing
from judges.trust.panel_choice import Candidate, Sample, Terms
from judges.trust.vote_matrix import A
from trainer.gate.evidence import Gain, refusal, seen_through, weeks_of
from trainer.gate.panels import Panels, panels
from trainer.gate.rules import GateAnswers, Joint, decide

TERMS = Terms(target=0.9, answer_usd=0.5)
PAIRS = 300


class World:
    """Gold of three pairs a prompt; what is hard is hard for all, the rest is each judge's own."""

    def __init__(self, seed: int, pairs: int = PAIRS) -> None:
        self.rng = np.random.default_rng(seed)
        self.truth = self.rng.integers(0, 2, pairs).astype(np.int8)
        self.prompt = np.arange(pairs) // 3
        by_prompt = self.rng.normal(size=pairs // 3 + 1)
        self.hard = self.rng.normal(size=pairs) + 0.5 * by_prompt[self.prompt]

    def leans(self, better: float = 0.0) -> np.ndarray:
        """Right on 80% of the pairs, and better by so much of a judge's signal; calibrated.

        Of signal s in noise of variance .8^2 x 1.25 + .6^2 = 1.16 the log-odds are 2 s z / 1.16.
        """
        sign, signal = np.where(self.truth == A, 1, -1), 0.9 + better
        own = self.rng.normal(size=len(sign))
        return expit(2 * signal / 1.16 * (signal * sign + 0.8 * self.hard + 0.6 * own))

    def panels(self, wins: list[np.ndarray], seen: int = 0) -> Panels:
        n = len(self.truth)
        sample = Sample(self.truth, self.prompt, np.ones(n), np.ones(n, bool))
        number = np.arange(1, n + 1)
        named = [Candidate(f"p{i}", win, np.zeros(n)) for i, win in enumerate(wins)]
        return panels(named, sample, number, number, seen, TERMS)


def promoted_in_a_year(seed: int, weeks: int = 52) -> tuple[bool, bool]:
    """Whether any of so many equal challengers gets in, and whether a fresh 95% test each week
    would have let one in."""
    world, past = World(seed), []
    today, fresh = world.leans(), False
    for _ in range(weeks):
        found = world.panels([today, world.leans()], seen=PAIRS if past else 0)
        past.append(Week(found.log_e, found.new_log_e))
        fresh = fresh or found.on_gold[1].usd_change.high < 0
        if found.chosen and standing(past).proven:
            return True, fresh
    return False, fresh


@pytest.mark.slow
def test_null_challengers_are_let_in_in_at_most_5_percent_of_years() -> None:
    """52 challengers a year, each exactly as good as the incumbent, on the same 300 gold pairs.

    Of 40 years 5% are 2; 6 or more would have probability .003 at exactly 5%.
    """
    years = [promoted_in_a_year(seed) for seed in range(40)]
    assert sum(let_in for let_in, _ in years) <= 5
    assert sum(fresh for _, fresh in years) >= 4  # what a fresh test each week would have done


def test_a_planted_better_panel_gets_in_and_a_worse_and_an_equal_one_do_not() -> None:
    world = World(7, 900)
    today = world.leans()
    none = GateAnswers(np.full(900, 0.5), np.zeros(900), np.zeros(900))

    def decided(win: np.ndarray):
        found = world.panels([today, win])
        joint = Joint(found, win, today)
        return decide(none, none, world.truth, world.prompt, {}, joint=joint, repeats=300)

    better = decided(world.leans(0.5))
    assert better.promoted
    assert better.reasons[0].startswith("it is cheaper at the same quality: p1: humans needed")
    assert better.figures["seat"] == {
        "panel": "p1", "instead_of": [], "threshold": None, "spares": [],
    }  # fmt: skip
    worse = decided(world.leans(-0.5))
    assert not worse.promoted
    assert worse.figures["refusal"]["kind"] == "worse"
    equal = decided(today)
    assert not equal.promoted
    assert equal.figures["refusal"]["kind"] == "no different"


def test_the_same_panel_for_less_money_is_let_in() -> None:
    """Answers as today's, calls saved: $0.02 a pair of a price of h x $0.50 + $0.02."""
    world = World(3, 300)
    today, n = world.leans(), 300
    sample = Sample(world.truth, world.prompt, np.ones(n), np.ones(n, bool))
    number = np.arange(1, n + 1)
    named = [Candidate("t", today, np.full(n, 0.02)), Candidate("x", today, np.zeros(n), ("m",))]
    found = panels(named, sample, number, number, 0, TERMS)
    none = GateAnswers(np.full(n, 0.5), np.zeros(n), np.zeros(n))
    decision = decide(
        none, none, world.truth, world.prompt, {}, joint=Joint(found, today, today), repeats=200
    )
    assert decision.promoted
    assert decision.figures["seat"]["instead_of"] == ["m"]


@pytest.mark.parametrize(
    ("low", "high", "kind", "words"),
    [
        (-0.08, -0.01, "worse", "worse: at most -1.0 points"),
        (-0.01, 0.015, "no different", "a gain of 2.0 points or more is ruled out"),
        (-0.02, 0.06, "not visible", "not visible with 178 decided gold pairs: the smallest gain"),
    ],
)
def test_a_refusal_is_one_of_three(low: float, high: float, kind: str, words: str) -> None:
    error = (high - low) / 3.92
    gain = Gain((low + high) / 2, error, low, high, 178, 0.02)
    found = refusal(gain, standing([Week(0.0, 0.0)]))
    assert found.kind == kind
    assert words in found.why
    if kind == "not visible":  # (2.85 + .84) x .0204 = 7.5 points; 178 (7.5 / 2)^2 = 2,500
        assert "could have shown is 7.5 points" in found.why
        assert "about 2,500 would show 2.0 points" in found.why
        assert found.wanted == pytest.approx(2500, rel=0.02)


def test_evidence_goes_on_from_stored_decisions() -> None:
    stored = [
        {"evidence": {"everything": -1.0, "new": 0.0, "through": 40}},
        {"evidence": None},
        {"evidence": {"everything": 2.0, "new": 0.5, "through": 90}},
        {},
    ]
    assert weeks_of(stored) == [Week(-1.0, 0.0), Week(2.0, 0.5)]
    assert seen_through(stored) == 90


def test_new_gold_waits_until_there_is_enough_of_it() -> None:
    world = World(1, 300)
    wins = [world.leans(), world.leans()]
    few, enough = world.panels(wins, seen=260), world.panels(wins, seen=240)
    assert (few.new_pairs, few.new_on_gold, few.new_log_e, few.through) == (40, None, 0.0, 260)
    assert (enough.new_pairs, enough.through) == (60, 300)
    assert enough.new_on_gold is not None


def test_new_gold_of_few_prompts_waits_however_many_pairs_it_has() -> None:
    world = World(1, 300)
    wins = [world.leans(), world.leans()]
    world.prompt = np.where(np.arange(300) < 240, world.prompt, 1_000 + np.arange(300) % 9)
    few = world.panels(wins, seen=240)
    world.prompt = np.where(np.arange(300) < 240, world.prompt, 1_000 + np.arange(300) % 10)
    enough = world.panels(wins, seen=240)
    assert (few.new_pairs, few.new_on_gold, few.through) == (60, None, 240)
    assert enough.new_on_gold is not None
