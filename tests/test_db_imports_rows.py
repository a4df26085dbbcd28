"""What a row means, format by format: the same pair, label and name, however it was written."""

from pathlib import Path
from typing import Any

import import_worlds as worlds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_worlds import stored_labels, stored_pairs, take, understood

from db.identity import candidate_hash, pair_hash, prompt_hash
from db.imports.fields import BadRow
from db.imports.rows import PairRow, parse_candidates, parse_ranking, parse_vote
from db.pairs import get_pair, resolve_names
from db.session import Database

USER = {"role": "user", "content": "Q?"}
GOOD, POOR = {"role": "assistant", "content": "good"}, {"role": "assistant", "content": "poor"}


storable = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz", "p.csv", "p.parquet"])
def test_pairs_come_from_every_format(any_database: Database, tmp_path: Path, name: str) -> None:
    rows = [
        worlds.pair("one", domain="law", source="s", model_a="m1", model_b="m2"),
        worlds.pair("two", a="", b="third", domain="law", source="s", model_a="m1", model_b="m2"),
    ]
    done = take(any_database, "pairs", tmp_path / name, rows)
    assert (done.rows, dict(done.counts), done.rejected) == (2, {"new": 2, "labels": 0}, 0)
    assert stored_pairs(any_database) == [("Q?", "first", "second"), ("Q?", "", "third")]
    with any_database.read() as session:
        pair = get_pair(session, "one")
        assert (pair.domain, pair.source) == ("law", "s")
        assert (pair.candidate_a.model, pair.candidate_b.model) == ("m1", "m2")


def test_pairs_come_from_a_datasets_folder(database: Database, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    talk = {"prompt": [USER], "chosen": [GOOD], "rejected": [POOR]}
    saved = datasets.DatasetDict({"train": datasets.Dataset.from_list([talk])})
    saved.save_to_disk(str(tmp_path / "saved"))
    done = take(database, "pairs", tmp_path / "saved")
    assert (done.counts["new"], done.counts["labels"]) == (1, 1)


CHOSEN: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "Q?", "chosen": "good", "rejected": "poor"},
    "messages": {"prompt": [USER], "chosen": [GOOD], "rejected": [POOR]},
    "implicit prompt": {"chosen": [USER, GOOD], "rejected": [USER, POOR]},
    "prompt repeated in the answers": {
        "prompt": "Q?",
        "chosen": [USER, GOOD],
        "rejected": [USER, POOR],
    },
    "one message beside a text": {"prompt": "Q?", "chosen": [GOOD], "rejected": "poor"},
    "paragraphs of a dialogue": {
        "chosen": "\n\nHuman: Q?\n\nAssistant: good",
        "rejected": "\n\nHuman: Q?\n\nAssistant: poor",
    },
}


@pytest.mark.parametrize("form", CHOSEN)
def test_chosen_and_rejected_are_one_pair_and_one_label_in_every_form(
    database: Database, tmp_path: Path, form: str
) -> None:
    rows = [CHOSEN["texts"], CHOSEN[form]]
    done = take(database, "pairs", tmp_path / "p.jsonl", rows, annotator="ann")
    assert (done.counts["new"], done.counts["duplicates"], done.counts["labels"]) == (1, 1, 1)
    ((prompt, a, b),) = stored_pairs(database)
    assert prompt == "Q?"
    assert {"a": a, "b": b}[stored_labels(database)[0]] == "good"


def test_a_dialogue_of_several_turns_becomes_messages() -> None:
    row = {
        "chosen": "\n\nHuman: one\n\nAssistant: two\n\nHuman: three\n\nAssistant: good",
        "rejected": "\n\nHuman: one\n\nAssistant: two\n\nHuman: three\n\nAssistant: poor",
    }
    found = understood(row)
    assert found.pair.messages == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    assert {found.pair.a.text, found.pair.b.text} == {"good", "poor"}


@given(chosen=storable, rejected=storable)
def test_the_side_of_the_chosen_answer_does_not_tell_the_label(chosen: str, rejected: str) -> None:
    """Exchanging chosen and rejected gives the same pair in the same order, and the other label."""
    ok = {"prompt": "Q?", "chosen": "x" + chosen, "rejected": "y" + rejected}
    one = understood(ok)
    other = understood({**ok, "chosen": ok["rejected"], "rejected": ok["chosen"]})
    assert one.pair == other.pair
    assert other.labels[0].choice == one.labels[0].choice.mirrored()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Q?", "chosen": "x", "rejected": "x"}, "are the same, so neither"),
        ({"chosen": "x", "rejected": "y"}, "share no beginning"),
        ({"prompt": "Q?", "chosen": "x"}, "rejected is None; it must be a text"),
        ({"chosen": [USER], "rejected": [USER, POOR]}, "ends with a turn that is no answer"),
        (
            {"chosen": [USER, GOOD], "rejected": [{**USER, "content": "?"}, POOR]},
            "part at message 1, before any answer",
        ),
        ({"chosen": [GOOD], "rejected": [POOR]}, "prompt is missing"),
        ({"prompt": [], "response_a": "a", "response_b": "b"}, r"prompt is \[\]"),
        (worlds.pair("p", [{"role": "boss", "content": ""}]), "a message is {role, content}"),
        ({"prompt": "Q?", "response_a": "a"}, "response_b is missing; it must be a text"),
        ({"prompt": "Q?", "response_a": None, "response_b": "b"}, "response_a is missing"),
        ({"prompt": "Q?", "response_a": 3, "response_b": "b"}, "response_a is 3"),
    ],
)
def test_a_pair_that_cannot_be_used_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        understood(row)


