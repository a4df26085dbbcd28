"""Thinking never counts, and what wraps an answer changes nothing of what it says."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
import random
import time

import pytest
from campaign import forgeries, honest_answers
from hypothesis import given
from hypothesis import strategies as st

from db.vocabulary import Choice, Order
from judges.asking import Answer
from judges.reading.mending import latex, mended
from judges.reading.thinking import parted
from judges.verdicts import dump, load, read

OWN = '{"reasoning": "R", "verdict": "2", "strength": "much", "both_bad": false, "confidence": 90}'
DRAFT = OWN.replace('"2"', '"1"')
MENU = {"1": Choice.A, "2": Choice.B, "tie": Choice.TIE}

THOUGHTS: dict[str, str] = {
    "think": f"<think>{DRAFT}</think>",
    "thinking": f"\n<thinking>\n{DRAFT}\n</thinking>\n\n",
    "reasoning": "<reasoning>VERDICT: 1</reasoning>\n",
    "small and large": "<THINK>VERDICT: 1</Think>\n",
    "with an attribute": f'<think effort="high">{DRAFT}</think>\n',
    "another closes": f"<think>{DRAFT}</thinking>\n",
    "ByteDance": f"<seed:think>{DRAFT}</seed:think>",
    "Mistral": f"[THINK]{DRAFT}[/THINK]",
    "Kimi": f"◁think▷{DRAFT}◁/think▷",
    "Cohere": f"<|START_THINKING|>{DRAFT}<|END_THINKING|>",
    "a thought": f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>\n\n",
    "MedGemma": f"<unused94>thought\n{DRAFT}<unused95>",
    "Gemma": f"<|channel>thought\n{DRAFT}<channel|>",
    "channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>",
    "two channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>commentary<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>",
    "channels without their marks": f"analysisWe need it: {DRAFT}.assistantfinal",
    "empty": "<think>\n\n</think>\n\n",
    "two": f"<think>{DRAFT}</think>\n<think>VERDICT: 1</think>\n",
    "nothing opened, nothing thought": "</think>\n\n",
}  # fmt: skip


@pytest.mark.parametrize("thought", THOUGHTS.values(), ids=THOUGHTS)
@pytest.mark.parametrize(
    "own", [OWN, f"```json\n{OWN}\n```", "Because.\nVERDICT: 2", "2", "<answer>2</answer>"]
)
def test_marked_thinking_is_cut_and_kept_apart(thought: str, own: str) -> None:
    text, kept = parted(thought + own)
    assert text.strip() == own
    assert kept is not None
    answer = Answer(text, thinking=kept)
    again = load(dump(answer))
    assert again == answer
    for one in (answer, again, Answer(thought + own)):  # stored whole by an older version
        assert read(one, Order.AB).choice is Choice.B


@pytest.mark.parametrize(
    "thought", [t for n, t in THOUGHTS.items() if "nothing" not in n and "channels" not in n]
)
def test_thinking_that_never_ends_is_no_answer(thought: str) -> None:
    opening = thought[: thought.find(DRAFT)] if DRAFT in thought else "<think>"
    text, kept = parted(opening + DRAFT)
    found = read(Answer(text, thinking=kept), Order.AB)
    assert (found.choice, found.reason) == (Choice.ABSTAIN, "no answer: it only thought")


DOUBTFUL: list[tuple[str, Choice, str | None]] = [
    # A template that opens the thinking itself leaves only the mark that closes it.
    (f"First this, then that.\n</think>\n\n{OWN}", Choice.B, None),
    (f"{OWN}\nYes.\n</think>\n\n{OWN}", Choice.B, None),
    (f"{DRAFT}\nNo.\n</think>\n\n{OWN}", Choice.ABSTAIN, "several verdicts: '1', '2'"),
    (f"{DRAFT}\nNo.\n</think>\n\nResponse 2 is better.", Choice.ABSTAIN, "the verdict stands among what may be thinking"),
    ("VERDICT: 2\nIt says:\n</think>\nVERDICT: 1", Choice.ABSTAIN, "several verdicts: '1', '2'"),
    (f"Sure.\n<think>\n{OWN}\n</think>\nVERDICT: 2", Choice.B, None),
    (f"Sure.\n<think>\n{DRAFT}\n</think>\nVERDICT: 2", Choice.ABSTAIN, "several verdicts: '1', '2'"),
    # Marks that are spoken of.
    ('{"reasoning": "It has </think> in it", "verdict": "2"}', Choice.B, None),
    ("Response 1 begins with <think> and never ends.\nVERDICT: 2", Choice.B, None),
    ('VERDICT: 2 (slightly)\n\nResponse 1 leaves "</think>" in it.', Choice.B, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "choice", "reason"), DOUBTFUL)
def test_what_may_be_thinking_contradicts_and_does_not_count(
    text: str, choice: Choice, reason: str | None
) -> None:
    found = read(Answer(text), Order.AB)
    assert (found.choice, found.reason) == (choice, reason)


def test_a_draft_in_thinking_is_no_verdict() -> None:
    draft = '{"reasoning":"maybe","verdict":"1","strength":"much","both_bad":false,"confidence":55}'
    text = f"<think>Draft: {draft}. No, the second is right.</think>\nResponse 2 is better."
    assert read(Answer(text), Order.AB).choice is Choice.ABSTAIN


MENDED: list[tuple[str, str | None]] = [
    (r'{"reasoning": "\(\frac{1}{2}\)", "verdict": "2"}', r"\(\frac{1}{2}\)"),
    (r'{"reasoning": "$\beta \theta \nu \nabla \rho \times \text{x}$", "verdict": "2"}', r"$\beta \theta \nu \nabla \rho \times \text{x}$"),
    (r'{"reasoning": "\\(\\alpha\\)\nNext\tline", "verdict": "2"}', "\\(\\alpha\\)\nNext\tline"),
    (r'{"reasoning": "\usepackage \alpha \' \"x\" y", "verdict": "2"}', r"""\usepackage \alpha ' "x" y"""),
    ('{"reasoning": "one\nline\tmore", "verdict": "2"}', "one\nline\tmore"),
    ('{"reasoning": "a", "verdict": "2",}', "a"),
    ('{"reasoning": "a, }", /* so */ "verdict": "2" // done\n}', "a, }"),
    ('{ // so\n"reasoning": "http://x", "verdict": "2"}', "http://x"),
    (OWN + "}", "R"),
    ("{" + OWN + "}", "R"),
    (OWN[:-1], "R"),
    (OWN + OWN, "R"),
    (f"{OWN}\n\n{OWN}", "R"),
    ("\ufeff" + OWN, "R"),
    ("\ufeff2", None),
    (f"<answer>{OWN}</answer>", "R"),
    (f"[{OWN}]", "R"),
    ("{'reasoning': \"it's\", 'verdict': '2', 'both_bad': False, 'x': None}", "it's"),
    ("Well:\n```python\n{'reasoning': 'a', 'verdict': '2'}\n```", "a"),
    ("{“reasoning”：“好”，“verdict”：“2”}", "好"),
    ('{"reasoning"："好"，"verdict"："2"}', "好"),
    ('{"reasoning": “x”, "verdict": “2”}', "x"),
    ('{"reasoning":"a","verdict":"2","confidence":NaN}', "a"),
    ("{\"verdict\": '2', \"reasoning\": \"a\"}", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reasoning"), MENDED)
def test_what_leaves_one_reading_is_read(text: str, reasoning: str | None) -> None:
    found = read(Answer(text), Order.AB)
    assert (found.choice, found.rationale) == (Choice.B, reasoning)


@pytest.mark.parametrize(
    "text",
    [
        "{'reasoning': 'says \"verdict\": \"1\"', 'verdict': '2'}",
        "{'reasoning': 'It says } {\"verdict\": \"1\"}', 'verdict': '2'}",
        "{'reasoning': 'It says {\"verdict\": \"1\"}', 'verdict': '2'}",
        "{'reasoning': 'It's so', 'verdict': '2'}",
        "{'reasoning': 'a', 'verdict': '2'}\nIt says {\"verdict\": \"1\"}",
        '{"reasoning": "says "so" there", "verdict": "2"}',
        '{"verdict": "1"} // {"verdict": "2"}',
    ],
)
def test_what_leaves_two_readings_is_an_abstain(text: str) -> None:
    assert read(Answer(text), Order.AB).choice is Choice.ABSTAIN


@given(st.text(alphabet=st.sampled_from("\"'“”＂\\{}[]:,/*TNn \n12ab")))
def test_mending_raises_for_nothing_and_leaves_json_what_it_says(text: str) -> None:
    mended(text)
    whole = json.dumps({"a": [text, 1, None, True, {"b": text}]}, ensure_ascii=False)
    assert json.loads(mended(whole)) == json.loads(whole)


@given(st.text(), st.sampled_from(["\\frac", "\\beta", "\\theta", "\\nabla", "\\rho"]))
def test_a_command_of_latex_reads_as_it_was_written(text: str, command: str) -> None:
    words = text.translate(dict.fromkeys(map(ord, "\f\b\n\t\r\\\"'{}")))
    said = json.loads('"' + json.dumps(words)[1:-1] + command + '{x}"')
    assert latex(said) == words + command + "{x}"


@pytest.mark.parametrize("name", honest_answers.SHAPES)
def test_every_honest_answer_reads_the_same_behind_thinking(name: str) -> None:
    rng = random.Random(name)
    for verdict in ("1", "2", "tie"):
        own = honest_answers.SHAPES[name](rng.choice(honest_answers.REASONS), verdict)
        bare = read(Answer(own), Order.AB)
        for thought in THOUGHTS.values():
            found = read(Answer(thought + own), Order.AB)
            assert (found.choice, found.strength) == (MENU[verdict], bare.strength)
            assert found.confidence == bare.confidence


PIECES = [
    *THOUGHTS.values(),
    *forgeries.THOUGHTS,
    *forgeries.FORMATS,
    OWN,
    DRAFT,
    "\n",
    "> ",
    "```\n",
    "x",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_no_mixture_raises_and_reading_again_says_the_same(pieces: list[str]) -> None:
    text, thinking = parted("".join(pieces))
    answer = Answer(text, thinking=thinking)
    found = read(answer, Order.AB)
    assert found == read(load(dump(answer)), Order.AB)
    assert not (found.reason or "").startswith("cannot be read")


@pytest.mark.parametrize("behaviour", forgeries.THINKING)
def test_no_quoted_mark_of_thinking_forges_a_verdict(behaviour: str) -> None:
    texts = forgeries.hostile(150, formats=forgeries.FORMATS + forgeries.THOUGHTS)
    assert not forgeries.outcomes(forgeries.THINKING[behaviour], texts)["forged"]


SLOW = {
    "openings": "<think>" * 60_000,
    "openings on lines": "\n<think>" * 60_000,
    "closings": "</think>" * 60_000,
    "blocks": "x" + "\n<think>a</think>" * 30_000,
    "odd braces": "{'" * 150_000,
    "odd objects": "{'a':'b'}" * 40_000,
    "comments": '{"a": ' + "/*" * 200_000,
    "commented braces": "{/*" * 150_000,
    "commas": '{"a":' + ", " * 200_000 + "}",
    "blanks": '{"a":' + "," + " " * 400_000 + "x}",
    "curly marks": "{“" * 200_000,
    "escapes": "{'" + "\\'" * 150_000 + "\\",
    "tags": "<answer>" + "</answer" * 50_000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_reading_is_linear_in_what_wraps_an_answer(text: str) -> None:
    started = time.process_time()
    read(Answer(text), Order.AB)
    assert time.process_time() - started < 5
