"""What a threshold that knew every wrong label would have asked, beside what people were asked.

Estimated from the blind audits with its uncertainty, exact where every label is known. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from judges.trust.finite import Stratum, share_of
from judges.trust.intervals import Estimate
from judges.trust.promise import Promise

_STEPS = 400  # sizes an estimate is tried at; by hand, a step is a quarter percent of the frame


@dataclass(frozen=True)
class Ranked:
    """One frame from the safest pair to the least safe, and what was certified of it.

    wrong_P: 1 wrong as delivered, 0 right, -1 not known. drawn_P: an answered audit.
    audited_P: drawn as an audit, answered or not. accepted: the certified first pairs.
    outside: escalated pairs of the batch that were in no frame, so that nothing could save them.
    whole: pairs of which g2 promises a share.
    """

    wrong_P: NDArray[np.int8]
    drawn_P: NDArray[np.bool_]
    audited_P: NDArray[np.bool_]
    accepted: int
    outside: int
    whole: int
    target: float
    promise: Promise
    delta: float


@dataclass(frozen=True)
class Oracle:
    """Pairs people were asked, and would have been with the best threshold of the same order.

    pairs: of the frame and outside it. asked: in all. audits: drawn among the accepted; margin:
    what the oracle would have accepted beyond the certified set, below 0 where less. oracle: pairs
    it would have asked, outside included. perfect: pairs asked were the order without a fault,
    outside included. exact: every label is known.
    """

    pairs: int
    asked: int
    outside: int
    audits: int
    audited: int
    margin: float
    oracle: Estimate
    perfect: float
    exact: bool
    delta: float

    def _beyond(self) -> str:
        """How far the certified set ends from the oracle's, in words."""
        if self.margin < 0:
            return (
                f"less {-self.margin:,.0f} pairs accepted beyond that threshold (what audits find "
                "wrong is put right, and leaves room for more)"
            )
        return (
            f"and {self.margin:,.0f} pairs of safety margin, without which nothing could be "
            f"promised with probability {1 - self.delta:.0%} from {self.audited:,} audits"
        )

    def sentences(self) -> Iterator[str]:
        """What it is and why people were asked more, in plain words."""
        best = self.oracle
        if best.value is None or best.low is None or best.high is None:
            yield f"what an oracle threshold would have asked is not known: {best.why}"
            return
        how = "every label is known" if self.exact else f"estimated from {self.audited:,} audits"
        doubt = "" if self.exact else f" [{best.low:,.0f}, {best.high:,.0f}]"
        yield (
            f"people were asked about {self.asked:,} of {self.pairs:,} pairs "
            f"({self.asked / self.pairs:.1%}); a threshold that knew every wrong label would have "
            f"asked about {best.value:,.0f}{doubt} ({best.value / self.pairs:.1%}; {how})"
        )
        yield (
            f"why {self.asked - best.value:+,.0f}: {self.audits:,} audits drawn among the "
            f"accepted pairs, {self._beyond()}"
        )
        order = best.value - self.perfect
        yield (
            f"of the oracle's {best.value:,.0f}, {self.outside:,} are pairs that no certificate "
            f"can save (no vote, a tie, or a flag), and {order:,.0f} are the price of scores "
            "that rank some right labels below wrong ones: in a faultless order "
            f"{self.perfect:,.0f} would do"
        )


def oracle(ranked: Ranked) -> Oracle | None:
    """The comparison; None where no pair of the frame was answered."""
    size, known = len(ranked.wrong_P), ranked.wrong_P >= 0
    if not known.any():
        return None
    exact = bool(known.all())
    sizes = range(size + 1) if exact else [size * step // _STEPS for step in range(_STEPS + 1)]
    kept = max(n for n in sizes if not n or _expected(ranked, n) <= _allowed(ranked, n))
    most = kept if exact else _last(ranked, lambda found: found.low)
    least = kept if exact else _last(ranked, lambda found: found.high)
    value, low, high = (float(size - n + ranked.outside) for n in (kept, most, least))
    best = Estimate(value, min(low, value), max(high, value), int(ranked.drawn_P.sum()))
    total = _expected(ranked, size)
    audits = int(ranked.audited_P[: ranked.accepted].sum())
    tolerated = (
        ranked.target * ranked.whole if ranked.promise == "g2"
        else ranked.target * (size - total) / (1.0 - ranked.target)
    )  # fmt: skip
    asked = size - ranked.accepted + audits + ranked.outside
    return Oracle(
        pairs=size + ranked.outside,
        asked=asked,
        outside=ranked.outside,
        audits=audits,
        audited=int(ranked.audited_P.sum()),
        margin=asked - audits - value,
        oracle=best,
        perfect=max(total - floor(tolerated + 1e-9), 0.0) + ranked.outside,
        exact=exact,
        delta=ranked.delta,
    )


def _strata(ranked: Ranked, first: int) -> list[Stratum]:
    """The first pairs, accepted and other told apart, because of the others more is answered."""
    edge = min(first, ranked.accepted)
    return [_stratum(ranked, 0, edge), _stratum(ranked, edge, first)]


def _stratum(ranked: Ranked, start: int, end: int) -> Stratum:
    """These pairs by all answers where there are all, else by the audits among them alone."""
    wrong, drawn = ranked.wrong_P[start:end], ranked.drawn_P[start:end]
    if (wrong >= 0).all():
        return Stratum(len(wrong), len(wrong), int(wrong.sum()))
    return Stratum(len(wrong), int(drawn.sum()), int((wrong[drawn] == 1).sum()))


def _expected(ranked: Ranked, first: int) -> float:
    """Wrong labels among the first pairs; those of a part without an audit are taken for right."""
    return sum(each.size * each.hits / max(each.drawn, 1) for each in _strata(ranked, first))


def _allowed(ranked: Ranked, first: int) -> float:
    """Wrong labels the promise tolerates among the first pairs."""
    of = ranked.whole if ranked.promise == "g2" else first
    return floor(ranked.target * of + 1e-9) + 1e-6


def _last(ranked: Ranked, bound: Callable[[Estimate], float | None]) -> int:
    """The largest size whose wrong labels, by this bound of their share, are allowed.

    By bisection: wrong labels only grow with the size.
    """
    low, high = 0, len(ranked.wrong_P)
    while low < high:
        middle = (low + high + 1) // 2
        share = bound(share_of(_strata(ranked, middle)))
        if (1.0 if share is None else share) * middle <= _allowed(ranked, middle):
            low = middle
        else:
            high = middle - 1
    return low
