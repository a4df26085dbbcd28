"""What a finished batch means: which questions are answered, which are asked again, and whether the
batch was refused as a whole. Pure.

A refused question is an answer (an abstain) only while others are answered: in the same batch, or
of the same judge before. Where nothing was answered and nothing says that it passes, the fault is
not the questions', and sending them again unchanged would end the same way.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from judges.asking import Answer
from judges.batcher import Collected, Refusal, Results

_KINDS = 3  # different reasons that are told
_NEVER = ("url", "method", "model", "endpoint")  # the same in every line of ours


@dataclass
class Outcome:
    """answers: by the request's name. again: why how many are asked again. lost: questions without
    an answer that may have been billed. strange: lines that are nobody's or cannot be read.
    refusal: the server's words, where the batch is refused as a whole; limited: for its size;
    reduced: for some lines, and the others are sent again without them.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    again: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    strange: int = 0
    refusal: str | None = None
    limited: bool = False
    reduced: bool = False

    @property
    def sentence(self) -> str | None:
        """What a user is to hear of it, where anything is not as it should be."""
        told = []
        if self.again:
            reasons = [f"{n:,} x {why}" for why, n in self.again.most_common(_KINDS)]
            told.append(
                f"{self.again.total():,} of its questions were not answered and are asked again "
                f"({'; '.join(reasons)})"
            )
        if self.strange:
            told.append(
                f"{self.strange:,} lines of its results cannot be read, come twice or are not "
                "its own"
            )
        if self.lost:
            told.append(f"{self.lost:,} questions without an answer may have been billed and count")
        return "; ".join(told) or None


def outcome(
    results: Results, names: Sequence[str], *, proven: bool, reduced: bool = False
) -> Outcome:
    """What became of the requests of these names, in the order sent. proven: other questions of
    this judge have been answered; reduced: the batch is what a refused one left.
    """
    if results.refusal is not None:
        return _refused_whole(results.refusal, names, reduced)
    found = Outcome()
    best = _by_name(results, set(names), found)
    answered = proven or any(line.fate == "answered" for line in best.values())
    for name in names:
        line = best.get(name)
        if line is None:
            ended = results.early if results.gone is None else None
            found.lost += ended is None
            found.again[ended or results.gone or "missing from its results"] += 1
        elif line.answer is not None and (answered or line.fate == "answered"):
            found.answers[name] = line.answer
        else:
            found.lost += line.fate == "lost"
            found.again[line.words] += 1
    fates = Counter(line.fate for line in best.values())
    unread = found.lost == len(names) and results.gone is None
    if not fates["answered"] and (unread or fates["failed"] or (fates["refused"] and not answered)):
        found.refusal = "; ".join(why for why, _ in found.again.most_common(_KINDS))
    return found


def _by_name(results: Results, names: Collection[str], found: Outcome) -> Mapping[str, Collected]:
    """One line a name: of several the one with an answer, else the first."""
    best: dict[str, Collected] = {}
    for line in results.lines:
        known = best.get(line.name)
        found.strange += line.name not in names or known is not None
        if line.name in names and (known is None or known.fate != "answered" == line.fate):
            best[line.name] = line
    return best


def _refused_whole(refusal: Refusal, names: Sequence[str], reduced: bool) -> Outcome:
    """Where some lines are named and the others are not, those are refused and the rest sent again;
    once, and not where the reason is one that every line shares.
    """
    named = {names[n - 1] for n in refusal.lines if 0 < n <= len(names)}
    shared = any(word in refusal.words.lower() for word in _NEVER)
    if not named or len(named) == len(names) or shared or reduced or refusal.limited:
        return Outcome(
            again=Counter({refusal.words: len(names)}),
            refusal=refusal.words,
            limited=refusal.limited and len(names) > 1,
        )
    stopped = Answer("", stop="rejected", told=refusal.words, batched=True)
    return Outcome(
        answers=dict.fromkeys(named, stopped),
        again=Counter({f"other lines were refused: {refusal.words}": len(names) - len(named)}),
        reduced=True,
    )
