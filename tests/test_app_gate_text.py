"""The gate's decision in words, for its outcomes; the figures are shown."""

from typing import Any

from app.gate_text import in_words
from trainer.gate.registry import PromoteDone


def figure(value: float, low: float, high: float, n: int = 62) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, "why": ""}


SAME = figure(0.0, 0.0, 0.0)


def decided(gain: dict[str, Any], kind: str = "reward", **more: Any) -> PromoteDone:
    promoted = gain["low"] > 0
    figures = {
        "accuracy_difference": gain,
        "reversal_difference": SAME,
        "ece_difference": SAME,
        "worse_slices": {},
        "refusal": None
        if promoted
        else {"kind": "not visible", "why": "not visible with 62 pairs"},
        "evidence": {"proven": promoted},
        "accuracy": {"new-1": figure(0.742, 0.6, 0.87), "longer wins": figure(0.677, 0.5, 0.8)},
        "beside": {},
    }
    return PromoteDone(
        checkpoint="new-1",
        kind=kind,
        incumbent="longer wins",
        verdict="promoted" if promoted else "refused",
        generation=1 if promoted else None,
        reasons=["the gate's own"],
        figures=figures | more,
    )


def test_a_lead_within_luck_says_which_refusal_it_is() -> None:
    assert in_words(decided(figure(0.065, -0.039, 0.171))) == [
        "The reward model 'new-1' is not let into production.",
        "It has to be right more often than 'longer wins', which prefers the longer response, by "
        "more than luck explains over all weeks together.",
        "It is right on 74.2% of 62 decided gold pairs, the other on 67.7%: +6.5 points, and luck "
        "leaves anything from -3.9 to +17.1 open.",
        "So it is not visible with 62 pairs.",
    ]


def test_gold_that_was_too_long_to_read_is_told() -> None:
    said = in_words(decided(figure(0.2, 0.05, 0.31), too_long={"new-1": 3, "longer wins": 0}))
    assert "new-1 could not read 3 gold pairs whole: they are longer than it takes." in said


def test_a_lead_beyond_luck_is_said_as_such() -> None:
    up = figure(0.2, 0.05, 0.31)
    assert "is in production now" in in_words(decided(up))[0]
    assert in_words(decided(up))[3] == "So luck does not explain it."


def test_every_other_rule_that_spoke_is_told() -> None:
    said = in_words(
        decided(
            figure(-0.01, -0.1, 0.1),
            "judge",
            reversal_difference=figure(0.2, 0.1, 0.3),
            ece_difference=figure(0.16, 0.01, 0.3),
            worse_slices={"domain law": figure(-0.4, -0.6, -0.2)},
            beside={"longer wins": figure(0.2, 0.1, 0.3), "panel consensus": SAME,
                    "tf-idf Bradley–Terry": figure(0.145, 0.014, 0.3)},
        )
    )  # fmt: skip
    assert said[4:] == [
        "It contradicts itself more often when the two responses change places.",
        "It is less honest about how sure it is: its calibration error is 16 points higher.",
        "It is worse on domain law.",
        "It has learnt something: it beats 'tf-idf Bradley–Terry', which weighs words (+14.5 "
        "points, at least +1.4).",
    ]


def test_a_judge_s_price_is_told_and_its_own_accuracy_is_no_rule() -> None:
    panels = {
        "line": "with new-1: humans needed for 90% agreement 20.0% of the pairs, 30.0% without it",
        "target": 0.9, "answer_usd": 0.5, "table": [{}], "notes": ["calls of x count as $0"],
    }  # fmt: skip
    said = in_words(decided(figure(-0.05, -0.1, 0.0), "judge", panels=panels))
    assert said[1].startswith("A panel with it has to make labels cheaper at the same quality (90%")
    assert "an answer costs $0.50 here" in said[1]
    assert said[2] == f"The cheapest, {panels['line']}."
    assert said[4].endswith("longer response on 67.7%: told, not asked.")
    assert said[5] == "Calls of x count as $0."
    untold = {"line": "what it saves was not measured: only 3 gold pairs"}
    said = in_words(decided(figure(-0.05, -0.1, 0.0), "judge", panels=untold))
    assert said[1] == "What it saves was not measured: only 3 gold pairs."


def test_where_nothing_could_be_compared_the_reasons_stand() -> None:
    done = PromoteDone("old", "judge", "itself", "active", 1, [], {})
    assert in_words(done) == ["'old' is the active judge already"]
