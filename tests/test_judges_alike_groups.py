"""Groups of prompts: growing conversations, shared beginnings, templates; in any order the same."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.alike import groups as grouping
from judges.alike.groups import Groups, group
from judges.alike.sketches import key_pairs, sketches
from judges.alike.turns import Turn, turns

Messages = list[dict[str, Any]]


def talk(*texts: str, system: str | None = None) -> Messages:
    """A conversation: user, assistant, user and so on."""
    said = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *said] if system else said


def together(*conversations: Messages) -> bool:
    """Whether all are one group."""
    found = group([(str(i), each) for i, each in enumerate(conversations)])
    return len({found.of(str(i)) for i in range(len(conversations))}) == 1


def test_a_conversation_that_grows_is_one_group_named_by_its_shortest() -> None:
    prompts = [
        (f"{planet}-{turns}", talk(*_planet(planet)[: 2 * turns + 1]))
        for planet in range(30)
        for turns in range(3)
    ]
    found = group(prompts)
    assert found.prompts == 90
    assert {found.of(key) for key, _ in prompts} == {f"{planet}-0" for planet in range(30)}
    assert set(found.sizes().values()) == {3}


def _planet(n: int) -> list[str]:
    return [f"Tell me about planet number {n} please.", f"good answer {n} 0", "And detail 0?",
            f"good answer {n} 1", "And detail 1?"]  # fmt: skip


def test_a_shared_first_question_needs_most_of_the_rest() -> None:
    question = "Explain how a sailing boat can go against the wind"
    long = "It tacks: the keel turns the sideways push of the wind into forward motion. " * 3
    assert together(talk(question, long, "And a raft?"), talk(question, long, "Who found out?"))
    raft, story = "Then why do rafts never manage to?", "Tell a pirate story in which that matters"
    assert not together(talk(question, "By tacking.", raft), talk(question, "Zigzag.", story))
    assert together(talk(question, "By tacking.", "And a raft?"),
                    talk(question, "It goes zigzag, with a keel.", "And a raft?"))  # fmt: skip
    middle = ["It does.", "Show it in a table please", long, "Shorter"]
    other = ["Yes.", "Draw me a little diagram", long, "Longer, with sources"]
    assert together(talk(question, *middle), talk(question, *other))


def test_small_talk_makes_no_conversation_the_same() -> None:
    hello = "Hello! How can I help you today?"
    assert not together(talk("Hi", hello, "Sort a list"), talk("Hi", hello, "Write a poem"))
    assert together(talk("Hi"), talk("hi!", hello, "Sort a list"))  # one begins with the other


def test_system_messages_are_part_of_what_is_asked() -> None:
    plain, pirate = (
        talk("Introduce yourself"),
        talk("Introduce yourself", system="You are a pirate"),
    )
    judge = talk("Introduce yourself", system="You are a judge")
    assert together(plain, pirate)
    assert not together(pirate, judge)
    assert together(pirate, talk("Introduce yourself", system="you are a pirate."))
    assert not together(
        talk("Sort this", system="Be brief"), talk("Write a poem", system="Be brief")
    )
    assert together(talk("Sort this", "So", "Now that", system="Be brief"),
                    talk("Sort this", "So", "Now that", system="Be long"))  # fmt: skip


def test_tool_calls_are_part_of_a_turn() -> None:
    def call(city: str) -> Messages:
        asked = {"type": "function", "function": {"name": "w", "arguments": f'{{"c": "{city}"}}'}}
        return [*talk("What is the weather?"),
                {"role": "assistant", "content": None, "tool_calls": [asked]},
                {"role": "tool", "content": f"sunny in {city}"}]  # fmt: skip

    assert together(call("Rome"), [*call("Rome"), *talk("Thanks", "Welcome", "And tomorrow?")])
    assert not together(call("Rome"), call("Oslo"))
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "the weather?"}]
    assert together(talk("What is the weather?"), [{"role": "user", "content": parts}])


@pytest.mark.parametrize(
    "transcript",
    [
        "\n\nHuman: Why?\n\nAssistant: So.\n\nHuman: And then?\n\nAssistant:",
        "user: Why?\n\nassistant: So.\n\nuser: And then?",
        "### Human: Why?\n### Assistant: So.\n### Human: And then?",
        "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>\n"
        "<|im_start|>user\nAnd then?<|im_end|>\n<|im_start|>assistant\n",
        "用户：Why?\n助手：So.\n用户：And then?",
    ],
)
def test_a_transcript_in_one_text_is_a_conversation(transcript: str) -> None:
    messages = talk(transcript)
    assert turns(messages) == [Turn("user", "Why?"), Turn("assistant", "So."),
                               Turn("user", "And then?")]  # fmt: skip
    assert together(messages, talk("Why?"), talk("Why?", "So.", "And then?"))


def test_a_text_that_only_mentions_speakers_is_one_turn() -> None:
    assert len(turns(talk("User stories: what are they?"))) == 1
    assert len(turns(talk("Rate this.\nHuman: hi\nAssistant: hello"))) == 1
    assert len(turns(talk("Assistant: hello"))) == 1


def test_templates_do_not_swallow_each_other() -> None:
    frame = "Please define the following English word for a ten year old child, with an example: "
    letters = "bcdfglmnprst"
    made = [f"{a}a{b}i{c}er" for a in letters for b in letters for c in letters][:1000]
    found = group([(word, talk(frame + word)) for word in made])
    assert not found.large
    flats = [(str(i), talk(f"Write to NAME about flat {i}, which is cold")) for i in range(1000)]
    assert not group(flats).names


def test_a_large_group_is_named_with_its_share() -> None:
    same = [(f"a{i}", talk("Tell me about the moon" + "!" * i)) for i in range(6)]
    rest = [(f"b{i}", talk(f"Tell me about star {i}")) for i in range(94)]
    (large,) = group(same + rest).large
    assert (large.prompts, large.share, large.begins) == (6, 0.06, "Tell me about the moon")
    assert large.told.startswith("6 prompts (6%) are one group")
    assert not group(same + rest + [(f"c{i}", talk(f"Star {i}?")) for i in range(20)]).large


def test_no_prompt_and_an_empty_one() -> None:
    assert group([]) == Groups()
    assert group([("1", []), ("2", []), ("3", talk(""))]).names == {}


SAID = st.sampled_from(
    ["Tell me about the moon", "tell me about the moon.", "Tell me about moon 2", "So it is", "No",
     "Explain the government of France", "Explain the goverment of France", "Hi"]
)  # fmt: skip


@given(st.lists(st.lists(SAID, min_size=1, max_size=4), max_size=12), st.randoms())
@settings(deadline=None)
def test_the_order_of_prompts_changes_nothing(said: list[list[str]], rng: random.Random) -> None:
    prompts = [(f"{i:02d}", talk(*texts)) for i, texts in enumerate(said)]
    shuffled = rng.sample(prompts, len(prompts))
    assert group(prompts) == group(shuffled)


@given(st.lists(st.lists(SAID, min_size=1, max_size=4), min_size=1, max_size=10))
@settings(deadline=None)
def test_a_new_prompt_never_parts_a_group(said: list[list[str]]) -> None:
    prompts = [(f"{i:02d}", talk(*texts)) for i, texts in enumerate(said)]
    before, after = group(prompts[:-1]), group(prompts)
    for one, _ in prompts[:-1]:
        for other, _ in prompts[:-1]:
            assert before.of(one) != before.of(other) or after.of(one) == after.of(other)


def test_slips_are_looked_for_in_rounds_of_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "_TEXTS", 4)
    text = "Explain how the government of country {} collects the taxes on wine and bread"
    prompts = [
        (f"{i}{slip}", talk(text.format(i).replace("government", slip)))
        for i in range(9)
        for slip in ("government", "goverment")
    ]
    assert set(group(prompts).sizes().values()) == {2}
    assert len(group(prompts).sizes()) == 9


def test_slips_are_found_in_a_crowd_of_one_outline() -> None:
    text = "Explain how the {} of small towns collects {} taxes on wine and bread in winter"
    odd = [f"{a}{b}tter" for a in "bp" for b in ("i", "a", "e", "u", "o", "la", "li", "lo", "ra")]
    prompts = [
        (f"{word}{slip}", talk(text.format(slip, f"{word}{word}")))
        for word in odd
        for slip in ("government", "goverment")
    ]
    found = group(prompts)
    for word in odd:  # nine wordings of each slip share one outline: 18, a crowd
        assert found.of(f"{word}government") == found.of(f"{word}goverment")
    assert group(prompts[::-1]).sizes().total() == found.sizes().total()


def test_nearly_the_same_text_shares_a_sketch() -> None:
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = ["".join(rng.choices(letters, k=400)) for _ in range(50)]
    changed = [text[:200] + "!" + text[201:] for text in texts]  # 5 of 396 shingles: 0.975 alike
    same = (sketches(texts) == sketches(changed)).any(axis=1)
    assert same.all()  # each misses with (1 - .975⁶)^12 = 1e-10
    assert not (sketches(texts) == sketches(texts[1:] + texts[:1])).any()
    assert (sketches(["", "ab"]) == sketches(["", "ab"])).all()
    apart = np.array_equal(sketches(["ab" * 9, "cd" * 9]), sketches(["ab" * 9 + "cd" * 9, ""]))
    assert not apart


def test_keys_in_common_make_pairs_and_a_crowd_neighbours() -> None:
    keys = np.array([5, 7, 5, 5], np.uint64)
    assert {tuple(sorted(pair)) for pair in key_pairs(keys, np.arange(4)).tolist()} == {
        (0, 2), (0, 3), (2, 3),
    }  # fmt: skip
    crowd = key_pairs(np.zeros(100, np.uint64), np.arange(100)[::-1])
    assert len(crowd) == 99
    assert (np.abs(np.diff(crowd, axis=1)) == 1).all()
