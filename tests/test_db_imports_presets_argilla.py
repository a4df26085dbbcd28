"""Argilla: what people submitted becomes labels, what agents suggested becomes votes."""

from typing import Any

import pytest
from preset_rows import one

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def answers(question: str, *said: tuple[str | None, Any, str]) -> Row:
    """A question of a flat export of version 2."""
    return {
        f"{question}.responses": [value for _, value, _ in said],
        f"{question}.responses.users": [who for who, _, _ in said],
        f"{question}.responses.status": [status for _, _, status in said],
    }


FIELDS: Row = {"instruction": "Q", "response1": "x", "response2": "y"}


def flat(**more: Any) -> Row:
    return {"id": "r7", **FIELDS, **more}


def test_submitted_answers_are_labels_and_drafts_are_left() -> None:
    said = answers(
        "preference",
        ("u1", "response2", "submitted"),
        ("u2", "response1", "draft"),
        ("u3", "response1", "discarded"),
    )
    pair = one("argilla", flat(**said))
    assert (pair["pair_id"], pair["prompt"]) == ("r7", "Q")
    assert (pair["response_a"], pair["response_b"]) == ("x", "y")
    assert pair["labels"] == [{"annotator": "u1", "choice": "b"}]


def test_what_was_not_submitted_is_named() -> None:
    said = answers("best", *(("u", 1, state) for state in ("draft", "submitted", "discarded")))
    named_so = ["drafts", "what was discarded"]
    assert list(named("argilla").inside(flat(**said))) == named_so
    objects = [{"user_id": "u", "value": 1, "status": "draft"}]
    assert list(named("argilla").inside({"best": objects})) == ["drafts"]
    assert list(named("argilla").inside({"fields": FIELDS, "responses": {"best": objects}}))
    assert list(named("argilla").inside({"best.responses.status": 5, "responses": "x"})) == []


def test_a_ranking_may_have_equal_places() -> None:
    ranks = [{"rank": 1, "value": "response1"}, {"rank": 1, "value": "response2"}]
    lists = {"rank": [2, 1], "value": ["response1", "response2"]}
    said = answers("ranking", ("u1", ranks, "submitted"), ("u2", lists, "submitted"))
    labels = one("argilla", flat(**said))["labels"]
    assert [label["choice"] for label in labels] == ["tie", "b"]


@pytest.mark.parametrize(
    ("value", "choice"),
    [(1, "a"), (2.0, "b"), ("2", "b"), ("response-1", "a"), ("tie", "tie"), ("Both", "tie")],
)
def test_a_question_that_asks_for_the_better_one_may_be_answered_by_its_place(
    value: Any, choice: str
) -> None:
    [label] = one("argilla", flat(**answers("choose-best", ("u1", value, "submitted"))))["labels"]
    assert label["choice"] == choice


def test_the_best_of_three_is_better_than_each_and_nothing_is_said_of_the_others() -> None:
    row = flat(response3="z", **answers("best", ("u1", "response2", "submitted")))
    pairs = named("argilla").rows(row)
    assert [(p["response_a"], p["response_b"], p["labels"][0]["choice"]) for p in pairs] == [
        ("x", "y", "b"),
        ("y", "z", "a"),
    ]
    assert [p["pair_id"] for p in pairs] == ["r7:response1:response2", "r7:response2:response3"]


def test_ratings_of_each_response_are_choices_and_other_answers_the_rationale() -> None:
    row = flat(
        **answers("response1-rating", ("u1", 4, "submitted")),
        **answers("response2-rating", ("u1", 2, "submitted")),
        **answers("why", ("u1", "Longer.", "submitted")),
    )
    [label] = one("argilla", row)["labels"]
    assert label["choice"] == "a"
    assert label["rationale"] == "response1-rating: 4\nresponse2-rating: 2\nwhy: Longer."


