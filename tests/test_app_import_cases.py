"""Rows as people have them, through the verb: what is stored, and what is said or refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import load
from app.pipeline.cycle import plan_cycle
from app.pipeline.inbox import Taken, take_in
from db.errors import BadInput
from db.models import Annotator, Pair, PairName, Preference, Review, Task, Vote
from db.session import Database
from db.vocabulary import Choice, Role
from review.adjudicating import adjudicate

Row = dict[str, Any]
PRIME = {"prompt": "Name a prime.", "response_a": "7", "response_b": "9"}


def better(choice: str, pair: Pair) -> str:
    """The text that was chosen, or what was said instead."""
    return {"a": pair.candidate_a.text, "b": pair.candidate_b.text}.get(choice, choice)


class World:
    """A project, files written into it, and what lies in its database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def database(self) -> Database:
        return load(self.folder / "tiebreak.toml").database

    def file(self, name: str, *rows: Row) -> str:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def run(self, *words: str) -> Result:
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def take(self, *rows: Row, kind: str = "pairs", more: tuple[str, ...] = ()) -> str:
        """What the verb says of these rows."""
        return self.run("import", kind, self.file("in.jsonl", *rows), *more).stdout

    def pairs(self) -> list[Pair]:
        with self.database.read() as session:
            found = list(session.scalars(select(Pair).order_by(Pair.id)))
            for pair in found:
                _ = pair.prompt, pair.candidate_a, pair.candidate_b
            return found

    def sides(self) -> list[tuple[str, str, str]]:
        return [(p.prompt.text, p.candidate_a.text, p.candidate_b.text) for p in self.pairs()]

    def labels(self) -> list[tuple[str, str]]:
        """(who, the text that is better, or tie) of every label."""
        with self.database.read() as session:
            query = select(Annotator.name, Review.choice, Pair).order_by(Review.id)
            query = query.join(Review, Review.annotator_id == Annotator.id)
            rows = session.execute(query.join(Pair, Pair.id == Review.pair_id))
            return [(name, better(choice, pair)) for name, choice, pair in rows]

    def settled(self) -> list[str]:
        """The better text of every standing label after a merge."""
        self.run("merge")
        with self.database.read() as session:
            query = select(Preference.choice, Pair).where(Preference.superseded_at.is_(None))
            rows = session.execute(query.join(Pair, Pair.id == Preference.pair_id))
            return [better(choice, pair) for choice, pair in rows]

    def all(self, model: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.scalars(select(model).order_by(model.id)))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    made = World(tmp_path)
    made.run("init")
    return made


def preferred(chosen: str, rejected: str, **more: Any) -> Row:
    return {"prompt": "Name a prime.", "chosen": chosen, "rejected": rejected, **more}


def test_each_annotator_has_an_opinion_and_the_majority_stands(world: World) -> None:
    said = world.take(
        preferred("7", "9", annotator="ada"),
        preferred("7", "9", annotator="bob"),
        preferred("9", "7", annotator="cy"),
    )
    assert "1 new, 2 duplicates, 3 labels" in said
    assert "read as trl" in said
    assert world.labels() == [("ada", "7"), ("bob", "7"), ("cy", "9")]
    assert world.settled() == ["7"]


def test_a_cell_that_holds_a_list_of_turns_is_a_conversation(world: World) -> None:
    (world.folder / "in.csv").write_text(
        "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie\n"
        '1,m1,m2,"[""A prime?"",""A larger one?""]","[""7"",""11""]","[""7"",""12""]",1,0,0\n',
        encoding="utf-8",
    )
    assert "read as arena-table" in world.run("import", "pairs", "in.csv").stdout
    (pair,) = world.pairs()
    assert [m["content"] for m in pair.prompt.messages] == ["A prime?", "7", "A larger one?"]
    assert (pair.candidate_a.text, pair.candidate_b.text) == ("11", "12")
    assert world.labels() == [("recorded", "11")]


