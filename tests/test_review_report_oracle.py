"""What an oracle threshold would have asked, counted by hand, and how often its interval holds."""

from typing import Any

import numpy as np
import pytest

from review.report.oracle import Ranked, oracle


def ranked(wrong: str, drawn: str = "", **more: Any) -> Ranked:
    """A frame in rank order: x wrong, o right, . not known; drawn: x an answered audit."""
    codes = {"x": 1, "o": 0, ".": -1}
    mask = np.array([letter == "x" for letter in drawn or "." * len(wrong)])
    known: dict[str, Any] = {
        "wrong_P": np.array([codes[letter] for letter in wrong], np.int8),
        "drawn_P": mask,
        "audited_P": mask,
        "accepted": 0,
        "outside": 0,
        "whole": len(wrong),
        "target": 0.1,
        "promise": "g2",
        "delta": 0.1,
    }
    return Ranked(**(known | more))


def test_where_every_label_is_known_the_gap_is_counted() -> None:
    # Twenty pairs, two may be wrong: the oracle accepts 17 (the third wrong label is the 18th) and
    # asks 3, and 5 outside the frame. Ten were certified, two of them audits: 10 + 2 + 5 asked.
    # Of four wrong labels no order can save two.
    found = oracle(
        ranked(
            "ooooooooxoooooooxx" + "ox", "x.......x...........", accepted=10, outside=5
        )
    )  # fmt: skip
    assert found is not None
    assert found.exact
    assert (found.oracle.value, found.oracle.low, found.oracle.high) == (8, 8, 8)
    assert (found.asked, found.pairs, found.audits) == (17, 25, 2)
    assert found.margin == 7
    assert found.asked == found.oracle.value + found.audits + found.margin
    assert found.perfect == 2 + 5
    said = list(found.sentences())
    assert said[0] == (
        "people were asked about 17 of 25 pairs (68.0%); a threshold that knew every wrong label "
        "would have asked about 8 (32.0%; every label is known)"
    )
    assert "2 audits drawn among the accepted pairs" in said[1]
    assert "and 7 pairs of safety margin" in said[1]
    assert "5 are pairs that no certificate can save" in said[2]
    assert "in a faultless order 7 would do" in said[2]


def test_accepted_beyond_the_threshold_is_no_negative_margin() -> None:
    # One of twenty may be wrong, so the oracle accepts 11 and asks 9. Fourteen were certified, two
    # of them audits, one of which put a wrong label right: 6 + 2 asked, three pairs beyond it.
    found = oracle(
        ranked(
            "oooooxoooooxoooooooo", "x....x..............", accepted=14, target=0.05
        )
    )  # fmt: skip
    assert found is not None
    assert (found.oracle.value, found.asked, found.margin) == (9, 8, -3)
    why = list(found.sentences())[1]
    assert why.startswith("why -1: 2 audits drawn among the accepted pairs, less 3 pairs accepted")
    assert "margin" not in why


def test_a_share_of_the_accepted_is_another_promise() -> None:
    # g1 at 20%: of the first 10 two are wrong (20%), of the first 11 three. Perfect: 16 right ones
    # allow 4 wrong, so all 20 may stand.
    found = oracle(ranked("ooooooooxx" + "xooooooox" + "o", promise="g1", target=0.2))
    assert found is not None
    assert found.oracle.value == 20 - 20  # four of twenty are wrong: all may be accepted
    found = oracle(ranked("oooooooox" + "xxooxxxxxxx", promise="g1", target=0.2))
    assert found is not None
    assert found.oracle.value == 10


def test_what_people_answer_beside_the_frame_is_in_the_share_of_the_batch() -> None:
    # A tenth of 30 pairs may be wrong, ten of them beside the frame: three, so that the oracle
    # accepts 18 of the 20, up to before the fourth wrong label.
    found = oracle(ranked("ooooooooxoooooooxxxo", outside=10, whole=30))
    assert found is not None
    assert found.oracle.value == 2 + 10


def test_nothing_answered_is_nothing_said() -> None:
    assert oracle(ranked("....")) is None


@pytest.mark.parametrize("rest_known", [False, True])
def test_the_interval_holds_where_audits_alone_are_known(rest_known: bool) -> None:
    # 600 pairs whose risk grows with the rank. 95% of 40 draws are 38, standard error 1.4.
    size, audits, accepted = 600, 90, 200
    generator = np.random.default_rng(2)
    truth = (generator.random(size) < np.linspace(0.0, 0.5, size)).astype(np.int8)
    best = oracle(
        Ranked(
            truth, np.zeros(size, bool), np.zeros(size, bool), accepted, 0, size, 0.1, "g2", 0.1
        )
    )  # fmt: skip
    assert best is not None
    held = 0
    for _ in range(40):
        drawn = np.zeros(size, bool)
        drawn[generator.permutation(size)[:audits]] = True
        seen = drawn | (rest_known & (np.arange(size) >= accepted))
        known = np.where(seen, truth, -1).astype(np.int8)
        found = oracle(Ranked(known, drawn, drawn, accepted, 0, size, 0.1, "g2", 0.1))
        assert found is not None
        held += found.oracle.low <= best.oracle.value <= found.oracle.high
    assert held >= 38 - 3 * 1.4
