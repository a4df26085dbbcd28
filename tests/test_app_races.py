"""Every verb against itself, and killed: the core of the campaign, at every run of the tests."""

from collections.abc import Iterator
from random import Random

import pytest
from campaign.before import BY_HAND, READING, STEPS
from campaign.kills import kill
from campaign.races import Ground, ground, race
from campaign.verb_worlds import HEAVY, LEFT_OUT, VERBS, verbs

CORE = ("merge", "export")


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def at(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_url")  # skips where there is none
    with ground(tmp_path_factory.mktemp("races"), request.param) as made:
        yield made


def test_every_verb_is_raced_or_left_out_with_a_reason() -> None:
    assert {*VERBS, *HEAVY, *LEFT_OUT} == set(verbs())
    assert not set(LEFT_OUT) & {*VERBS, *HEAVY}
    assert {*READING, *STEPS, *BY_HAND} <= set(VERBS)


@pytest.mark.parametrize("verb", CORE)
def test_two_at_once_are_as_one_or_as_one_after_the_other(at: Ground, verb: str) -> None:
    assert race(at, verb, VERBS[verb]).problems == []


@pytest.mark.slow
def test_a_kill_leaves_no_more_in_doubt_than_was_in_flight(at: Ground) -> None:
    assert kill(at, "generate", VERBS["generate"], Random(1), 1.0).problems == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", sorted(set(VERBS) - set(CORE)))
def test_every_verb_against_itself(at: Ground, verb: str) -> None:
    assert race(at, verb, VERBS[verb]).problems == []
