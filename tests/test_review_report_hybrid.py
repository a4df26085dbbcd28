"""What is delivered now: counted, estimated by audits of its own route; how often that holds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_review_report_table import codes, consensus_at, facts, vote_matrix

from judges.trust.finite import Stratum
from judges.trust.vote_matrix import MISSING, TIE, A, B
from review.report.facts import Facts
from review.report.hybrid import Delivered, against, agreement, count


def world(truth: np.ndarray, **more: Any) -> Facts:
    n = len(truth)
    return facts(vote_matrix(*[[[A, A]]] * n), consensus_at(*[0.9] * n), truth, **more)


def audited() -> Facts:
    """Six labels of the machine; four of their like audited, three rightly; two labels of humans.

    The audits wait for their own labels, so that eight count.
    """
    n = 12
    machine = np.full(n, A, np.int8)
    machine[10:] = MISSING
    delivered = np.full(n, A, np.int8)
    delivered[6:10] = MISSING
    truth = np.full(n, MISSING, np.int8)
    truth[6:10] = codes(A, A, A, B)
    truth[10:] = A
    place = np.arange(n)
    return world(
        truth, delivered_P=delivered, by_human_P=place >= 10, machine_P=machine,
        drawn_P=(place >= 6) & (place < 10),
    )  # fmt: skip


def test_each_route_is_estimated_by_its_own_audits() -> None:
    # (6 * 3/4 + 2) / 8 = .8125.
    counted = count(audited())
    assert counted.routes == (Stratum(10, 4, 1),)
    found = agreement(counted)
    assert found.value == pytest.approx(0.8125)
    assert found.n == 4
    # Of ten pairs with one wrong among four drawn, 1 to 7 are wrong (by enumeration, as in
    # test_judges_trust_finite), one of which was found: 0 to 6 of the eight labels.
    assert (found.low, found.high) == (pytest.approx(2 / 8), pytest.approx(8 / 8))
    assert "estimated by 4 blind audits" in against(counted)
    assert "2 labels of humans, right by definition" in against(counted)


def test_gold_from_outside_may_contradict_a_human_label() -> None:
    known = audited()
    outside = replace(
        known,
        apart_P=known.by_human_P,
        truth_P=np.where(known.by_human_P, B, known.truth_P).astype(np.int8),
    )
    # Both human labels are wrong now: (6 * 3/4 + 0) / 8.
    assert agreement(count(outside)).value == pytest.approx(4.5 / 8)


def test_answers_that_came_because_a_pair_was_hard_stand_for_themselves_alone() -> None:
    # 100 labels of the machine. Gold came in for ten hard ones, five wrong; twenty drawn audits
    # found none wrong. Pooled, 5 of 30 looked wrong; in truth 5 of 120 and nothing else.
    n = 120
    truth = np.full(n, MISSING, np.int8)
    truth[:10] = codes(*[A] * 5, *[B] * 5)
    truth[100:] = A
    place = np.arange(n)
    known = world(
        truth, delivered_P=np.full(n, A, np.int8), by_human_P=place >= 100,
        machine_P=np.full(n, A, np.int8), drawn_P=place >= 100, apart_P=place < 10,
    )  # fmt: skip
    counted = count(known)
    assert (counted.known, counted.known_wrong, counted.unseen) == (10, 5.0, 90)
    assert agreement(counted).value == pytest.approx(1 - 5 / 120)


def test_a_tie_of_the_machine_is_half_wrong_where_people_decide() -> None:
    # Eight ties and eight a; of four audits (all a) the people call one a tie, so three in four
    # are decided: 6 ties at one half, 6 of the a right as all three decided audits are.
    n = 20
    machine = codes(*[TIE] * 8, *[A] * 12)
    truth = np.full(n, MISSING, np.int8)
    truth[16:] = codes(A, A, A, TIE)
    drawn = np.arange(n) >= 16
    known = world(truth, delivered_P=machine, by_human_P=drawn, machine_P=machine, drawn_P=drawn)
    counted = count(known)
    assert (counted.ties, counted.routes) == (6.0, (Stratum(9, 3, 0),))
    assert counted.human == 4
    # 16 labels of which 3 (half of six ties) are wrong: 4 human, 6 ties, 6 of a.
    assert agreement(counted).value == pytest.approx(1 - 3 / 16)


def test_a_route_nobody_audited_may_hold_anything() -> None:
    counted = Delivered(50, 0, 0.0, 60, 40, 0, (Stratum(90, 40, 0), Stratum(10, 0, 0)))
    found = agreement(counted)
    assert found.value == 1.0
    # Ten labels may all be wrong, and of the others at most what forty clean audits leave open.
    assert found.low is not None
    assert 0.8 < found.low < 1 - 10 / 110


def test_without_an_audit_nothing_is_known() -> None:
    known = world(codes(MISSING, MISSING), delivered_P=codes(A, A), machine_P=codes(A, A))
    found = agreement(count(known))
    assert found.value is None
    assert "audit" in found.why


def test_labels_that_are_the_reference_itself_measure_nothing() -> None:
    known = world(codes(A, B), delivered_P=codes(A, B), by_human_P=np.array([True, True]))
    found = agreement(count(known))
    assert found.value is None
    assert "reference itself" in found.why


@pytest.mark.parametrize(
    ("accepted", "error", "audits"), [(200, 0.0, 20), (200, 0.02, 40), (500, 0.1, 60)]
)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    accepted: int, error: float, audits: int
) -> None:
    # Half of the batch is accepted, `error` of it wrongly; audits come from the whole batch. The
    # truth is counted over the whole batch, audited pairs delivered as their humans said. Of 400
    # draws 95% are 380 with a standard error of 4.4; at few or no errors it covers more.
    generator = np.random.default_rng(5)
    wrong = np.arange(accepted) < round(error * accepted)
    covered = 0
    for _ in range(400):
        drawn = generator.permutation(2 * accepted)[:audits]
        drawn = drawn[drawn < accepted]
        left = accepted - len(drawn)
        stratum = Stratum(accepted, len(drawn), int(wrong[drawn].sum()))
        human = accepted + len(drawn)
        found = agreement(Delivered(human, 0, 0.0, left, len(drawn), 0, (stratum,)))
        truth = 1 - (wrong.sum() - wrong[drawn].sum()) / (2 * accepted)
        assert found.low is not None
        assert found.high is not None
        covered += found.low - 1e-12 <= truth <= found.high + 1e-12
    assert covered >= 400 * 0.95 - 3 * 4.4