def test_suggestions_are_votes_of_their_agent_and_keep_their_scores() -> None:
    suggested = {
        "preference.suggestion": "response1",
        "preference.suggestion.score": 0.75,
        "preference.suggestion.agent": "m1",
    }
    [vote] = one("argilla", flat(**suggested))["votes"]
    assert vote == {"judge": "m1", "choice": "a", "confidence": 0.75}
    rated = {"response1-rating.suggestion": 2, "response2-rating.suggestion": 5}
    [vote] = one("argilla", flat(**rated))["votes"]
    assert vote == {"judge": "argilla suggestion", "choice": "b", "score_a": 2, "score_b": 5}
    row = flat(**{"why.suggestion": "x"}, **answers("best", ("u1", 1, "submitted")))
    assert "votes" not in one("argilla", row)


def test_version_1_has_answers_as_objects() -> None:
    row = {
        "prompt": "Q",
        "response-1": "x",
        "response-2": "y",
        "preference": [
            {"user_id": "u1", "value": "response-2", "status": "submitted"},
            {"user_id": "u2", "value": "response-1", "status": "draft"},
        ],
        "preference-suggestion": "response-1",
        "preference-suggestion-metadata": {"type": "model", "score": None, "agent": "m1"},
        "external_id": "e7",
        "metadata": "{}",
    }
    pair = one("argilla", row)
    assert pair["pair_id"] == "e7"
    assert pair["labels"] == [{"annotator": "u1", "choice": "b"}]
    assert pair["votes"] == [{"judge": "m1", "choice": "a"}]
    assert fitting(frozenset(row), [row]) is named("argilla")
    person = {**row, "preference-suggestion-metadata": {"type": "human", "agent": "ada"}}
    labels = one("argilla", person)["labels"]
    assert labels[1] == {"annotator": "ada", "choice": "a"}


def test_a_nested_record_of_version_2_is_read() -> None:
    row = {
        "id": "r7",
        "fields": FIELDS,
        "metadata": {},
        "responses": {"preference": [{"value": "response1", "user_id": "u1"}]},
        "suggestions": {"preference": {"value": "response2", "score": None, "agent": "m1"}},
        "vectors": {},
        "_server_id": "s",
    }
    pair = one("argilla", row)
    assert pair["labels"] == [{"annotator": "u1", "choice": "a"}]
    assert pair["votes"] == [{"judge": "m1", "choice": "b"}]
    assert fitting(frozenset(row), [row]) is named("argilla")


def test_other_fields_and_ids_are_kept_with_the_pair() -> None:
    said = answers("best", ("u1", 1, "submitted"))
    row = flat(context="Numbers.", external_id="e", **said)
    assert one("argilla", row)["meta"] == {"context": "Numbers.", "external_id": "e"}
    nested = {"fields": {**FIELDS, "note": "n"}, "responses": {"best": [{"value": 1}]}}
    assert one("argilla", nested)["meta"] == {"note": "n"}


def test_the_names_that_a_user_gave_are_among_the_columns_it_reads() -> None:
    row = flat(**answers("my question", ("u1", 1, "submitted")), batch="x")
    assert frozenset(row) - named("argilla").reads(frozenset(row), row) == {"batch"}


def test_chosen_and_rejected_are_fields_like_others() -> None:
    row = {"prompt": "Q", "chosen": "x", "rejected": "y"}
    row |= answers("preference", ("u1", "rejected", "submitted"))
    assert one("argilla", row)["labels"] == [{"annotator": "u1", "choice": "b"}]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (flat(**answers("preference", ("u1", "response3", "submitted"))), "do not compare"),
        (flat(**answers("quality", ("u1", 2, "submitted"))), "do not compare.*--map"),
        (flat(**answers("preference", ("u1", 7, "submitted"))), "preference is 7; it must name"),
        (flat(**answers("preference", ("u1", "response1", "draft"))), "nobody submitted"),
        (
            flat(
                **answers("best", ("u1", 1, "submitted")),
                **answers("preference", ("u1", 2, "submitted")),
            ),
            "best and preference both compare",
        ),
        (
            flat(**answers("rank", ("u1", [{"rank": 1, "value": "response1"}], "submitted"))),
            "rank must rank each of response1, response2 once",
        ),
        ({"id": "r", "text": "x", "label.suggestion": "a"}, "two responses .* --map"),
        (flat(**{"best.responses": [1], "best.responses.users": []}), "lists of one length"),
    ],
)
def test_what_cannot_be_read_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        named("argilla").rows(bad)
