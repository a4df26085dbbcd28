"""No leak: groups in one place, gold in none, no gold answer in a prompt; and a second look."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_worlds import take
from sqlalchemy import select as sql_select

from db.errors import Conflict
from db.gold import GoldSet, draw_gold, gold_set
from db.models import Gold, Pair, Prompt
from db.prompts import StoredPrompts
from db.session import Database
from db.vocabulary import Choice
from judges.alike.groups import Groups, group, group_of
from judges.alike.turns import turns
from review.merge import merge
from review.settings import ReviewSettings
from trainer import steps
from trainer.export.answers import GoldAnswers
from trainer.export.check import LeakCheck
from trainer.export.dataset import read_manifest, read_split
from trainer.export.leakage import ANSWER, NEAR, SAME, keep_apart, leaks
from trainer.export.selection import ExportOptions, split_of

Row = dict[str, Any]
SPLITS = ("train", "validation", "test")
HEATING = (
    "Please write a short and friendly message to my landlord about the broken heating in flat "
    "number {} and ask when it will be repaired, thank you"
)
LONG = "It tacks: the keel turns the sideways push of the wind into a way forward, ever closer."


def asked(text: str) -> list[Row]:
    return [{"role": "user", "content": text}]


def talk(*texts: str) -> list[Row]:
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def growing(conversations: int) -> list[Row]:
    """Each conversation at three lengths; the better answer stands in the next prompt."""
    rows = []
    for c in range(conversations):
        said = [f"Tell me about planet number {c} please."]
        for turn in range(3):
            rows.append(
                {
                    "prompt": talk(*said),
                    "chosen": [{"role": "assistant", "content": f"good answer {c} {turn}"}],
                    "rejected": [{"role": "assistant", "content": f"bad answer {c} {turn}"}],
                }
            )
            said += [f"good answer {c} {turn}", f"And detail {turn}?"]
    return rows


def twins(flats: int) -> list[Row]:
    """Prompts of one template, each with and without a full stop."""
    return [
        {
            "pair_id": f"n{flat}-{dot}",
            "prompt": HEATING.format(flat) + "." * dot,
            "chosen": f"x{flat}{dot}",
            "rejected": f"y{flat}{dot}",
        }
        for flat in range(flats)
        for dot in range(2)
    ]


def settled(database: Database, folder: Path, rows: list[Row]) -> None:
    take(database, "pairs", folder / "in.jsonl", rows)
    merge(database, ReviewSettings())


def exported(folder: Path) -> dict[str, list[Row]]:
    return {split: read_split(folder, split) for split in SPLITS}


def test_conversations_that_grow_stand_in_one_place(database: Database, tmp_path: Path) -> None:
    settled(database, tmp_path, growing(60))
    with database.begin() as session:
        drawn = draw_gold(session, 0.2, 7, group_of(StoredPrompts(session)))
        gold = {m[0]["content"] for m in gold_set(session).prompts.values()}
        answers = gold_set(session).answers
    assert (drawn.prompts, drawn.groups) == (36, 12)  # a fifth of 180, three each
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0.2, test=0.2))
    rows = exported(tmp_path / "out")
    places = {
        split: {row["prompt"][0]["content"] for row in found} for split, found in rows.items()
    }
    assert all(places.values())
    assert not places["train"] & (places["validation"] | places["test"])
    assert not places["validation"] & places["test"]
    assert not gold & set().union(*places.values())
    said = {m["content"] for found in rows.values() for row in found for m in row["prompt"]}
    assert len(answers) == 72
    assert not answers & said
    assert sum(map(len, rows.values())) == 144
    assert done.left_out == {"gold": 36}


def test_a_full_stop_parts_no_prompts_and_a_number_does(database: Database, tmp_path: Path) -> None:
    settled(database, tmp_path, twins(60))
    steps.export(database, tmp_path / "out", ExportOptions(validation=0.2, test=0.2))
    rows = exported(tmp_path / "out")
    flats = {
        split: [row["meta"]["pair_id"].split("-")[0] for row in found]
        for split, found in rows.items()
    }
    assert all(flats.values())  # sixty flats are sixty groups, not one
    for found in flats.values():
        assert {found.count(flat) for flat in found} == {2}


def test_the_card_and_the_manifest_state_the_check(database: Database, tmp_path: Path) -> None:
    settled(database, tmp_path, twins(3))
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    told = read_manifest(tmp_path / "out")["leaks"]
    assert told["prompts"] == told["prompts_in_groups"] == told["prompts_checked"] == 6
    assert (told["groups"], told["largest_group"], told["leaks_found"]) == (3, 2, 0)
    assert len(told["large_groups"]) == 3  # two of six
    card = (tmp_path / "out" / "README.md").read_text()
    assert "more\nthan 50% of the rest" in card
    assert "| checked | 6 |\n| leaks found | 0 |" in card
    assert "2 prompts (33%) are one group" in done.summary


def test_what_shares_a_group_with_gold_or_holds_its_answer_is_left_out(
    database: Database, tmp_path: Path
) -> None:
    rows = [
        {"pair_id": "gold", "prompt": "How does a boat go against the wind?",
         "chosen": LONG, "rejected": "It does not."},
        {"pair_id": "near", "prompt": "how does a boat go against the wind", "chosen": "a",
         "rejected": "b"},
        {"pair_id": "turn", "prompt": talk("Do rafts sail upwind?", "It does not.", "Why?"),
         "chosen": "a", "rejected": "b"},
        {"pair_id": "quote", "prompt": f"Make this shorter:\n{LONG} And more.", "chosen": "a",
         "rejected": "b"},
        {"pair_id": "short", "prompt": "He said: It does not. Is he right?", "chosen": "a",
         "rejected": "b"},
    ]  # fmt: skip
    settled(database, tmp_path, rows)
    take(database, "gold", tmp_path / "g.jsonl", [{"pair_id": "gold", "choice": "a"}])
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    assert done.left_out == {"gold": 1, "near_gold": 1, "gold_answer": 2}
    assert "2 of prompts that hold a gold answer" in done.summary
    assert [row["meta"]["pair_id"] for row in exported(tmp_path / "out")["train"]] == ["short"]


def test_leaks_are_told_by_prompt_and_by_group() -> None:
    gold = {"9": asked("Tell me about moon 1")}
    prompts = {"1": asked("tell me about moon 1!"), "2": asked("Tell me about moon 2"), **gold}
    assert leaks(prompts, gold) == {"1": NEAR, "9": SAME}
    assert leaks(prompts, {}) == {}
    held = keep_apart(
        [("3", talk("Hi", "So it is.", "Why?"))], GoldSet(answers=frozenset(["So it is."]))
    )
    assert held.leaking == {"3": ANSWER}


@pytest.mark.parametrize(
    ("text", "stands"),
    [(LONG, True), (f"He said \u201c{LONG}\u201d", True), (LONG.replace(" ", "\n  "), True),
     (LONG[:-1], False), (LONG.upper(), False), ("It does not.", False)],
)  # fmt: skip
def test_a_long_answer_is_found_anywhere_and_a_short_one_as_a_turn(text: str, stands: bool) -> None:
    answers = GoldAnswers([LONG, "It does not.", ""])
    assert answers.stand_in(asked(text)) is stands
    assert answers.stand_in(talk("Why?", "It  does not.", "So?"))
    assert not GoldAnswers([]).stand_in(asked(text))


def check(*placed: tuple[str, str, list[Row]], gold: GoldSet | None = None) -> None:
    looked = LeakCheck(gold or GoldSet())
    for place, key, messages in placed:
        looked.add(place, key * 12, messages)
    looked.require_none()


def test_the_second_look_finds_what_was_parted() -> None:
    one, grown = talk("Tell me about Mars"), talk("tell me  about mars.", "It is far.", "How far?")
    check(("train", "a", one), ("train", "b", grown), ("test", "c", talk("Tell me about Venus")))
    with pytest.raises(
        Conflict, match=r"prompt aaaaaaaaaaaa \(train\) is prompt b+ \(test\) or its"
    ):
        check(("train", "a", one), ("test", "b", grown))
    with pytest.raises(Conflict, match=r"prompt b+ \(train\) is prompt a+ \(validation\)"):
        check(("validation", "a", one), ("train", "b", one))
    with pytest.raises(Conflict, match=r"\(gold\)"):
        check(("pairs", "b", grown), gold=GoldSet(prompts={"a" * 12: one}))
    with pytest.raises(Conflict, match=r"a gold answer stands in prompt b+"):
        check(("train", "b", grown), gold=GoldSet(answers=frozenset(["It is far."])))
    check(("pairs", "a", one), ("test", "b", grown))  # shown without a label, nothing is learnt


def test_an_export_with_a_leak_writes_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the groups not found, the second look would still refuse."""
    settled(database, tmp_path, twins(60))
    monkeypatch.setattr("trainer.export.leakage.group", lambda prompts: Groups())
    with pytest.raises(Conflict, match="they must not stand apart; nothing was written"):
        steps.export(database, tmp_path / "out", ExportOptions(validation=0.2, test=0.2))
    assert not (tmp_path / "out").exists()


