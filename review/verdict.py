"""The verdict scale of the screen, and its only way to and from stored order."""

from dataclasses import dataclass, field
from enum import StrEnum

from db.vocabulary import Choice


class Verdict(StrEnum):
    """What an annotator can say of Response 1 and Response 2; the value is its key."""

    MUCH_1 = "1"
    BETTER_1 = "2"
    TIE = "3"
    BETTER_2 = "4"
    MUCH_2 = "5"
    BOTH_BAD = "0"
    CANNOT = "x"

    @property
    def label(self) -> str:
        """The words on the button."""
        return _LABELS[self]


_LABELS = {
    Verdict.MUCH_1: "1 is much better",
    Verdict.BETTER_1: "1 is better",
    Verdict.TIE: "Equally good",
    Verdict.BETTER_2: "2 is better",
    Verdict.MUCH_2: "2 is much better",
    Verdict.BOTH_BAD: "Both bad",
    Verdict.CANNOT: "Cannot judge",
}

SCALE = tuple(Verdict)

_CHOSEN = {
    Verdict.MUCH_1: (Choice.A, 2),
    Verdict.BETTER_1: (Choice.A, 1),
    Verdict.TIE: (Choice.TIE, None),
    Verdict.BETTER_2: (Choice.B, 1),
    Verdict.MUCH_2: (Choice.B, 2),
    Verdict.BOTH_BAD: (Choice.TIE, None),
    Verdict.CANNOT: (Choice.ABSTAIN, None),
}


@dataclass(frozen=True)
class Answer:
    """A human answer in stored order, with what was written beside it."""

    choice: Choice
    strength: int | None = None
    both_bad: bool = False
    rationale: str | None = None
    reasons: tuple[str, ...] = field(default_factory=tuple)
    principles: dict[str, str] | None = None
    note: str | None = None


def answer(
    verdict: Verdict,
    *,
    b_first: bool,
    rationale: str | None = None,
    reasons: tuple[str, ...] = (),
    principles: dict[str, Verdict] | None = None,
    note: str | None = None,
) -> Answer:
    """What was said on a screen where Response 1 was B if `b_first`, as a stored answer."""
    choice, strength = _CHOSEN[verdict]
    stored = {
        name: str(_stored(_CHOSEN[said][0], b_first)) for name, said in (principles or {}).items()
    }
    return Answer(
        choice=_stored(choice, b_first),
        strength=strength,
        both_bad=verdict is Verdict.BOTH_BAD,
        rationale=(rationale or "").strip() or None,
        reasons=reasons,
        principles=stored or None,
        note=(note or "").strip() or None,
    )


def verdict(choice: Choice, strength: int | None, both_bad: bool, *, b_first: bool) -> Verdict:
    """What a stored answer reads like on a screen where Response 1 was B if `b_first`."""
    shown = _stored(choice, b_first)
    if shown is Choice.ABSTAIN:
        return Verdict.CANNOT
    if shown is Choice.TIE:
        return Verdict.BOTH_BAD if both_bad else Verdict.TIE
    if shown is Choice.A:
        return Verdict.MUCH_1 if strength == 2 else Verdict.BETTER_1
    return Verdict.MUCH_2 if strength == 2 else Verdict.BETTER_2


def _stored(choice: Choice, b_first: bool) -> Choice:
    return choice.mirrored() if b_first else choice
