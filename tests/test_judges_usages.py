"""What replies say was used and charged; what cannot be counts at the most an answer can cost."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.asking import Answer, Usage
from judges.prices import FREE, NANO, Charge, Prices, known_models
from judges.providers import transport
from judges.providers.usages import charged, completion_usage, message_usage, told_nanousd
from judges.surcharges import FACTORS, UNKNOWN, keeps_an_hour, surcharges

PROMPT, COMPLETION = {"prompt_tokens": 900}, {"completion_tokens": 60}
PLAIN = {**PROMPT, **COMPLETION}
UPSTREAM = {"upstream_inference_cost": 0.002}
DOLLARS = Prices(input=1.0, output=10.0, cached=0.1, written=1.25)
COUNTS = st.integers(0, 10**6)


def reply(usage: Any, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(usage=usage, **more)


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        # 900 of the prompt, 100 of them read from the cache
        (
            {**PLAIN, "prompt_tokens_details": {"cached_tokens": 100}},
            Usage(800, 100, 0, 60),
        ),
        # DeepSeek: hits and misses beside, together the prompt
        (
            {**PLAIN, "prompt_cache_hit_tokens": 128,
             "prompt_cache_miss_tokens": 772},
            Usage(772, 128, 0, 60),
        ),
        # Moonshot: at the top
        ({**PLAIN, "cached_tokens": 100}, Usage(800, 100, 0, 60)),
        # Gemini, xAI: thinking stands in the total alone, 2000 - 900 - 60 of it
        ({**PLAIN, "total_tokens": 2000}, Usage(900, 0, 0, 1100)),
        # a total that is left at nothing says nothing
        ({**PLAIN, "total_tokens": 0}, Usage(900, 0, 0, 60)),
        ({"prompt_tokens": 900.0, "completion_tokens": 60.0}, Usage(900, 0, 0, 60)),
    ],
)  # fmt: skip
def test_a_completions_usage_is_read_in_every_dialect(usage: Any, said: Usage) -> None:
    assert completion_usage(reply(usage), "1") == said
    assert completion_usage(reply(SimpleNamespace(**usage)), "1") == said


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "12 tokens",
        {"prompt_tokens": 900},
        {"prompt_tokens": 900, "completion_tokens": None},
        {"prompt_tokens": -900, "completion_tokens": 60},
        {"prompt_tokens": 900, "completion_tokens": -60},
        {"prompt_tokens": "900", "completion_tokens": 60},
        {"prompt_tokens": 900.5, "completion_tokens": 60},
        {"prompt_tokens": float("nan"), "completion_tokens": 60},
        {"prompt_tokens": float("inf"), "completion_tokens": 60},
        {"prompt_tokens": True, "completion_tokens": 60},
        {"prompt_tokens": 10**12, "completion_tokens": 60},
        {"prompt_tokens": 0, "completion_tokens": 60},
        {"prompt_tokens": 900, "completion_tokens": 0},
        {"prompt_tokens": 900, "completion_tokens": 1},  # for some two hundred words
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 901}},
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": -1}},
        {**PLAIN, "prompt_cache_hit_tokens": 1000},
    ],
)  # fmt: skip
def test_a_completions_usage_that_cannot_be_is_none(usage: Any) -> None:
    assert completion_usage(reply(usage), "an answer " * 100) is None


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"input_tokens": 500},
        {"input_tokens": -5, "output_tokens": 60},
        {"input_tokens": "500", "output_tokens": 60},
        {"input_tokens": 0, "output_tokens": 60},
        {"input_tokens": 500, "output_tokens": 0},
        {"input_tokens": 500, "output_tokens": 60, "cache_read_input_tokens": -1},
        {"input_tokens": 500, "output_tokens": 60, "cache_creation_input_tokens": 10,
         "cache_creation": {"ephemeral_1h_input_tokens": 11}},
    ],
)  # fmt: skip
def test_a_messages_usage_that_cannot_be_is_none(usage: Any) -> None:
    assert message_usage(reply(usage), "an answer") is None


def test_a_messages_kinds_of_input_stand_beside_one_another() -> None:
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_1h_input_tokens": 40},
        "output_tokens": 60,
    }
    read = message_usage(reply(usage), "an answer")
    assert read == Usage(input=5, cached=900, written=100, output=60, kept=40)
    # 5 + 900 x .1 + 60 x 1.25 + 40 x 2 + 60 x 10 dollars a million, in thousands of nano-dollars
    assert DOLLARS.cost(read) == (5 + 90 + 75 + 80 + 600) * 1000


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"cost": 0.00014}, 0.00014),
        ({"cost": {"total_cost": 0.006}}, 0.006),
        ({"cost": 0.0001, "is_byok": True, "cost_details": UPSTREAM}, 0.0021),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ({"cost": 0}, None),  # a gateway that knows no price
        ({"cost": -1.0}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": "0.1"}, None),
        ({"cost": True}, None),
        ({}, None),
        (None, None),
    ],
)  # fmt: skip
def test_what_a_server_says_it_charged(usage: Any, dollars: float | None) -> None:
    assert told_nanousd(reply(usage)) == (None if dollars is None else round(dollars * NANO))


def test_what_a_server_charged_goes_before_the_table_and_the_most_after_it() -> None:
    usage = Usage(input=1000, output=10)
    room = 2_000_000
    assert DOLLARS.charge(Answer("1", usage=usage, told_nanousd=7), room) == Charge(7)
    assert DOLLARS.charge(Answer("1", usage=usage), room) == Charge(1_100_000)
    assert DOLLARS.charge(Answer("1", usage=None), room) == Charge(room, guessed=True)
    assert FREE.charge(Answer("1", usage=None), most=0) == Charge(0)
    assert FREE.charge(Answer("1", usage=usage, told_nanousd=7), most=0) == Charge(7, above=True)


def test_a_usage_beyond_what_an_answer_can_cost_counts_at_the_most() -> None:
    """1,000 tokens read and 10 written are 1.1 million nano-dollars at these prices."""
    dear = Answer("1", usage=Usage(input=1000, output=10))
    assert DOLLARS.charge(dear, most=1_100_000) == Charge(1_100_000)
    assert DOLLARS.charge(dear, most=1_099_999) == Charge(1_099_999, guessed=True)
    assert DOLLARS.charge(dear, most=7, ceiling=1_100_000) == Charge(1_100_000)
    assert DOLLARS.charge(replace(dear, told_nanousd=9), most=7) == Charge(9, above=True)


def test_a_tier_that_a_server_names_by_itself_raises_the_most() -> None:
    """Priority costs 2.5 times as much; where it is counted already it raises nothing further."""
    silent = Answer("1", usage=None, surcharges=("priority",))
    assert DOLLARS.charge(silent, most=100) == Charge(250, guessed=True)
    assert DOLLARS.charge(silent, most=250, counted=("priority",)) == Charge(250, guessed=True)
    told = replace(silent, usage=Usage(input=1000))
    assert DOLLARS.charge(told, most=1_000_000) == Charge(2_500_000)
    assert DOLLARS.charge(told, most=999_999).guessed
    assert DOLLARS.raised(100, ("flex",)) == 100  # a cheaper one may be taken back
    assert DOLLARS.raised(100, ("priority", "us")) == 275


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({}, False),
        ({"cache_control": {"type": "ephemeral"}}, False),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, True),
        ({"system": [{"type": "text", "cache_control": {"ttl": "1h"}}]}, True),
        ({"system": "ttl 1h"}, False),
    ],
)
def test_the_most_counts_what_is_kept_for_an_hour_where_it_is_asked_for(
    body: dict[str, Any], kept: bool
) -> None:
    assert keeps_an_hour(body) == kept
    # written for an hour 2 dollars a million, else 1.25
    assert DOLLARS.bound(1000, 0, kept=kept) == (2_000_000 if kept else 1_250_000)


@pytest.mark.parametrize(
    ("said", "told"),
    [("0.00014", 140_000), ("1.4e-4", 140_000), ("0.0", None), ("nan", None), ("-1", None),
     ("None", None), ("inf", None)],
)  # fmt: skip
def test_what_litellm_says_in_a_header(said: str, told: int | None) -> None:
    transport.headers.set({"x-litellm-response-cost": said})
    assert charged(Answer("1")).told_nanousd == told
    assert charged(Answer("1", told_nanousd=7)).told_nanousd == 7
    transport.headers.set({})
    assert charged(Answer("1")).told_nanousd is None


def test_tiers_speeds_and_regions_are_priced() -> None:
    assert surcharges(reply({}, service_tier="default")) == ()
    assert surcharges(reply({"service_tier": "standard", "speed": "fast"})) == ("fast",)
    assert surcharges(reply({"inference_geo": "US"}, service_tier="priority")) == ("priority", "us")
    assert surcharges({"service_tier": "flex", "temperature": 1}) == ("flex",)
    usage = Usage(input=1000)
    assert DOLLARS.cost(usage, surcharges=("fast", "us")) == round(1e6 * 6 * 1.1)
    assert DOLLARS.cost(usage, surcharges=("never heard of",)) == round(1e6 * UNKNOWN)
    own = DOLLARS.model_copy(update={"factors": {"priority": 2.0}})
    assert own.cost(usage, surcharges=("priority",)) == 2_000_000
    assert max(FACTORS.values()) == UNKNOWN


@given(*[COUNTS] * 5, st.sampled_from(sorted(known_models())), st.booleans())
def test_no_answer_within_its_room_costs_more_than_its_bound(
    fresh: int, cached: int, written: int, kept: int, output: int, model: str, batched: bool
) -> None:
    prices = known_models()[model].prices
    usage = Usage(fresh, cached, written, output, min(kept, written))
    cost = prices.cost(usage, batched=batched)
    assert 0 <= cost <= prices.bound(usage.read, output, batched=batched, kept=kept > 0)


def test_a_long_price_that_is_lower_does_not_lower_the_bound() -> None:
    """100 tokens at 1 dollar a million cost more than 101 at a tenth of it; bytes are counted."""
    prices = Prices(input=1.0, output=0.0, long_above=100, long_input=0.1)
    assert prices.bound(101, 0) == prices.cost(Usage(input=100)) == 100_000


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.floats() | st.text()))
def test_no_usage_is_ever_negative(usage: dict[str, Any]) -> None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
    odd = dict(zip(names, usage.values(), strict=False))
    found = completion_usage(reply(odd), "1")
    assert found is None or min(found.input, found.cached, found.written, found.output) >= 0
    told = told_nanousd(reply({"cost": next(iter(usage.values()), None)}))
    assert told is None or told > 0