def test_a_new_turn_moves_no_conversation() -> None:
    """Growth changes no split: 40 conversations, one turn more each."""
    grown = {row["chosen"][0]["content"]: row["prompt"] for row in growing(40)}
    short = {key: messages for key, messages in grown.items() if len(messages) < 5}
    before, after = group(short.items()), group(grown.items())
    assert all(after.of(key) == before.of(key) for key in short)


TEXTS = st.sampled_from(["Tell me about Mars", "tell me about mars.", "Tell me about moon 1", "Hi",
                         "Tell me about moon 2", "It is far.", "How far?", "Thanks"])  # fmt: skip


@given(
    st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=12, unique_by=tuple),
    st.integers(0, 3),
    st.sampled_from([0, 7]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_second_look_never_contradicts_the_groups(
    said: list[list[str]], frozen: int, seed: int
) -> None:
    """Whatever is exported by groups passes the check: it asks for nothing more than they keep."""
    prompts = {f"{i:012x}": talk(*texts) for i, texts in enumerate(said)}
    gold = GoldSet(prompts=dict(list(prompts.items())[:frozen]))
    apart = keep_apart(prompts.items(), gold)
    options = ExportOptions(seed=seed, validation=0.3, test=0.3)
    looked = LeakCheck(gold)
    for key, messages in prompts.items():
        if key not in apart.leaking:
            looked.add(split_of(apart.groups.of(key), options), key, messages)
    looked.require_none()


def test_ties_are_split_as_their_group(database: Database, tmp_path: Path) -> None:
    settled(database, tmp_path, twins(5))
    steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    groups = {row["meta"]["group"] for row in exported(tmp_path / "out")["train"]}
    with database.read() as session:
        known = set(session.scalars(sql_select(Prompt.content_hash)))
    assert len(groups) == 5
    assert groups < known


def test_gold_knows_both_responses_of_its_pairs(database: Database, tmp_path: Path) -> None:
    trajectory = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function",
         "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
    ]  # fmt: skip
    row = {"pair_id": "one", "prompt": "Weather?", "response_a": trajectory, "response_b": "Dunno"}
    take(database, "pairs", tmp_path / "p.jsonl", [row])
    with database.begin() as session:
        pair = session.scalars(sql_select(Pair)).one()
        session.add(Gold(pair_id=pair.id, choice=Choice.A, how={}))
        session.flush()
        found = gold_set(session)
    assert found.answers == {"It rains.", "Dunno"}
    assert [turns(m)[0].text for m in found.prompts.values()] == ["Weather?"]
