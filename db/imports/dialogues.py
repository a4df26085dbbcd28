"""Whole dialogues: what two of them share, and dialogues written as one text."""

import re

from db.conversation import Messages
from db.imports.fields import BadRow, shown


def split_dialogues(one: Messages, other: Messages) -> tuple[Messages, Messages, Messages]:
    """What two whole dialogues share, and how each goes on.

    The prompt is the longest shared beginning before an answer of the assistant; the responses
    are all that follows. Raises BadRow where they part before any answer.
    """
    shared = 0
    while shared < min(len(one), len(other)) and one[shared] == other[shared]:
        shared += 1
    cut = shared
    while cut and not all(
        len(each) > cut and each[cut]["role"] == "assistant" for each in (one, other)
    ):
        cut -= 1
    if not cut:
        here = [shown(each[shared] if len(each) > shared else "the end") for each in (one, other)]
        raise BadRow(
            None,
            f"the two dialogues part at message {shared + 1}, before any answer that both give to "
            f"the same prompt: {here[0]} and {here[1]}",
        )
    return one[:cut], one[cut:], other[cut:]


def with_prompt(prompt: Messages, shared: Messages) -> Messages:
    """The shared messages, with what a prompt column adds to them: nothing, or what leads to them.

    Raises BadRow where the column tells something else than the messages.
    """
    asked = [m for m in prompt if m["role"] not in ("system", "developer")]
    ahead = prompt[: len(prompt) - len(asked)]
    if shared[: len(prompt)] == prompt or all(turn in shared for turn in asked):
        return shared if shared[: len(ahead)] == ahead else ahead + shared
    raise BadRow(
        str(prompt)[:80],
        "prompt is another text than the messages that chosen and rejected share; leave one out",
    )


def turns_of(text: str) -> Messages | None:
    """A dialogue written as Human: and Assistant: paragraphs; None for any other text."""
    parts = re.split(r"(?:^|\n\n)(Human|Assistant):", text.lstrip("\n"))
    if parts[0].strip() or len(parts) < 3:
        return None
    roles = {"Human": "user", "Assistant": "assistant"}
    return [
        {"role": roles[who], "content": said.strip()}
        for who, said in zip(parts[1::2], parts[2::2], strict=True)
    ]
