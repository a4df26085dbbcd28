"""Whether a gold answer stands in a prompt, word for word but for white space."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from judges.alike.turns import turns

_LONG = 80
"""From so many bytes on an answer is looked for inside turns; a shorter one is a turn as a whole,
for `Yes.` stands in many a text that quotes nobody."""
_BEGINS = 24
_STARTS = re.compile(r"(?<![A-Za-z0-9])\S")
_ASKED = ("user", "system")


class GoldAnswers:
    """The responses of gold pairs, to be found in prompts."""

    def __init__(self, answers: Iterable[str]) -> None:
        said = {_spaced(answer) for answer in answers} - {""}
        long = {answer for answer in said if len(answer.encode("utf-8", "replace")) >= _LONG}
        self._short = frozenset(said - long)
        self._long: dict[str, list[str]] = defaultdict(list)
        for answer in sorted(long):
            self._long[answer[:_BEGINS]].append(answer)

    def stand_in(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Whether an answer is a turn of the conversation, or a long one stands within any turn."""
        if not (self._short or self._long):
            return False
        for turn in turns(messages):
            text = _spaced(turn.text)
            if turn.role not in _ASKED and text in self._short:
                return True
            if self._long and self._within(text):
                return True
        return False

    def _within(self, text: str) -> bool:
        for start in _STARTS.finditer(text):
            at = start.start()
            begun = self._long.get(text[at : at + _BEGINS])
            if begun and any(text.startswith(answer, at) for answer in begun):
                return True
        return False


def _spaced(text: str) -> str:
    return " ".join(text.split())