def test_a_table_of_plain_texts_with_one_hot_winners_is_read(world: World) -> None:
    (world.folder / "in.csv").write_text(
        "id,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie\n"
        "18.0,A prime?,7,9,0,1,0\n",
        encoding="utf-8",
    )
    world.run("import", "pairs", "in.csv")
    assert world.labels() == [("recorded", "9")]
    assert [name.external_id for name in world.all(PairName)] == ["18"]


def talk(*turns: str) -> str:
    names = ("Human", "Assistant")
    return "".join(f"\n\n{names[i % 2]}: {text}" for i, text in enumerate(turns))


def test_dialogues_that_part_early_are_treated_alike(world: World) -> None:
    world.take(
        {"chosen": talk("A prime?", "7"), "rejected": talk("A prime?", "9", "Really?", "No, 11.")},
        {"chosen": talk("A town?", "Oslo", "Sure?", "Yes."), "rejected": talk("A town?", "blue")},
    )
    first, second = world.pairs()
    assert [len(p.prompt.messages) for p in (first, second)] == [1, 1]
    said = [[p.candidate_a.messages, p.candidate_b.messages] for p in (first, second)]
    lengths = [sorted(len(messages or "1") for messages in both) for both in said]
    assert lengths == [[1, 3], [1, 3]]


def test_one_list_of_a_json_file_is_its_rows(world: World) -> None:
    (world.folder / "in.json").write_text(json.dumps([preferred("7", "9")]), encoding="utf-8")
    assert "1 new, 1 labels" in world.run("import", "pairs", "in.json").stdout


def test_names_of_columns_are_read_in_any_case_and_others_named(world: World) -> None:
    (world.folder / "in.csv").write_text("Prompt,Chosen,Rejected\nA prime?,7,9\n", encoding="utf-8")
    said = world.run("import", "pairs", "in.csv").stdout
    assert "columns Prompt as prompt, Chosen as chosen, Rejected as rejected" in said
    assert world.labels() == [("recorded", "7")]
    row = {"task": "A larger prime?", "text_1": "7", "text_2": "9", "better": 2}
    with pytest.raises(
        BadInput,
        match=r"not known: task, text_1, text_2, better; or say which .*--map 'prompt=COLUMN",
    ):
        world.take(row)
    asked = {"prompt": "A prime?", "chosen_answer": "7", "rejected_answer": "9"}
    with pytest.raises(BadInput, match="not known: prompt, chosen_answer, rejected_answer; or say"):
        world.take(asked)
    half = {"input": {"messages": []}, "preferred_output": [], "other_output": [{"a": 1}]}
    with pytest.raises(BadInput, match=r"not known: input, .*; nearest is openai, say --as openai"):
        world.take(half | {"preferred_output": [{"a": 1}]})
    mapped = "prompt=task,response_a=text_1,response_b=text_2,choice=better:1>a,2>b,0>tie"
    assert "1 new, 1 labels" in world.take(row, more=("--map", mapped))
    assert world.labels()[-1] == ("recorded", "9")


