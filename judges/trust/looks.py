"""Looks: at how many audits a certificate may be tried, and what confidence each try spends.

Fixed before the first audit is answered. The deltas of a frame's looks sum to at most the frame's:
by the union bound the promise then holds at whichever of them one stops, for whatever reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Look:
    """One planned try for a certificate.

    audits: the first so many pairs in the order of the frame's draw (`frame.draw_audit`), all of
    them counted; the audits of a later look contain those of an earlier one. delta: chance of a
    broken promise this try may add.
    """

    audits: int
    delta: float


def check_looks(looks: Sequence[Look], delta: float) -> None:
    """Raise ValueError where looks do not grow or together spend more than `delta`."""
    sizes = [look.audits for look in looks]
    if not sizes or sizes != sorted(sizes) or sizes[0] < 0:
        raise ValueError(
            f"looks at {sizes!r} audits: plan at least one, each at no fewer than the last."
        )
    spent = sum(look.delta for look in looks)
    if min(look.delta for look in looks) <= 0.0 or spent > delta * (1.0 + _ROUNDING):
        raise ValueError(
            f"looks that spend {[look.delta for look in looks]!r} of delta {delta!r}: every test "
            "of one batch spends confidence, so give each a positive share, together at most delta."
        )
