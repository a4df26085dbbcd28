"""The probabilities of the three choices, and what is read off them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import BadInput
from db.probabilities import FLAT, Probabilities
from db.vocabulary import Choice
from judges.vote_arrays import CODES, axis_K

WEIGHTS = st.floats(0.0, 1.0)


@st.composite
def any_probabilities(draw: st.DrawFn) -> Probabilities:
    a, tie, b = draw(st.tuples(WEIGHTS, WEIGHTS, WEIGHTS).filter(lambda three: sum(three) > 0.01))
    return Probabilities.of_weights(a=a, tie=tie, b=b)


@pytest.mark.parametrize(
    ("p", "choice"),
    [
        (Probabilities(0.6, 0.1, 0.3), Choice.A),
        (Probabilities(0.2, 0.2, 0.6), Choice.B),
        (Probabilities(0.3, 0.4, 0.3), Choice.TIE),
        (Probabilities(0.45, 0.1, 0.45), Choice.TIE),  # an exact draw of a and b
        (Probabilities(0.45, 0.45, 0.1), Choice.A),
        (FLAT, Choice.TIE),
    ],
)
def test_the_settled_choice_is_the_largest(p: Probabilities, choice: Choice) -> None:
    assert p.choice is choice
    assert p.mirrored().choice is choice.mirrored()


def test_what_is_read_off_by_hand() -> None:
    p = Probabilities(0.6, 0.2, 0.2)
    assert p.confidence == 0.6
    assert p.win_probability == pytest.approx(0.75)  # .6 of .8
    assert p.soft_target == pytest.approx(0.7)  # .6 and half of .2
    assert Probabilities.sure(Choice.TIE).win_probability == 0.5
    assert Probabilities.of_weights(a=1, tie=2, b=1) == Probabilities(0.25, 0.5, 0.25)
    assert [p.of(choice) for choice in (Choice.A, Choice.TIE, Choice.B)] == [0.6, 0.2, 0.2]
    assert p.of(Choice.ABSTAIN) == 0.0


@given(any_probabilities())
def test_exchanging_a_and_b_exchanges_everything(p: Probabilities) -> None:
    other = p.mirrored()
    assert other.mirrored() == p
    assert other.choice is p.choice.mirrored()
    assert other.confidence == p.confidence
    assert other.win_probability == pytest.approx(1 - p.win_probability)
    assert other.soft_target == pytest.approx(1 - p.soft_target)


@given(any_probabilities())
def test_arrays_keep_the_axis_of_the_codes(p: Probabilities) -> None:
    assert [axis_K(p)[code] for code in CODES.values()] == [p.of(choice) for choice in CODES]


@pytest.mark.parametrize("numbers", [(0.5, 0.1, 0.5), (1.1, -0.1, 0.0), (math.nan, 0.5, 0.5)])
def test_what_is_no_probability_is_named(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(BadInput, match="are no probabilities"):
        Probabilities(*numbers)