def test_a_prompt_beside_whole_dialogues_is_not_doubled(world: World) -> None:
    def dialogue(*texts: str) -> list[Row]:
        return [
            {"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)
        ]

    same = ("A prime?", "7", "A larger one?")
    row = {"chosen": dialogue(*same, "11"), "rejected": dialogue(*same, "12")}
    world.take({"prompt": "A prime?", **row}, {"prompt": "A larger one?", **row})
    (pair,) = world.pairs()
    assert pair.prompt.messages == dialogue(*same)


@pytest.mark.parametrize("form", ["chosen", "sides"])
def test_a_system_column_is_the_system_message(world: World, form: str) -> None:
    def row(system: str, better: str, worse: str) -> Row:
        if form == "chosen":
            return {"system": system, "prompt": "Hi.", "chosen": better, "rejected": worse}
        sides = {"response_a": better, "response_b": worse, "winner": "a"}
        return {"system": system, "prompt": "Hi.", **sides}

    world.take(row("In French.", "Salut", "Hello"), row("In German.", "Hello", "Salut"))
    assert [p.prompt.messages[0] for p in world.pairs()] == [
        {"role": "system", "content": "In French."},
        {"role": "system", "content": "In German."},
    ]
    assert [text for _, text in world.labels()] == ["Salut", "Hello"]


def test_tool_calls_are_kept_and_tell_two_responses_apart(world: World) -> None:
    def call(city: str) -> Row:
        function = {"name": "weather", "arguments": json.dumps({"city": city})}
        tool = {"id": "c1", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [tool]}

    asked = {"role": "user", "content": "Weather in Rome?"}
    world.take({"prompt": [asked], "chosen": [call("Rome")], "rejected": [call("Oslo")]})
    (pair,) = world.pairs()
    assert [call("Rome")] in (pair.candidate_a.messages, pair.candidate_b.messages)
    assert "Rome" in world.labels()[0][1]


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"winner": "model_a"}, "7"),
        ({"winner": "tie (bothbad)"}, "tie"),
        ({"choice": "B"}, "9"),
        ({"label": "first"}, "7"),
        ({"preference": 2.0}, "9"),
        ({"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 1}, "tie"),
        ({"score_a": 3, "score_b": 4.5}, "9"),
        ({"score_a": 2, "score_b": 2}, "tie"),
    ],
)
def test_a_verdict_column_is_a_label_with_the_row_s_id(world: World, more: Row, label: str) -> None:
    assert "1 labels" in world.take({"id": "q17", **PRIME, **more})
    assert world.labels() == [("recorded", label)]
    assert [name.external_id for name in world.all(PairName)] == ["q17"]
    (review,) = world.all(Review)
    assert review.both_bad == (more.get("winner") == "tie (bothbad)")


def test_scores_of_a_judge_are_its_vote_and_are_kept(world: World) -> None:
    world.take({**PRIME, "judge": "j1", "score_a": 3, "score_b": 4.5, "rationale": "9 is odd."})
    (vote,) = world.all(Vote)
    assert (vote.choice, vote.score_a, vote.score_b) == ("b", 3.0, 4.5)
    mirrored = {"prompt": PRIME["prompt"], "response_a": "9", "response_b": "7"}
    world.take({**mirrored, "judge": "j2", "score_a": 4.5, "score_b": 3})
    assert (world.all(Vote)[1].choice, world.all(Vote)[1].score_a) == ("b", 3.0)


def test_a_coding_of_0_and_1_is_asked_for(world: World) -> None:
    rows = [{**PRIME, "response_b": str(i), "label": i % 2} for i in (8, 10, 12, 15)]
    with pytest.raises(BadInput, match="label holds 0 or 1, and no 2"):
        world.take(*rows)
    assert "4 labels" in world.take(*rows, more=("--map", "choice=label:0>a,1>b"))
    assert [text for _, text in world.labels()] == ["7", "7", "7", "15"]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("final_answer", "an answer"),
        ("worker_id", "an annotator"),
        ("systemPrompt", "a system prompt"),
        ("chat_history", "a history"),
        ("session_id", "an id"),
    ],
)
def test_a_column_that_may_not_be_lost_refuses_the_file_until_it_is_said(
    world: World, column: str, what: str
) -> None:
    row = {**PRIME, column: "x", "colour": "red"}
    with pytest.raises(BadInput, match=rf"may not be lost: {column} \(looks like {what}\)"):
        world.take(row)
    assert world.pairs() == []
    said = world.take(row, more=("--ignore", column))
    assert "not read: colour" in said
    world.take(row, more=("--keep", column, "--ignore", "colour"))
    assert world.pairs()[0].kept in ({column: "x"}, None)


