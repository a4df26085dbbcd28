"""Local judges: what they read fits, answers bind to the menu, and words know no order."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.errors import BadInput
from db.vocabulary import Choice, Order
from judges.constitution import Constitution
from judges.local import LocalJudge
from judges.prompts import Template, material
from judges.tokens import _share, encode, whole
from judges.trust.text_features import PairTexts
from judges.verdicts import read
from judges.words import WordsModel, davidson

TEMPLATE = Template(Constitution(chapters=()), output="token")


class Letters:
    """A tokenizer of one token a character, the last one an end token."""

    cls_token_id = None
    eos_token_id = 0

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))


def words_judge(folder: Path) -> LocalJudge:
    vocabulary = {"clear": 0, "vague": 1}
    model = WordsModel(
        vocabulary,
        np.ones(2),
        np.concatenate([[3.0, -3.0], np.zeros(8)]),
        np.ones(8),
        nu=0.5,
    )
    model.save(folder)
    metadata = {"kind": "judge", "style": "words", "content_hash": "x", "max_length": 0}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return LocalJudge(folder)


def test_a_judge_of_words_answers_the_panel(tmp_path: Path) -> None:
    judge = words_judge(tmp_path)
    ab, ba = (TEMPLATE.render("Q", "clear", "vague", order) for order in (Order.AB, Order.BA))
    answers = judge.score([ab, ba])
    # One word each, of length 1 after normalising: log-odds 3 - (-3) = 6; tie weight 0.5.
    top, low = np.exp(3.0), np.exp(-3.0)
    assert answers[0].probabilities["1"] == pytest.approx(top / (top + low + 0.5))
    assert answers[0].probabilities["tie"] == pytest.approx(0.5 / (top + low + 0.5))
    verdicts = [read(answers[0], Order.AB), read(answers[1], Order.BA)]
    assert [v.choice for v in verdicts] == [Choice.A, Choice.A]
    assert verdicts[0].p_a == pytest.approx(top / (top + low)) == verdicts[1].p_a


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_exchanging_the_responses_exchanges_the_probabilities(p: str, a: str, b: str) -> None:
    model = WordsModel({"x": 0}, np.ones(1), np.arange(9.0) / 9, np.ones(8), nu=0.3)
    straight = model.probabilities(PairTexts([p], [a], [b]))[0]
    mirrored = model.probabilities(PairTexts([p], [b], [a]))[0]
    assert straight == pytest.approx(mirrored[[1, 0, 2]], abs=1e-6)


def test_davidson_by_hand() -> None:
    # Log-odds 0 and nu 1: all three alike. Log-odds ln 4: sqrt 2, 1/2, so 2 : 0.5 : 1.
    assert davidson(np.array([0.0]), 1.0)[0] == pytest.approx([1 / 3] * 3)
    assert davidson(np.array([np.log(4.0)]), 1.0)[0] == pytest.approx([2 / 3.5, 0.5 / 3.5, 1 / 3.5])


def test_a_short_question_is_read_as_it_is() -> None:
    question = TEMPLATE.render("Q", "one", "two", Order.AB)
    assert encode(Letters(), question, 1000, False) == [*map(ord, question.user), 0]
    instructed = encode(Letters(), question, 10**6, True)
    assert "".join(map(chr, instructed)).startswith(question.system[:40])


@given(st.integers(0, 4000), st.integers(0, 4000), st.integers(250, 1200))
@settings(max_examples=60, deadline=None)
def test_a_long_question_keeps_both_responses(first: int, second: int, limit: int) -> None:
    question = TEMPLATE.render("Why?", "x" * first, "y" * second, Order.AB)
    text = Letters().decode(encode(Letters(), question, limit, False))
    assert len(text) <= limit
    if len(question.user) + 1 > limit:
        shown_x, shown_y = text.count("x"), text.count("y")
        assert text.startswith(material("Why?", "", "")[:12])
        assert text.rstrip("\0").endswith(question.user[-20:])
        if first > 1000 and second > 1000:
            assert abs(shown_x - shown_y) <= 2  # what is left is shared alike


@given(st.integers(0, 400), st.integers(250, 1200))
@settings(max_examples=60, deadline=None)
def test_a_question_is_asked_whole_or_not_at_all(length: int, limit: int) -> None:
    """A letter is a token here, and one more ends the question."""
    question = TEMPLATE.render("Why?", "x" * length, "y", Order.AB)
    tokens = len(question.user) + 1
    ids = whole(Letters(), question, limit, False)
    assert ids == (None if tokens > limit else [*map(ord, question.user), 0])


def test_the_share_by_hand() -> None:
    # Room 10 for lengths 2, 7, 9: the 2 stays, the others get 4 each.
    assert _share([2, 7, 9], 10) == 4
    assert _share([1, 1, 1], 10) == 1


def test_what_is_no_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no metadata"):
        LocalJudge(tmp_path)
    (tmp_path / "metadata.json").write_text('{"kind": "reward"}')
    with pytest.raises(BadInput, match="is a 'reward', not a judge"):
        LocalJudge(tmp_path)
