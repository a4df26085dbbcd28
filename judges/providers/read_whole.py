"""Whether a server read a question whole: some drop what is beyond their window and say nothing.

A word without blanks in it is a token at least, for no tokenizer in use joins two: a server that
counts fewer tokens than words did not read them all. What is no proof is said, and counts.
"""

import re
from dataclasses import dataclass, field, replace

from judges.asking import Answer, Question
from judges.providers.notices import Notices

# docs/design/reaching.md: 7 tokenizers on 35 languages, code and 200 questions had at most .79
# words and 5.4 bytes to a token.
_BYTES = 8
_WINDOW = 256  # by hand: no window is smaller, so a smaller count is none
_SAME, _TWICE = 3, 2  # by hand: so many questions, one twice as long as another, all of one count


@dataclass
class ReadWhole:
    """Compares the tokens a server says it read with the texts it was sent.

    `notices` hears of a server that cuts, and of one whose counts are none.
    """

    notices: Notices
    _bytes_of: dict[int, list[int]] = field(default_factory=dict)

    def checked(self, question: Question, answer: Answer) -> Answer:
        """The answer, or one that stopped at "cut" where the question was surely not read whole."""
        usage = answer.usage
        read = usage.read if usage is not None else 0
        if not read or answer.stop == "too long":
            return answer
        texts = [question.system, *(turn["content"] for turn in question.earlier), question.user]
        if read > sum(map(_blanks, texts)) and not self._seems_cut(read, texts):
            return answer
        words = sum(len(text.split()) for text in texts)
        if read < min(words, _WINDOW):
            self.notices.say(
                "counts", f"its server counts {read} tokens for a question of {words} words; what "
                "it counts is no number of tokens"
            )  # fmt: skip
            return answer
        if read < words:
            self.notices.say(
                "cut", f"its server read {read} tokens of a question of {words} words and said "
                f"nothing; such questions abstain: give it a larger context window{_WAY_OUT}"
            )  # fmt: skip
            return replace(answer, stop="cut")
        if self._seems_cut(read, texts):
            self.notices.say(
                "likely", f"its server seems to read no more than {read} tokens of a question, and "
                f"says nothing; look at its context window{_WAY_OUT}"
            )  # fmt: skip
        return answer

    def _seems_cut(self, read: int, texts: list[str]) -> bool:
        size = sum(len(text.encode()) for text in texts)
        sizes = self._bytes_of.setdefault(read, [])
        sizes[:] = sorted({*sizes, size})
        if len(sizes) > _SAME:  # the extremes and one between tell as much
            del sizes[1]
        if len(sizes) == _SAME and sizes[-1] >= _TWICE * sizes[0]:
            return True
        return size > _BYTES * read and sum(map(_size, texts)) > _BYTES * read


_WAY_OUT = " (Ollama: num_ctx in the model's Modelfile, or OLLAMA_CONTEXT_LENGTH)"


def _blanks(text: str) -> int:
    """As many as a text has words, or more, but for rare blanks; quick, where counting is not."""
    return text.count(" ") + text.count("\n") + text.count("\t") + 1


def _size(text: str) -> int:
    """Bytes, every run of blanks, or of one mark, once."""
    return len(re.sub(r"([^\w\s])\1+", r"\1", " ".join(text.split())).encode())
