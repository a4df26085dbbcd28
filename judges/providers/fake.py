"""A scripted judge for tests: deterministic answers, scripted faults, and a tally of its calls.

Options (from the judge's `options`): `answers` maps a part of the first text or the system prompt
to the text answered, in which `{key}` is the question's name; `verdict` is what else is answered
("1", "2", "tie" or any text; default: the longer is better); `latency` in seconds; `faults`, the
share of calls that fail; `calls`, a file that gets one line a call before anything else happens, so
that calls can be counted across kills.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from typing import Any

from db.errors import Unavailable
from judges.asking import Answer, Question, Usage
from judges.verdicts import say


class Fake:
    """Answers by script. Faults depend on the question and on how often it was asked."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.asked: dict[str, int] = {}

    async def ask(self, question: Question) -> Answer:
        """Count the call, wait, then fail or answer as scripted."""
        self._count(question.key)
        self.asked[question.key] = tries = self.asked.get(question.key, 0) + 1
        await asyncio.sleep(float(self.options.get("latency", 0)))
        if self._unlucky(question.key, tries):
            raise Unavailable(f"scripted fault for {question.key!r}")
        usage = Usage(input=len(question.user) // 4, output=50)
        return Answer(self._text(question), usage)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _text(self, question: Question) -> str:
        for part, text in self.options.get("answers", {}).items():
            if part in question.shown.first or part in question.system:
                return str(text).replace("{key}", question.key)
        verdict = self.options.get("verdict")
        if verdict is None:
            first, second = len(question.shown.first), len(question.shown.second)
            verdict = "1" if first > second else "2" if second > first else "tie"
        if verdict not in question.menu:
            return str(verdict)
        return say(verdict, confidence=0.9, reasoning="scripted")

    def _unlucky(self, key: str, tries: int) -> bool:
        share = float(self.options.get("faults", 0))
        draw = int(hashlib.sha256(f"{key}:{tries}".encode()).hexdigest()[:8], 16) / 2**32
        return draw < share

    def _count(self, key: str) -> None:
        path = self.options.get("calls")
        if path is None:
            return
        line = f"{key}\n".encode()
        handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