def test_a_late_column_that_may_not_be_lost_costs_its_row(world: World) -> None:
    rows = [{**PRIME, "response_b": str(i)} for i in range(60)]
    rows[55]["worker"] = "ada"
    said = world.take(*rows)
    assert "59 new" in said
    assert "line 56: it has columns that tiebreak does not read" in said


def test_keys_inside_our_lists_are_columns_too(world: World) -> None:
    row = {"prompt": "A prime?", "responses": [{"text": "7", "score": 9}, {"text": "9"}]}
    with pytest.raises(BadInput, match=r"responses.score \(looks like an answer\)"):
        world.take(row, kind="candidates")
    assert "1 new" in world.take(row, kind="candidates", more=("--ignore", "responses.score"))


OTHER: list[tuple[str, Row]] = [
    ("candidates", {"prompt": "Q?", "responses": ["x", "y"]}),
    ("votes", {"pair_id": "p", "judge": "j", "choice": "a"}),
    ("labels", {"pair_id": "p", "annotator": "ann", "choice": "a"}),
    ("gold", {"pair_id": "p", "choice": "a"}),
    ("steps", {"prompt": "Q?", "completions": ["x"], "labels": [True]}),
]


@pytest.mark.parametrize(("kind", "row"), OTHER)
def test_a_file_for_another_verb_says_which(world: World, kind: str, row: Row) -> None:
    with pytest.raises(BadInput, match=f"`tiebreak import {kind}`"):
        world.take(row)


def test_ratings_of_responses_become_choices_of_their_raters(world: World) -> None:
    def rated(text: str, ada: float, judge: float) -> Row:
        ratings = [{"annotator": "ada", "score": ada}, {"judge": "j1", "score": judge}]
        return {"text": text, "ratings": ratings}

    world.take(
        {"prompt": "A prime?", "responses": [rated("7", 5, 9), rated("9", 1, 9), rated("8", 1, 2)]},
        kind="candidates",
    )
    assert world.labels() == [("ada", "7"), ("ada", "7"), ("ada", "tie")]
    votes = [(v.choice, v.score_a, v.score_b) for v in world.all(Vote)]
    assert votes == [("tie", 9, 9), ("a", 9, 2), ("a", 9, 2)]


def test_a_row_is_stored_whole_or_not_at_all(world: World) -> None:
    vote = {"judge": "j1", "family": "f1", "choice": "a"}
    world.take({**PRIME, "pair_id": "one", "votes": [vote]})
    other = {**PRIME, "response_b": "11", "labels": [{"annotator": "ada", "choice": "a"}]}
    said = world.take({**other, "votes": [{**vote, "family": "f2"}]}, {**other, "pair_id": "one"})
    assert "2 rejected" in said
    assert len(world.pairs()) == 1
    assert world.labels() == []


LATER = "2026-02-01T00:00:00Z"


def test_two_labels_of_one_person_that_no_time_orders_are_a_dispute(world: World) -> None:
    said = world.take(preferred("7", "9", annotator="ada"), preferred("9", "7", annotator="ada"))
    assert "1 contradicted by the same person, in dispute" in said
    assert world.settled() == []
    (task,) = world.all(Task)
    assert (task.status, task.reasons) == ("disputed", ["contradictory_labels"])
    again = world.take(preferred("7", "9", annotator="ada"))
    assert "0 labels" not in again
    assert len(world.all(Review)) == 2
    assert len(world.all(Task)) == 1


def test_a_dispute_of_one_person_holds_the_others_back_until_it_is_settled(world: World) -> None:
    world.take(*(preferred("7", "9", annotator=who) for who in ("ada", "bob", "cy")))
    assert world.settled() == ["7"]
    label = {"prompt": "Name a prime.", "chosen": "9", "rejected": "7", "annotator": "ada"}
    assert "in dispute" in world.take(label)
    assert world.settled() == []
    (task,) = world.all(Task)
    with world.database.begin() as session:
        chief = Annotator(name="chief", role=Role.ADJUDICATOR, domains=[])
        session.add(chief)
        session.flush()
        person = chief.id
    adjudicate(world.database, task.id, person, Choice.A, "7 is prime.")
    (pair,) = world.pairs()
    assert world.settled() == [pair.candidate_a.text]


