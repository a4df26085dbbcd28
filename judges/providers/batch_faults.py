"""What goes wrong with a batch as a whole, in the words of its server."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from judges.asking import Lost
from judges.batcher import Gone, Refusal, TooLarge
from judges.judge_config import JudgeConfig
from judges.providers.faults import batch_fault, unsent
from judges.providers.told import Told, told, told_by

_SMALLER = (
    "token_limit_exceeded", "enqueued", "too_many_tasks", "too many requests in", "too large",
    "request_too_large", "max_batch_size", "maximum size", "exceeds the maximum number of requests",
    "size limit", "file size",
)  # fmt: skip
_LONGEST = 1000  # characters of all that is said of why a batch failed


@dataclass(frozen=True)
class Whole:
    """What errors about one judge's batches mean; nothing of its secrets is told."""

    judge: JudgeConfig
    secrets: Collection[str]

    def not_taken(self, error: Exception) -> TiebreakError:
        """The error to raise where a batch was not taken; Lost where it may have been all the
        same.
        """
        name, said = self.judge.name, self._told_by(error)
        if said.status in (404, 405, 501):
            return BadInput(
                f"{name}: its server takes no batches ({said.sentence}); ask it directly, "
                "without --batch"
            )
        small = said.status in (400, 422, 429) and is_limit(f"{said.words} {' '.join(said.codes)}")
        if said.status == 413 or small:
            return TooLarge(f"{name}: the batch is refused for its size ({said.sentence})")
        return unsent(error, name, self.judge.key_env)

    def not_there(self, error: Exception) -> TiebreakError:
        """The error to raise where a batch cannot be looked at; Gone where it is not there any
        more.
        """
        name, said = self.judge.name, self._told_by(error)
        if said.status in (404, 410):
            return Gone(said.sentence)
        if said.status in (401, 403):
            return KeyRefused(
                f"{name}: the key in {self.judge.key_env or 'the environment'} is refused where "
                f"its batches are ({said.sentence}); put a valid one there and run again"
            )
        found = batch_fault(error, name, self.judge.key_env)
        if isinstance(found, Lost):  # a look costs nothing
            return Unavailable(f"{name}: the server fails ({said.sentence})")
        return found

    def refusal(self, errors: Any) -> Refusal:
        """What an OpenAI batch's list of errors says of why it failed."""
        listed = getattr(errors, "data", errors)
        listed = [one for one in listed if one] if isinstance(listed, list) else []
        said: dict[str, list[int]] = {}
        for one in listed:
            code, message = _field(one, "code"), _field(one, "message")
            found = told(None, {"message": message}, now=0, secrets=self.secrets)
            words = ": ".join(str(part) for part in (code, found.words) if part)
            line = _field(one, "line")
            said.setdefault(words, []).extend([line] if isinstance(line, int) else [])
        lines = [_field(one, "line") for one in listed]
        return Refusal(
            words="; ".join(f"{words}{_at(at)}" for words, at in said.items())[:_LONGEST]
            or "no reason is given",
            lines=tuple(sorted({n for n in lines if isinstance(n, int)})) if all(lines) else (),
            limited=any(is_limit(words) for words in said),
        )

    def _told_by(self, error: Exception) -> Told:
        return told_by(error, time.time(), self.secrets)


def is_limit(words: str) -> bool:
    """Whether a smaller batch, or a later one, may pass."""
    low = words.lower()
    return any(word in low for word in _SMALLER)


def _field(one: Any, name: str) -> Any:
    return one.get(name) if isinstance(one, dict) else getattr(one, name, None)


def _at(lines: list[int]) -> str:
    """The first places in the file, where they are known."""
    if not lines:
        return ""
    first = ", ".join(map(str, lines[:5]))
    more = f" and {len(lines) - 5:,} more" if len(lines) > 5 else ""
    return f" (line {first}{more})"