def test_an_empty_chosen_column_beside_responses_is_no_preference() -> None:
    row = {**worlds.pair("p"), "chosen": None, "rejected": None}
    assert understood(row).labels == ()


def sets(row: dict[str, Any], per_prompt: int | None, seed: int) -> list[PairRow]:
    """The pairs of a row of candidates."""
    found = parse_candidates(row, per_prompt, seed)
    return [one for one in found if isinstance(one, PairRow)]


def candidates(*texts: str, **more: Any) -> dict[str, Any]:
    responses = [{"id": f"r{i}", "text": text} for i, text in enumerate(texts, 1)]
    return {"prompt_id": "p", "prompt": "Q?", "responses": responses, **more}


def test_four_candidates_make_six_named_pairs(any_database: Database, tmp_path: Path) -> None:
    done = take(any_database, "candidates", tmp_path / "c.jsonl", [candidates(*"wxyz")])
    assert done.counts["new"] == 6  # 4 * 3 / 2
    with any_database.read() as session:
        assert len(resolve_names(session, ["p:r1:r2", "p:r1:r4", "p:r3:r4"])) == 3
        assert get_pair(session, "p:r2:r4").candidate_a.text == "x"


def test_a_draw_of_candidates_depends_on_seed_and_prompt_alone() -> None:
    row = candidates(*"tuvwxyz")
    names = [p.pair.external_id for p in sets(row, 5, 7)]
    assert len(names) == 5
    assert names == [p.pair.external_id for p in sets({**row, "domain": "d"}, 5, 7)]
    assert names != [p.pair.external_id for p in sets(row, 5, 8)]


def test_candidates_of_one_text_make_no_pair_but_keep_their_names() -> None:
    rows = sets(candidates("x", "y", "x"), None, 7)
    assert [r.pair.external_id for r in rows] == ["p:r1:r2", "p:r2:r3"]
    assert [(r.pair.a.text, r.pair.b.text) for r in rows] == [("x", "y"), ("y", "x")]
    nameless = sets({**candidates("x", "y", "x"), "prompt_id": None}, None, 7)
    assert [(r.pair.a.text, r.pair.b.text) for r in nameless] == [("x", "y")]


def test_candidates_may_be_plain_texts() -> None:
    rows = sets({"prompt_id": "p", "prompt": "Q?", "responses": ["x", "y"]}, None, 7)
    assert [r.pair.external_id for r in rows] == ["p:r1:r2"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"responses": ["x"]}, "a list of two or more"),
        ({"responses": "x"}, "a list of two or more"),
        ({"responses": [{"id": 1, "text": "x"}, {"id": "1", "text": "y"}]}, "the same id"),
        ({"responses": ["x", "x"]}, "all responses have the same text"),
        ({"responses": ["x", 3]}, "a response is a text or an object"),
        ({"prompt_id": "p" * 198}, "a name of 1 to 200 letters"),
    ],
)
def test_candidates_that_cannot_be_used_say_why(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        parse_candidates(candidates("x", "y", **more), None, 7)


def ranking(*groups: Any, **more: Any) -> dict[str, Any]:
    return {**candidates("x", "y", "z"), "ranking": list(groups), "annotator": "ann", **more}


def test_a_ranking_keeps_ties_as_groups_of_positions() -> None:
    assert parse_ranking(ranking("r2", ["r1", "r3"])).groups == ((1,), (0, 2))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ranking("r1", "r2"), r"must name each of \['r1', 'r2', 'r3'\] once"),
        (ranking("r1", "r2", "r3", "r3"), "once"),
        (ranking("r1", "r2", "r3", []), "once"),
        (ranking("r1", "r2", [["r3"]]), "once"),
        ({**ranking("r1"), "ranking": "r1"}, "a list of response ids, best first"),
        ({**ranking("r1", "r2"), **candidates("x", "x")}, "the same text"),
        (ranking("r1", "r2", "r3", annotator=""), "annotator is ''"),
    ],
)
def test_a_ranking_that_cannot_be_used_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        parse_ranking(row)


def test_a_vote_without_order_or_sample_is_the_first_of_none() -> None:
    vote = parse_vote(worlds.vote("p", "abstain"))
    assert (vote.order, vote.sample, vote.numbered) == ("none", 1, False)
    assert vote.more["abstain_reason"] == "recorded as abstain"
    assert vote.more["cost_nanousd"] == 0


def test_a_vote_keeps_what_it_costs_and_says() -> None:
    said = {"sample": "2", "cost_usd": "0.0125", "confidence": 0.9, "created_at": "2026-01-31"}
    vote = parse_vote(worlds.vote("p", order="ba", rationale="why", strength=2, **said))
    assert (vote.sample, vote.order, vote.numbered) == (2, "ba", True)
    assert vote.more["cost_nanousd"] == 12_500_000  # 0.0125 dollars of 1e9 nano-dollars
    assert (vote.more["confidence"], vote.more["strength"]) == (0.9, 2)
    assert vote.more["created_at"].isoformat() == "2026-01-31T00:00:00+00:00"


texts = st.text(max_size=12)


@given(prompt=texts, a=texts, b=texts)
def test_a_pair_and_its_mirror_have_one_hash(prompt: str, a: str, b: str) -> None:
    key = prompt_hash([{"role": "user", "content": prompt}])
    one, two = candidate_hash(key, a), candidate_hash(key, b)
    assert pair_hash(one, two) == pair_hash(two, one)
    assert (one == two) == (a == b)
    assert one != candidate_hash(key + " ", a)
