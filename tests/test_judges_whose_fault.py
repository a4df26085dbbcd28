"""Whose fault a refused question is, by evidence alone."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.asking import Answer, Rejected, Stop
from judges.whose_fault import FIRST, IN_A_ROW, Evidence, Trial


def refusal(stop: Stop = "rejected", alike: str = "400") -> Rejected:
    return Rejected("judge: no", Answer("", stop=stop, told="no"), alike)


def items(found: list[tuple[int, Rejected]]) -> list[int]:
    return [item for item, _ in found]


def test_a_refusal_is_its_questions_once_a_later_one_is_answered() -> None:
    evidence: Evidence[int] = Evidence()
    first, second, third = (evidence.leaves() for _ in range(3))
    assert evidence.refused(second, 2, refusal()) == []
    assert evidence.answer(first) == []  # that one left before it
    assert items(evidence.answer(third)) == [2]
    assert items(evidence.refused(second, 2, refusal())) == [2]  # and now at once
    assert evidence.end() == ([], None)


def test_where_nothing_was_ever_answered_the_first_few_alike_are_the_judges() -> None:
    evidence: Evidence[int] = Evidence()
    for n in range(FIRST):
        assert evidence.doubt is None
        assert evidence.refused(evidence.leaves(), n, refusal()) == []
    found, why = evidence.end()
    assert (found, str(why)) == ([], "judge: no")


def test_one_pair_asked_about_often_is_no_evidence_against_its_judge() -> None:
    """Both orders and many samples of two pairs; the third pair that is refused is one too many."""
    evidence: Evidence[int] = Evidence()
    for n in range(2 * FIRST):
        evidence.refused(evidence.leaves(), n, refusal(), about=n % 2)
    assert evidence.doubt is None
    evidence.refused(evidence.leaves(), 99, refusal(), about=2)
    assert evidence.doubt is not None


@pytest.mark.parametrize("asked", [1, 3])
def test_or_all_there_are_where_they_are_fewer(asked: int) -> None:
    evidence: Evidence[int] = Evidence()
    for n in range(asked):
        evidence.refused(evidence.leaves(), n, refusal())
    assert evidence.doubt is None
    assert evidence.end()[1] is not None


def test_one_left_over_of_a_judge_who_answered_earlier_is_its_own_fault() -> None:
    evidence: Evidence[int] = Evidence(answered=True)
    evidence.refused(evidence.leaves(), 7, refusal())
    found, why = evidence.end()
    assert (items(found), why) == ([7], None)


def test_a_filter_or_a_length_of_a_judge_who_answered_is_its_questions_at_once() -> None:
    evidence: Evidence[int] = Evidence(answered=True)
    for n, stop in enumerate(("filter", "too long") * 30):
        found = evidence.refused(evidence.leaves(), n, refusal(stop))  # type: ignore[arg-type]
        assert items(found) == [n]


def test_a_judge_that_answered_and_then_refuses_all_alike_is_stopped() -> None:
    """As where credit ends in the middle: answers to what left before prove nothing."""
    evidence: Evidence[int] = Evidence()
    slow = [evidence.leaves() for _ in range(8)]
    for n in range(IN_A_ROW):
        assert evidence.refused(evidence.leaves(), n, refusal()) == []
    for number in slow:
        assert evidence.answer(number) == []
    assert evidence.doubt is not None
    assert evidence.end()[0] == []


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.randoms())
def test_every_refusal_before_the_last_answer_abstains_in_whatever_order_they_come(
    answered: list[bool], order: object
) -> None:
    """What is known in the end depends on who left when and was answered, not on who was faster."""
    evidence: Evidence[int] = Evidence()
    numbers = [evidence.leaves() for _ in answered]
    arrivals = list(zip(numbers, answered, strict=True))
    order.shuffle(arrivals)  # type: ignore[attr-defined]
    own: list[int] = []
    for number, ok in arrivals:
        found = evidence.answer(number) if ok else evidence.refused(number, number, refusal())
        own += items(found)
    last = max((n for n, ok in zip(numbers, answered, strict=True) if ok), default=0)
    assert sorted(own) == [
        n for n, ok in zip(numbers, answered, strict=True) if not ok and n < last
    ]
    rest, why = evidence.end()
    after = [n for n in numbers if n > last]
    stops = bool(after) and (last == 0 or len(after) >= IN_A_ROW)
    assert (why is not None) == stops
    assert sorted(items(rest)) == ([] if stops else after)


def test_in_doubt_nothing_leaves_until_what_is_away_is_back() -> None:
    async def run() -> list[bool]:
        trial: Trial[int] = Trial()
        slow = trial.evidence.leaves()
        may: list[bool] = []

        async def ask() -> None:
            may.append(await trial.clear())

        with trial.away():
            for n in range(FIRST):
                trial.evidence.refused(trial.evidence.leaves(), n, refusal())
            waiting = asyncio.create_task(ask())
            await asyncio.sleep(0.01)
            assert may == []
            trial.evidence.answer(slow)  # slow, and an answer all the same: no doubt is left
        await waiting
        return may

    assert asyncio.run(run()) == [True]


def test_in_doubt_with_nothing_away_nothing_leaves_at_all() -> None:
    async def run() -> bool:
        trial: Trial[int] = Trial()
        for n in range(FIRST):
            trial.evidence.refused(trial.evidence.leaves(), n, refusal())
        return await trial.clear()

    assert not asyncio.run(run())