def test_of_labels_with_times_the_newest_stands_and_that_is_said(world: World) -> None:
    said = world.take(
        preferred("7", "9", annotator="ada", created_at=LATER),
        preferred("9", "7", annotator="ada", created_at="2026-01-01T00:00:00Z"),
    )
    assert "1 said otherwise before by the same person, the newest stands" in said
    assert world.settled() == ["7"]
    assert "in dispute" in world.take(preferred("9", "7", annotator="ada"))


def test_a_dry_run_shows_the_first_rows_and_stores_nothing(world: World) -> None:
    system = {"role": "system", "content": "Be brief."}
    row = {
        "prompt": [system, {"role": "user", "content": "A prime?"}],
        "response_a": "7",
        "response_b": "9" * 400,
        "model_a": "m1",
        "winner": "model_a",
        "annotator": "ada",
        "colour": "red",
    }
    bad = {**row, "winner": "nobody"}
    shown = world.take(row, bad, more=("--dry-run",)).splitlines()
    assert shown[0].startswith("dry run, nothing was stored; pairs: 2 rows read: 1 new, 1 labels")
    assert "1 rejected (first: line 2: winner is 'nobody'" in shown[0]
    assert shown[1:] == [
        "in.jsonl: read as tiebreak; not read: colour",
        "row 1",
        "  prompt:",
        "    system: Be brief.",
        "    user: A prime?",
        "  A (m1): 7",
        f"  B: {'9' * 300}... (400 letters)",
        "  label: a by ada",
    ]
    assert world.pairs() == []
    assert not (world.folder / "in.jsonl.rejects.jsonl").exists()
    assert world.run("import", "pairs", world.file("bad.jsonl", bad), "--dry-run").exit_code == 1


def test_ratings_of_a_single_response_are_counted(world: World) -> None:
    ada, bob, judge = ({"annotator": "ada"}, {"annotator": "bob"}, {"judge": "j1"})
    responses = [
        {"text": "7", "ratings": [{**ada, "score": 4}, {**bob, "score": 3}, {**judge, "score": 1}]},
        {"text": "9", "ratings": [{**ada, "score": 2}]},
        {"text": "7", "ratings": [{**bob, "score": 1}]},
    ]
    row = {"prompt": "Name a prime.", "responses": responses}
    said = world.take(row, kind="candidates")
    assert "3 ratings of a single response made no choice" in said  # both of bob's are of "7"
    assert world.labels() == [("ada", "7")]


def test_scores_against_the_choice_are_left_out_or_kept_by_name(world: World) -> None:
    row = {"prompt": "Name a prime.", "chosen": "7", "rejected": "9"}
    row |= {"score_chosen": 3, "score_rejected": 8}
    said = world.take(row)
    assert "1 rejected" in said
    assert (
        "rejected has a higher score than chosen (score_rejected is 8, score_chosen is 3)" in said
    )
    said = world.take(row, more=("--ignore", "score_chosen", "--keep", "score_chosen"))
    assert "1 new, 1 labels" in said
    [pair] = world.pairs()
    assert pair.kept == {"score_chosen": 3, "score_rejected": 8}


