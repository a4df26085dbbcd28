"""Where two dialogues part: the shared beginning is the prompt, the rest are the responses.

The rule: the prompt is the longest shared beginning after which both sides go on with an assistant
message. A response is all that follows, one message or several. So two dialogues that part at an
earlier turn than the last are two trajectories, the later user turns included.
"""

from collections.abc import Sequence
from typing import Any

from db.conversation import Messages
from db.imports.dialogues import split_dialogues, with_prompt
from db.imports.fields import BadRow
from db.imports.speakers import told

Parted = tuple[Any, Any, Any]
"""Prompt and two responses; each a text or messages."""


def separated(prompt: Any, first: Any, second: Any) -> Parted:
    """Prompt and responses of a row whose prompt may stand apart or inside both responses.

    A prompt that stands apart from whole dialogues must be said in their shared beginning, and is
    not doubled. Raises BadRow where there is no prompt, or another one.
    """
    prompt = None if prompt == [] else prompt
    if isinstance(first, str) and isinstance(second, str):
        return parted_texts(first, second) if prompt is None else (prompt, first, second)
    one = dialogue(first, "assistant", "chosen")
    two = dialogue(second, "assistant", "rejected")
    if _answers(one[0], two[0]):
        if prompt is None:
            raise BadRow(None, "prompt is missing: chosen and rejected both begin with an answer")
        return prompt, one, two
    start, one, two = parted(one, two)
    if prompt is not None:
        start = with_prompt(dialogue(prompt, "user", "prompt"), start)
    return start, one, two


def parted(first: Messages, second: Messages) -> tuple[Messages, Messages, Messages]:
    """The shared beginning of two dialogues, and what follows on either side.

    Raises BadRow where they share none, or where one does not end with an answer.
    """
    for side in (first, second):
        if side[-1]["role"] not in ("assistant", "tool"):
            raise BadRow(side[-1]["role"], "a dialogue ends with a turn that is no answer")
    return split_dialogues(first, second)


def parted_texts(first: str, second: str) -> tuple[str, str, str]:
    """The same for plain texts, as TRL cuts them: a space before the cut belongs to the responses.

    The cut is never inside a word. Raises BadRow where the texts share no beginning, or one is the
    beginning of the other.
    """
    cut = _shared(first, second)
    if cut == min(len(first), len(second)):
        raise BadRow(None, "one text is the beginning of the other, so there is no prompt to tell")
    while cut and (_inside_word(first, cut) or _inside_word(second, cut)):
        cut -= 1
    cut -= first[:cut].endswith(" ")
    if not first[:cut].strip():
        raise BadRow(None, "prompt is missing, and chosen and rejected share no beginning")
    return first[:cut], first[cut:], second[cut:]


def dialogue(value: Any, role: str, name: str) -> Messages:
    """Messages; a text is one message of `role`, a single message a list of one.

    Keys without a value are left out, but the content. Raises BadRow for anything else, with the
    name of its column.
    """
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not listed:
        raise BadRow(value, f"{name} is {value!r:.80}; it must be a text or a list of messages")
    found = [told(item) for item in listed]
    for item in found:
        if not isinstance(item, dict) or not isinstance(item.get("role"), str):
            raise BadRow(item, f"{name} holds {item!r:.80}; a message has a role and a content")
    return [
        {key: said for key, said in item.items() if said is not None or key == "content"}
        for item in found
    ]


def with_system(system: Any, prompt: Any) -> Any:
    """The prompt with a system message before it; the same where there is none.

    Raises BadRow where the prompt begins with another one.
    """
    if system is None or system == "":
        return prompt
    if not isinstance(system, str):
        raise BadRow(system, f"system is {system!r:.80}; it must be a text")
    messages = dialogue(prompt, "user", "prompt")
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": system}, *messages]
    if messages[0]["content"] != system:
        raise BadRow(system, "the column system and the system message of the prompt differ")
    return messages


def _shared(first: Sequence[Any], second: Sequence[Any]) -> int:
    """How many items two sequences begin with alike."""
    shorter = min(len(first), len(second))
    return next((i for i in range(shorter) if first[i] != second[i]), shorter)


def _answers(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return bool(one["role"] == two["role"] == "assistant")


def _inside_word(text: str, cut: int) -> bool:
    """Whether letters of a script with words of cased letters, or digits, stand on both sides."""
    return _of_word(text[cut - 1]) and _of_word(text[cut])


def _of_word(letter: str) -> bool:
    return letter.isdigit() or letter.lower() != letter.upper()
