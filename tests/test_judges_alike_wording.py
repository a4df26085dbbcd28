"""What changes a question and what does not: numbers, names and ids do, punctuation does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.alike.groups import group
from judges.alike.misspelling import outline, same_but_for_slips, slip
from judges.alike.wording import HARD, joined, singular, words

HEATING = (
    "Please write a short and friendly message to my landlord about the broken heating in flat "
    "number {} and ask when it will be repaired, thank you"
)

SAME = [
    (HEATING.format(3), HEATING.format(3) + "."),
    ("Write a poem about the sea", "Can you write me a poem about the sea, please?"),
    ("Write a poem about the sea", "WRITE A POEM ABOUT THE SEA!!!"),
    ("Write a poem about the sea", "Hi there! I'd like you to write a poem about the sea. Thanks!"),
    ("Tell me a story about a dog", "Tell  me\na story about a dog"),
    ("Tell me a story about 5 dogs", "Ｔｅｌｌ me a story about ５ dogs"),
    ("Name seven rivers", "Name 7 rivers"),
    ("What is the capital of France?", "what's the capital of france"),
    ("Don't use commas", "Do not use commas"),
    ("List the advantages of a web site", "List the advantage of a website"),
    ("Organise the colours", "Organize the colors"),
    ("Write A Poem About Cats", "write a poem about cats"),
    ("Tell me about vitamin A", "tell me about vitamin a"),
    ("Hello. How can I learn French?", "Please, hello, how can I learn French"),
    ("I'm hungry, what do I eat", "I am hungry. What do I eat?"),
    ("Run 5km a day", "Run 5 km a day"),
    ("Do this AND that", "do this and that"),
    ("¿Cuál es la capital de Francia?", "Cual es la capital de Francia"),
    ("What are the symptoms of diabetes", "What are the symtoms of diabetes?"),
    ("**Translate** this to French: I am hungry", "Translate this to French: I am hungry"),
    ("- one\n- two\n# Title", "one two title"),
    ("Bitte schreibe einen Brief", "Schreibe einen Brief."),
    ("Escribe un poema, por favor", "Escribe un poema"),
    ("请写一首关于春天的诗", "请写一首关于春天的诗。"),
    ("写一首关于春天的诗", "请帮我写一首关于春天的诗，谢谢！"),
    ("春についての詩を書いて", "春についての詩を書いてください。"),
    ("เขียนบทกวีเกี่ยวกับฤดูใบไม้ผลิ", "กรุณาเขียนบทกวีเกี่ยวกับฤดูใบไม้ผลิครับ"),
    # slips and inflection
    ("What is the capital of France?", "Waht is the capital of France?"),
    ("Explain photosynthesis to a child", "Explain photosinthesis to a child"),
    ("How do I sort a list in a function", "How do I sort a list in a funtion"),
    ("Describe how you plan a party", "Describe how you planned a party"),
    (
        "請介紹一下光合作用的過程，並說明它對地球生態系統的重要性，以及人類活動如何影響植物進行光合作用的能力",
        "請介紹光合作用的過程，並且說明它對地球生態系統的重要性，以及人類活動如何影響植物進行光合作用的能力。",
    ),
]

APART = [
    (HEATING.format(3), HEATING.format(4)),
    (HEATING.format("three"), HEATING.format("four")),
    ("Name a number above 7", "Name a number above 9"),
    ("prompt 17 (multi-turn)", "prompt 18 (multi-turn)"),
    ("What is 1.5 times 3", "What is 15 times 3"),
    ("What is 5?", "What is -5?"),
    ("Solve x + 3 = 5", "Solve x - 3 = 5"),
    ("What happened on 2024-05-01?", "What happened on 2024-05-02?"),
    ("What happened on May 1?", "What happened on June 1?"),
    ("Name the first king", "Name the second king"),
    ("List World War I battles", "List World War II battles"),
    ("Write a letter to Maria", "Write a letter to Marie"),
    ("Tell me about Robert", "Tell me about Roberts"),
    ("Compare Paris with London", "Compare London with Paris"),
    ("Does a cat beat a dog?", "Does a dog beat a cat?"),
    ("Convert 10 km to miles", "Convert 10 miles to km"),
    ("Is it legal to copy this?", "Is it not legal to copy this?"),
    ("Why is the sky blue", "Why isn't the sky blue"),
    ("Can I copy this?", "Can't I copy this?"),
    ("Explain get_user_id()", "Explain get_user_ids()"),
    ("Explain getUserById in this code", "Explain getUserByIds in this code"),
    ("uuid 3f2a9c11-aa", "uuid 3f2a9c11-ab"),
    ("What is C++?", "What is C#?"),
    ("What is C?", "What is C++?"),
    ("Tell me about vitamin A", "Tell me about vitamin"),
    ("def foo(a, b): pass", "def foo(b, a): pass"),
    ("Is a greater than b", "Is b greater than a"),
    ("Tell me about the US economy", "Tell me about the economy"),
    ("What is in chapter ii", "What is in chapter iii"),
    ("x = y", "x == y"),
    ("напиши про кошку", "напиши про собаку"),
    ("گربه را بکش", "سگ را بکش"),
    ("Tell me about US trade", "Tell me about us trade in it"),
    ("Draw 🐱", "Draw 🐶"),
    ("Write a thank you note", "Write a note"),
    ("Write a poem about a cat", "Write a poem about a car"),
    ("Write a message to my boss", "Write a massage to my boss"),
    ("Describe the combustion of alkanes", "Describe the combustion of alkenes"),
    ("Explain macroeconomics in simple words", "Explain microeconomics in simple words"),
    ("Is hypertension dangerous?", "Is hypotension dangerous?"),
    ("Write a haiku about the employer", "Write a haiku about the employee"),
    ("请写信给三号公寓", "请写信给四号公寓"),
    ("请写信给3号公寓", "请写信给4号公寓"),
    ("给张伟写一封信", "给李伟写一封信"),
    ("他是好人", "他不是好人"),
    ("三月の詩を書いてください", "四月の詩を書いてください"),
    ("行くべきです", "行くべきではない"),
    ("ห้องหมายเลข ๓ มีปัญหา", "ห้องหมายเลข ๔ มีปัญหา"),
    ("เขาไป", "เขาไม่ไป"),
    ("?", "!"),
    ("+", "-"),
]


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_asks_the_same_is_one_group(one: str, other: str) -> None:
    assert group([("1", asked(one)), ("2", asked(other))]).names


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_asks_for_something_else_stays_apart(one: str, other: str) -> None:
    assert not group([("1", asked(one)), ("2", asked(other))]).names


def test_words_are_told_from_what_must_match() -> None:
    said = words("Please write to Maria, 2 flats (the web-site)!")
    assert said == ["write", "to", f"{HARD}maria", f"{HARD}2", "flats", "web", "site"]
    assert joined(said) == f"writeto{HARD}maria {HARD}2 flatwebsite"


@pytest.mark.parametrize(
    ("word", "root"),
    [("poems", "poem"), ("stories", "story"), ("boxes", "box"), ("glass", "glass"),
     ("analyse", "analyze"), ("colours", "color"), ("hour", "hour"), ("bus", "bus")],
)  # fmt: skip
def test_a_plural_loses_its_ending(word: str, root: str) -> None:
    assert singular(word) == root


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("receive", "recieve", True),  # swapped
        ("government", "goverment", True),  # dropped
        ("definitely", "definately", True),  # changed, ten letters
        ("writes", "writing", True),
        ("café", "cafe", True),
        ("minorities", "minorites", True),  # before its plural is taken off
        ("кошку", "собаку", False),
        ("pêche", "péché", False),
        ("angel", "angle", False),  # five letters, swapped
        ("country", "county", False),  # both right
        ("recipe", "recipie", True),
        ("nitrate", "nitrite", False),  # changed, seven letters
        ("complement", "compliment", False),  # both right
        ("parent", "patent", False),
        ("trainer", "trainee", False),  # the last letter
        ("legal", "illegal", False),  # the first
        ("form", "from", False),  # both frequent
    ],
)
def test_slips_are_long_words_one_letter_away(one: str, other: str, same: bool) -> None:
    assert slip(one, other) is same
    assert slip(other, one) is same
    assert not same or outline([one]) == outline([other])


def test_one_word_in_four_may_be_misspelt() -> None:
    right = words("describe the government of a country and its parliament to children")
    two = words("decsribe the goverment of a country and its parliament to children")
    three = words("decsribe the goverment of a country and its parliment to children")
    assert len(right) == 8  # without the, a, and: 8 // 4 = 2 are allowed
    assert same_but_for_slips(right, two)
    assert not same_but_for_slips(right, three)


@given(
    st.text("aàeéioursntdln", min_size=2, max_size=9),
    st.integers(0, 8),
    st.sampled_from(["", "s", "e", "é", "ed", "ing", "ies", "à"]),
)
def test_slips_leave_the_outline(word: str, at: int, put: str) -> None:
    other = (
        word[:at] + put + word[at + 1 :],
        word[:at] + put + word[at:],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        word + put,
    )
    for each in other:
        assert not (each and slip(word, each)) or outline([word]) == outline([each])


def test_the_outline_holds_what_must_match_and_is_none_where_characters_may_be_missing() -> None:
    assert outline(words("Écrire 3 poems about élan in Rome")) == f"e {HARD}3 p a e in {HARD}rome"
    assert outline(words("写一首诗")) is None