@pytest.mark.parametrize(
    ("who", "said"), [("from", "value"), ("role", "value"), ("role", "text"), ("role", "content")]
)
def test_messages_are_read_by_one_table_of_words(world: World, who: str, said: str) -> None:
    def message(word: str, text: str) -> Row:
        return {who: word, said: text, "weight": 1}

    asked, poor = [message("Human", "Name a prime.")], [message("bot", "9")]
    good = [message("gpt", "7")]
    world.take({"prompt": asked, "response_a": good, "response_b": poor})
    world.take({"prompt": asked, "chosen": good, "rejected": poor})
    world.take({"chosen": asked + good, "rejected": asked + poor})
    world.take(
        {"q": asked, "x": good, "y": poor}, more=("--map", "prompt=q,response_a=x,response_b=y")
    )
    [pair] = world.pairs()
    assert pair.prompt.messages == [{"role": "user", "content": "Name a prime.", "weight": 1}]
    assert pair.candidate_a.messages == [{"role": "assistant", "content": "7", "weight": 1}]
    said_of = world.take({"prompt": [message("alien", "?")], "response_a": "7", "response_b": "9"})
    assert "1 rejected" in said_of
    assert "alien" in said_of


def test_two_ratings_of_single_responses_are_one_vote(world: World) -> None:
    world.take({**PRIME, "pair_id": 18}, {**PRIME, "pair_id": 19, "response_b": "8"})
    rating = {"pair_id": 18.0, "judge": "j1", "cost_usd": 0.01}
    said = world.take(
        {**rating, "response": "b", "rating": 2, "rationale": "9 is 3 * 3."},
        {"pair_id": 19, "judge": "j1", "score_a": 1, "score_b": 1},
        {**rating, "response": "model_a", "rating": 5},
        {"pair_id": 19, "judge": "j1", "response": "a", "score": 1},
        kind="votes",
    )
    assert "2 new" in said
    assert "'j1' rates response a of pair '19' alone; a vote needs both" in said
    tie, vote = world.all(Vote)
    assert (vote.choice, vote.score_a, vote.score_b) == ("a", 5, 2)
    assert (vote.rationale, vote.cost_nanousd) == ("b: 9 is 3 * 3.", 20_000_000)
    assert tie.choice == "tie"


def label_studio(**more: Any) -> Row:
    """A task of the tool with one annotation, whose one result has more keys."""
    value = {"selected": "right"}
    result = {"from_name": "c", "to_name": "answer1,answer2", "type": "pairwise", "value": value}
    data = {"prompt": "A prime?", "answer1": "9", "answer2": "7"}
    annotation = {"id": 1, "completed_by": 3, "result": [{**result, **more}], "ground_truth": True}
    return {"id": 7, "data": data, "annotations": [annotation]}


def test_a_key_inside_a_column_that_nothing_reads_is_named_or_refuses(world: World) -> None:
    said = world.take(label_studio(colour="red"))
    assert "not read: annotations.result.colour" in said
    assert "annotations.ground_truth" in said
    assert world.labels() == [("3", "7")]
    with pytest.raises(
        BadInput, match=r"annotations\.result\.rater_id \(looks like an annotator\)"
    ):
        world.take(label_studio(rater_id=5))
    more = ("--ignore", "annotations.result.rater_id")
    assert "1 duplicates" in world.take(label_studio(rater_id=5), more=more)


def test_a_key_left_inside_a_column_is_named_wherever_it_turns_up(world: World) -> None:
    """The shape of a file is told by its first 50 rows; this one stands behind them."""
    step = {"completions": [{"text": "7", "rating": 1}], "chosen_completion": 0}
    rows = [{"question": {"problem": f"{n}?"}, "label": {"steps": [step]}} for n in range(60)]
    late = {"completions": [{"text": "7", "rating": 1, "flagged": True}], "chosen_completion": 0}
    rows.append({"question": {"problem": "Odd?"}, "label": {"steps": [late]}})
    assert "label.steps.completions.flagged" in world.take(*rows, kind="steps")


def arrived(world: World) -> Taken:
    read_by = load(world.folder / "tiebreak.toml").inbox_options
    return take_in(world.database, world.folder / "inbox", None, lambda _: None, read_by)


