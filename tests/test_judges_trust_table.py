"""From a table of votes to labels: what it reads, what it refuses, what it gives."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from judges.trust.majority import Majority
from judges.trust.table import Labels, label_votes

SWAP = {"a": "b", "b": "a", "tie": "tie", "ab": "ba", "ba": "ab"}


def vote(pair: Any, judge: str, choice: str, **more: Any) -> dict[str, Any]:
    return {"pair_id": pair, "judge": judge, "choice": choice, **more}


def panel(pairs: int = 120, seed: int = 0) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Three judges, right 9, 7 and 5 times in ten, in both orders; and the truth."""
    rng = np.random.default_rng(seed)
    truth = {f"p{n}": "ab"[rng.integers(2)] for n in range(pairs)}
    votes = [
        vote(pair, judge, right if rng.random() < ability else SWAP[right], order=order)
        for pair, right in truth.items()
        for judge, ability in (("good", 0.9), ("fair", 0.7), ("coin", 0.5))
        for order in ("ab", "ba")
    ]
    return votes, truth


def accuracy(found: Labels, truth: dict[str, str]) -> float:
    return float(np.mean([pair.choice == truth[pair.pair_id] for pair in found.pairs]))


def test_a_table_becomes_labels_that_sum_to_one() -> None:
    votes, truth = panel()
    found = label_votes(votes)
    assert found.summary == "120 pairs by 3 judges and 0 answers"
    assert [pair.pair_id for pair in found.pairs] == list(truth)
    for pair in found.pairs:
        assert pair.p_a + pair.p_tie + pair.p_b == pytest.approx(1)
        assert pair.confidence == max(pair.p_a, pair.p_tie, pair.p_b)
    good, fair, coin = found.judges
    assert (good.judge, fair.judge, coin.judge) == ("good", "fair", "coin")
    assert good.agreement is not None
    assert coin.agreement is not None
    assert good.agreement > coin.agreement + 0.2


def test_answers_teach_whom_to_trust_and_judge_nobody_by_themselves() -> None:
    votes, truth = panel()
    some = dict(list(truth.items())[:60])
    found = label_votes(votes, answers=some)
    assert found.answers == sum(pair.answered for pair in found.pairs) == 60
    rest = {pair: choice for pair, choice in truth.items() if pair not in some}
    unseen = Labels(tuple(p for p in found.pairs if p.pair_id in rest), found.judges, 60)
    assert accuracy(unseen, truth) > 0.8
    assert found.judges[0].answers == 120  # 60 answered pairs, voted on in two orders
    (first, *_) = some  # one answer turned round does not turn its own pair
    turned = label_votes(votes, answers=some | {first: SWAP[some[first]]})
    assert turned.pairs[0].choice == found.pairs[0].choice


def test_the_majority_of_three_votes() -> None:
    votes = [vote("p", "one", "a"), vote("p", "two", "a"), vote("p", "three", "b")]
    (pair,) = label_votes(votes, model=Majority()).pairs
    assert pair.choice == "a"
    assert pair.p_a == pytest.approx((2 + 0.5) / (3 + 1.5))  # a third of 1.5 each is smoothing


def test_a_data_frame_says_what_its_records_say() -> None:
    votes, truth = panel(40)
    votes[0] |= {"confidence": 0.9}
    frame = pd.DataFrame(votes)  # confidence is NaN in every other row
    assert math.isnan(frame.loc[1, "confidence"])
    assert label_votes(frame, truth) == label_votes(votes, truth)
    assert len(pd.DataFrame(label_votes(iter(votes)).records())) == 40


def test_exchanging_the_names_mirrors_the_labels() -> None:
    votes, truth = panel(60)
    some = dict(list(truth.items())[:30])
    texts = [
        {"pair_id": p, "prompt": f"say {p}", "response_a": "x" * (n % 7), "response_b": "a b"}
        for n, p in enumerate(truth)
    ]
    swapped = [v | {"choice": SWAP[v["choice"]], "order": SWAP[v["order"]]} for v in votes]
    turned = [t | {"response_a": t["response_b"], "response_b": t["response_a"]} for t in texts]
    found = label_votes(votes, some, texts).pairs
    mirror = label_votes(swapped, {p: SWAP[c] for p, c in some.items()}, turned).pairs
    assert [p.p_a for p in found] == pytest.approx([p.p_b for p in mirror])
    assert [p.p_tie for p in found] == pytest.approx([p.p_tie for p in mirror])


def test_samples_are_one_choice_and_an_abstain_is_no_vote() -> None:
    samples = [vote("p", "one", c, order="ab") for c in "aab"] + [vote("q", "one", "abstain")]
    found = label_votes(samples, model=Majority())
    assert found.pairs[0].choice == "a"
    assert found.judges[0].pairs == 1
    assert found.judges[0].flips is None


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "votes has no row; give at least one vote"),
        ("a,b", "votes is a str; give records (dicts, one a row) or a data frame"),
        (["a"], "votes row 1 is 'a'; a dict with pair_id, judge and choice is needed"),
        (
            [vote("p", "j", "a"), {"pair_id": "p", "judge": "j"}],
            "votes row 2 has no choice; it has ['judge', 'pair_id']",
        ),
        (
            [vote("p", "j", "A")],
            "votes row 1: choice is 'A'; a, b, tie, abstain are allowed",
        ),
        (
            [vote("p", "j", "a", order="first")],
            "votes row 1: order is 'first'; ab, ba, none are allowed",
        ),
        (
            [vote("p", "j", "a", confidence=90)],
            "votes row 1: confidence is 90; a number from 0 to 1 is allowed",
        ),
        (
            [vote("p", "j", "a", confidence=0.5j)],
            "votes row 1: confidence is 0.5j; a number from 0 to 1 is allowed",
        ),
        (
            [vote(["p"], "j", "a")],
            "votes row 1: pair_id is ['p']; a name or a number is needed",
        ),
        (
            [vote(pd.NA, "j", "a")],
            "votes row 1 has no pair_id; it has ['choice', 'judge', 'pair_id']",
        ),
    ],
)
def test_what_cannot_be_read_is_named(rows: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole sentence is compared
        label_votes(rows)
    assert str(error.value) == sentence


def test_a_wrong_answer_or_text_is_named() -> None:
    votes = [vote("p", "j", "a")]
    with pytest.raises(ValueError, match=r"answers\['p'\]: it is 'left'; a, b, tie, abstain are"):
        label_votes(votes, answers={"p": "left"})
    with pytest.raises(ValueError, match="pairs row 1: prompt is 7; text is needed"):
        label_votes(votes, pairs=[{"pair_id": "p", "prompt": 7}])
    twice = [{"pair_id": "p", "prompt": "x"}, {"pair_id": "p", "prompt": "y"}]
    with pytest.raises(ValueError, match="pairs row 2: pair 'p' is told of twice, and not the"):
        label_votes(votes, pairs=twice)


def test_answers_come_as_a_dict_or_a_series_and_as_nothing_else() -> None:
    votes = [vote(f"p{n}", judge, "a", confidence=pd.NA) for n in range(3) for judge in "xy"]
    answers = {"p0": "a", "p2": "b"}
    assert label_votes(votes, pd.Series(answers)).records() == label_votes(votes, answers).records()
    rows = [{"pair_id": "p0", "choice": "a"}]
    for wrong, kind in ((rows, "list"), (pd.DataFrame(rows), "DataFrame")):
        with pytest.raises(ValueError, match=f"answers is a {kind}; give a dict or a series of"):
            label_votes(votes, wrong)
