"""What holds of every preset, and how the one for a file is found."""

from dataclasses import replace

import pytest

from db.errors import BadInput, UnknownName
from db.files.line import Line
from db.imports import steps
from db.imports.fields import BadRow, Row
from db.imports.presets import PRESETS, fitting, named, nearest
from db.imports.presets.preset import Preset

PAIR = {"pair_id", "prompt", "tools", "response_a", "response_b", "model_a", "model_b"}
PAIR |= {"family_a", "family_b", "domain", "source", "expected", "meta", "labels", "votes"}
CANDIDATES = {"prompt_id", "prompt", "tools", "responses", "ranking", "annotator"}
CANDIDATES |= {"domain", "source", "expected", "meta"}
OPINION = {"choice", "strength", "both_bad", "rationale", "created_at"}
LABEL = OPINION | {"annotator", "active_seconds"}
VOTE = OPINION | {"judge", "family", "order", "sample", "confidence", "score_a", "score_b"}
VOTE |= {"cost_usd"}
RESPONSE = {"id", "text", "messages", "model", "family", "ratings"}
RATING = {"annotator", "judge", "score", "rationale"}

each = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)


def read(preset: Preset, *rows: Row) -> list[Row]:
    """What a preset makes of rows, whichever way it reads them; no row may be bad."""
    if preset.whole is None:
        return [found for row in rows for found in preset.rows(row)]
    found = preset.whole([Line("rows.jsonl", n, row) for n, row in enumerate(rows, 1)])
    return [row for _, row in found if not isinstance(row, BadRow)]


def test_names_are_told_once() -> None:
    names = [preset.name for preset in PRESETS]
    assert len(set(names)) == len(names)


@each
def test_an_example_is_found_by_its_shape(preset: Preset) -> None:
    assert fitting(frozenset(preset.example), [preset.example]) is preset


@each
def test_every_column_of_an_example_is_read_or_named(preset: Preset) -> None:
    columns = frozenset(preset.example)
    assert preset.reads(columns, preset.example) == columns
    assert {column.split(".")[0] for column in preset.dropped} <= preset.columns


@each
def test_an_example_becomes_rows_the_importer_knows(preset: Preset) -> None:
    found = read(preset, preset.example, *preset.beside)
    assert found
    if preset.kind == "steps":
        assert all(steps.parse(row) for row in found)
        return
    for row in found:
        assert set(row) <= (PAIR if preset.kind == "pairs" else CANDIDATES)
        for label in row.get("labels", []):
            assert set(label) <= LABEL
        for vote in row.get("votes", []):
            assert set(vote) <= VOTE
            assert vote["judge"]
        for response in row.get("responses", []):
            assert set(response) <= RESPONSE
            assert ("text" in response) != ("messages" in response)
            for rating in response.get("ratings", []):
                assert set(rating) <= RATING
                assert not {"judge", "annotator"} <= set(rating)


@each
def test_a_row_of_nulls_is_refused_with_a_sentence(preset: Preset) -> None:
    nulls: Row = dict.fromkeys(preset.example)
    if preset.whole is not None:
        assert all(isinstance(r, BadRow) for _, r in preset.whole([Line("rows.jsonl", 1, nulls)]))
        return
    with pytest.raises(BadRow):
        preset.rows(nulls)


@each
def test_a_preset_leaves_its_row_as_it_was(preset: Preset) -> None:
    before = repr(preset.example)
    read(preset, preset.example)
    assert repr(preset.example) == before


def test_rows_of_no_known_shape_have_no_preset() -> None:
    assert fitting(frozenset({"question", "colour"}), [{"question": "?", "colour": "red"}]) is None


def test_two_presets_that_read_the_same_columns_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one = named("openai")
    twin = replace(one, name="twin")
    monkeypatch.setattr("db.imports.presets.PRESETS", (one, twin))
    with pytest.raises(BadInput, match=r"shape of openai, twin; .*--as"):
        fitting(frozenset(one.example), [one.example])


def test_the_preset_that_reads_more_of_the_columns_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = named("openai")
    more = replace(one, name="more", columns=one.columns | {"worker"})
    monkeypatch.setattr("db.imports.presets.PRESETS", (one, more))
    row = {**one.example, "worker": "ada"}
    assert fitting(frozenset(row), [row]) is more


def test_a_name_that_is_not_known_lists_those_that_are() -> None:
    with pytest.raises(UnknownName, match=r"'openia'.*openai"):
        named("openia")


def test_the_nearest_preset_shares_most_columns() -> None:
    assert nearest(frozenset({"input", "preferred_output", "rejected_output"})).name == "openai"