def set_cycle(world: World, said: str, maps: str = "") -> None:
    file = world.folder / "tiebreak.toml"
    text = file.read_text("utf-8").replace("[cycle]\n", f"[cycle]\n{said}\n")
    file.write_text(f"{text}\n{maps}", "utf-8")


def test_the_inbox_is_told_columns_as_an_import_is(world: World) -> None:
    """`worker` would refuse each file, `campaign_id` too; the map is of pairs and no other kind."""
    set_cycle(
        world,
        'ignore = ["worker"]\nkeep = ["campaign_id"]\nmap = {pairs = "weekly"}',
        '[maps.weekly]\nprompt = "asked"\nresponse_a = "left_text"\nresponse_b = "right_text"\n'
        'pair_id = "number"',
    )
    (world.folder / "inbox").mkdir()
    row = {"asked": "A prime?", "left_text": "9", "right_text": "7", "number": "p1"}
    world.file("inbox/pairs-1.jsonl", {**row, "worker": "w1", "campaign_id": "c7"})
    vote = {"pair_id": "p1", "judge": "j1", "choice": "b"}
    world.file("inbox/votes-1.jsonl", {**vote, "worker": "w2"})
    config = load(world.folder / "tiebreak.toml")
    assert plan_cycle(config).new_pairs == 1
    taken = arrived(world)
    assert taken.refused == {}
    assert world.sides() == [("A prime?", "9", "7")]
    assert [pair.kept for pair in world.pairs()] == [{"campaign_id": "c7"}]
    assert [v.choice for v in world.all(Vote)] == ["b"]
    world.file("inbox/votes-2.jsonl", {**vote, "judge": "j2", "campaign_id": "c7"})
    assert "campaign_id (looks like an id)" in arrived(world).refused["votes-2.jsonl"]


@pytest.mark.parametrize(
    ("said", "maps", "reason"),
    [
        ('map = {pairs = "weekly"}', "", "there are none"),
        ('map = {votes = "odd"}', '[maps.odd]\nresponse_x = "left"', "which is no field"),
    ],
)
def test_a_cycle_that_names_no_mapping_does_not_begin(
    world: World, said: str, maps: str, reason: str
) -> None:
    set_cycle(world, said, maps)
    with pytest.raises(BadInput, match=rf"^\[cycle\] map of .*{reason}"):
        plan_cycle(load(world.folder / "tiebreak.toml"))


def test_the_inbox_reads_published_shapes_and_sets_aside_what_would_be_lost(world: World) -> None:
    (world.folder / "inbox").mkdir()
    instruction = {"instruction": "A prime?", "chosen": "7", "rejected": "9", "colour": "red"}
    world.file("inbox/pairs-1.jsonl", instruction)
    world.file("inbox/pairs-2.jsonl", {**PRIME, "worker": "ada"})
    taken = arrived(world)
    assert taken.read == ["pairs-1.jsonl: read as llama-factory-alpaca; not read: colour"]
    assert "worker (looks like an annotator)" in taken.refused["pairs-2.jsonl"]
    assert len(world.pairs()) == 1


@pytest.mark.parametrize("more", [{"chosen": "7"}, {"chosen_model": "m1"}, {"score_chosen": 9}])
def test_what_belongs_to_chosen_rows_is_not_lost_beside_two_sides(world: World, more: Row) -> None:
    said = world.take({**PRIME, **more})
    assert f"{next(iter(more))} stands beside response_a and response_b" in said
    assert world.pairs() == []


def test_a_second_id_of_a_vote_is_not_lost_in_silence(world: World) -> None:
    world.take({**PRIME, "pair_id": "p1"})
    vote = {"id": "v1", "pair_id": "p1", "judge": "j1", "winner": "model_b"}
    with pytest.raises(BadInput, match=r"id \(looks like an id\)"):
        world.take(vote, kind="votes")
    assert "1 new" in world.take(vote, kind="votes", more=("--ignore", "id"))
    assert [v.choice for v in world.all(Vote)] == ["b"]
