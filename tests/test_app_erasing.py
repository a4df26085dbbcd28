"""Who and what is erased is found in no cell of any table, and what stays is said."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from released_world import cells, fill
from sqlalchemy import func, select, update

from app.pipeline import erasing
from app.retention_settings import RetentionSettings
from db.erased_people import PREFIX
from db.errors import BadInput, Conflict, UnknownName
from db.models import (
    Annotator,
    Candidate,
    DatasetItem,
    Event,
    Gold,
    Pair,
    Preference,
    Prompt,
    Review,
    Task,
    Vote,
)
from db.session import Database
from db.types import now
from db.vocabulary import TaskStatus


@pytest.fixture
def world(empty: Database) -> Database:
    return fill(empty)


def holding(database: Database, text: str) -> list[tuple[str, str]]:
    word = re.compile(rf"(?<![\w-]){re.escape(text)}(?![\w-])")
    return [(table, value) for table, value in cells(database) if word.search(value)]


def test_a_person_is_in_no_cell_and_their_answers_stay(world: Database) -> None:
    with world.read() as session:
        everybody = session.scalars(select(Annotator.name)).all()
        people = [name for name in everybody if not name.startswith("author")]  # a common word
        before = session.scalar(select(func.count(Review.id)))
        events = session.scalar(select(func.count(Event.id)))
    for name in people:
        done = erasing.erase_person(world, name, "asked for it", "cli", sure=True)
        assert done.name.startswith(PREFIX)
        assert holding(world, name) == []
    with world.read() as session:
        assert session.scalar(select(func.count(Review.id))) == before
        written = session.scalar(select(func.count(Event.id)))
        assert written == (events or 0) + len(people)
        assert session.scalar(select(func.count(Annotator.subject))) == 0
        mine = select(Review.rationale).join(Annotator, Annotator.id == Review.annotator_id)
        assert not any(session.scalars(mine.where(Annotator.name.startswith(PREFIX))))


def test_without_yes_nothing_changes(world: Database) -> None:
    before = cells(world)
    with world.read() as session:
        name = session.scalars(select(Annotator.name).order_by(Annotator.id)).first() or ""
        pair = session.scalars(select(Pair.id)).first()
    assert not erasing.erase_person(world, name, "try", "cli", sure=False).done
    told = erasing.erase_prompts(world, [str(pair)], "try", "cli", sure=False)
    assert (told.done, told.prompts) == (False, 1)
    assert "--yes" in told.summary
    assert cells(world) == before


def test_a_prompt_is_in_no_cell_and_does_not_come_back(world: Database, tmp_path: Path) -> None:
    with world.read() as session:
        pair = session.scalars(
            select(Pair)
            .join(Preference, Preference.pair_id == Pair.id)
            .join(DatasetItem, DatasetItem.preference_id == Preference.id)
        ).first()
        assert pair is not None
        prompt = pair.prompt
        texts = [m["content"] for m in prompt.messages]
        texts += [c.text for c in prompt.candidates]
        messages, key, prompt_id = prompt.messages, prompt.content_hash, prompt.id
        both = pair.candidate_a.text, pair.candidate_b.text
        votes = session.scalar(select(func.count(Vote.id)))
    assert all(len(text) > 12 and holding(world, text) for text in texts)
    done = erasing.erase_prompts(world, [str(pair.id)], "holds an address", "cli", sure=True)
    assert done.prompts == 1
    assert {one.kind for one in done.held} >= {"dataset"}
    for text in texts:
        assert holding(world, text) == []
        if world.is_sqlite:
            path = Path(str(world.engine.url.database))
            for file in (path, path.with_name(path.name + "-wal")):
                assert not file.exists() or text.encode() not in file.read_bytes()
    with world.read() as session:
        assert session.scalar(select(func.count(Vote.id))) == votes
        asked = select(Task.id).join(Pair, Pair.id == Task.pair_id)
        waiting = asked.where(
            Pair.prompt_id == prompt_id,
            Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
        )
        assert session.scalars(waiting).all() == []
        gold = select(Gold).join(Pair, Pair.id == Gold.pair_id)
        assert session.scalars(gold.where(Pair.prompt_id == prompt_id)).all() == []
        kinds = session.scalars(select(Event.kind).where(Event.subject == f"prompt:{prompt_id}"))
        assert "prompt.erased" in kinds.all()
    again = erasing.erase_prompts(world, [key[:12]], "twice", "cli", sure=True)
    assert again.prompts == 0
    comes_back(world, tmp_path, {"prompt": messages, "response_a": both[0], "response_b": both[1]})


def comes_back(world: Database, tmp_path: Path, row: dict[str, object]) -> None:
    """Importing the erased pair again stores nothing and says why."""
    import json

    from db.imports import ImportOptions, Kind, import_files

    file = tmp_path / "again.jsonl"
    file.write_text(json.dumps({"pair_id": "again", **row}) + "\n", encoding="utf-8")
    rejects = tmp_path / "rejects.jsonl"
    done = import_files(world, Kind.PAIRS, [file], ImportOptions(rejects=rejects))
    assert done.rejected == 1
    assert "was erased" in (done.first_reason or "")
    with world.read() as session:
        both = [row["response_a"], row["response_b"]]
        assert session.scalars(select(Candidate).where(Candidate.text.in_(both))).all() == []


def test_nothing_more_is_asked_fitted_or_drawn_of_an_erased_prompt(world: Database) -> None:
    from db.asking import pair_page
    from db.consensus import usable_votes, voted_pairs
    from db.gold import gold_pairs

    with world.read() as session:
        pairs = session.scalars(select(Pair)).all()
    erasing.erase_prompts(world, [str(pair.id) for pair in pairs], "all", "cli", sure=True)
    with world.read() as session:
        assert pair_page(session, 0, 1000, None) == []
        assert list(voted_pairs(session)) == []
        assert list(usable_votes(session)) == []
        assert gold_pairs(session) == []


def test_an_unknown_key_erases_nothing(world: Database) -> None:
    with world.read() as session:
        pair = session.scalars(select(Pair.id)).first()
    with pytest.raises(UnknownName, match=r"no pair or prompt 'nobody'.*nothing was erased"):
        erasing.erase_prompts(world, [str(pair), "nobody"], "why", "cli", sure=True)
    with world.read() as session:
        assert session.scalars(select(Prompt).where(Prompt.erased_at.is_not(None))).all() == []
    with pytest.raises(UnknownName, match="no person is called 'nobody'"):
        erasing.erase_person(world, "nobody", "why", "cli", sure=True)
    with pytest.raises(BadInput, match="says nothing"):
        erasing.erase_person(world, "ada", " ", "cli", sure=True)


def test_a_pseudonym_is_not_erased_again(world: Database) -> None:
    with world.read() as session:
        name = session.scalars(select(Annotator.name)).first() or ""
    done = erasing.erase_person(world, name, "asked", "cli", sure=True)
    with pytest.raises(Conflict, match="a pseudonym already"):
        erasing.erase_person(world, done.name, "asked", "cli", sure=True)


def test_retention_removes_what_is_older_than_its_days(world: Database) -> None:
    """Everything of the release is made ten days old: ages of 9 and 11 days tell it apart."""
    old = now() - timedelta(days=10)
    with world.begin() as session:
        session.execute(update(Prompt).values(created_at=old))
        session.execute(update(Vote).values(created_at=old, raw="an answer"))
        votes = session.scalar(select(func.count(Vote.id)))
        prompts = session.scalar(select(func.count(Prompt.id)))
    kept = RetentionSettings(raw_answer_days=11, text_days=11)
    nothing = erasing.apply_retention(world, kept, "cli")
    assert (nothing.raw_answers, nothing.prompts) == (0, 0)
    due = RetentionSettings(raw_answer_days=9, text_days=9)
    told = erasing.apply_retention(world, due, "cli", sure=False)
    assert (told.raw_answers, told.prompts, told.done) == (votes, prompts, False)
    done = erasing.apply_retention(world, due, "cli")
    assert (done.raw_answers, done.prompts) == (votes, prompts)
    assert (erasing.apply_retention(world, due, "cli").prompts) == 0
    assert "sets no age" in erasing.apply_retention(world, RetentionSettings(), "cli").summary


@pytest.mark.parametrize(
    "name", ["drawn", "imported", "hard", "rater", "Eva", "the", "a.*", "e\x1b[31m", "D'Arc"]
)
def test_an_odd_name_goes_from_sentences_and_the_project_keeps_its_words(
    world: Database, name: str
) -> None:
    payload = {name: True, "kind": name, "who": name, "told": f"{name!r} was slow"}
    with world.begin() as session:
        session.add(Annotator(name=name))
        session.add(Event(actor=name, kind="alarm", subject="cycle:1", payload=payload))
    before = [keys for table, keys in cells(world) if table in ("gold", "flags")]
    done = erasing.erase_person(world, name, f"{name} asked for it", "cli", sure=True)
    assert [keys for table, keys in cells(world) if table in ("gold", "flags")] == before
    with world.read() as session:
        alarm = session.scalars(select(Event).where(Event.kind == "alarm")).one()
        erased = session.scalars(select(Event).where(Event.kind == "person.erased")).one()
    assert alarm.actor == done.name
    quote = repr(name)[0]
    told = {"who": done.name, "told": f"{quote}{done.name}{quote} was slow"}
    assert alarm.payload == {name: True, "kind": name} | told
    assert erased.payload["reason"] == f"{done.name} asked for it"


def test_what_a_busy_database_kept_goes_with_the_next_retention(
    world: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bool] = []

    def busy_once(database: Database) -> bool:
        tries.append(bool(tries))
        return tries[-1]

    monkeypatch.setattr("db.erased_prompts.purge", busy_once)
    assert "was busy" in erasing.erase_person(world, "ada", "asked", "cli", sure=True).summary
    ages = RetentionSettings()
    again = erasing.apply_retention(world, ages, "cli", purge=True)
    assert (tries, "was busy" in again.summary) == ([False, True], False)
    erasing.apply_retention(world, ages, "cli")
    assert len(tries) == 2
