"""What is delivered now: agreement of human and machine labels together, route by route.

Human labels are right by definition, as they are the reference itself; only gold from outside can
contradict them. What the machine delivers unseen is estimated by the blind audits of its own route,
each standing for those it was drawn from. Pure.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from judges.trust.finite import Stratum, share_of
from judges.trust.intervals import Estimate, undefined
from judges.trust.vote_matrix import MISSING, TIE, A, B


class Labelled(Protocol):
    """What is delivered and what is known of it, as `facts` has it."""

    @property
    def truth_P(self) -> NDArray[np.int8]:
        """The reference."""
        ...

    @property
    def delivered_P(self) -> NDArray[np.int8]:
        """The settled labels."""
        ...

    @property
    def by_human_P(self) -> NDArray[np.bool_]:
        """Which of them rest on a human answer."""
        ...

    @property
    def apart_P(self) -> NDArray[np.bool_]:
        """Where the reference is independent of the label."""
        ...

    @property
    def machine_P(self) -> NDArray[np.int8]:
        """What the machine delivers, or would have delivered where an audit looked."""
        ...

    @property
    def drawn_P(self) -> NDArray[np.bool_]:
        """Drawn blind out of their zone."""
        ...

    @property
    def zone_P(self) -> NDArray[np.int64]:
        """How a pair came before humans."""
        ...


@dataclass(frozen=True)
class Delivered:
    """Labels delivered, counted by how their errors are known.

    human: of humans, right by definition. known, known_wrong: labels with an answer that they do
    not rest on (a tie against a or b is half wrong). unseen: machine labels nobody answered;
    audits: answered draws behind them; waiting: pairs without a label. routes: the unseen and the
    audited pairs of each route together. ties: how many of the unseen are ties that people would
    decide.
    """

    human: int
    known: int
    known_wrong: float
    unseen: int
    audits: int
    waiting: int
    routes: tuple[Stratum, ...]
    ties: float = 0.0


def count(facts: Labelled) -> Delivered:
    """Count what is delivered; only pairs that the reference decides for a or b are measured.

    How many of the unseen it would decide is taken from the audits of the same route. A machine's
    tie is half wrong wherever it would.
    """
    given = facts.delivered_P != MISSING
    decided = np.isin(facts.truth_P, (A, B))
    human = given & facts.by_human_P
    machine = given & ~facts.by_human_P
    checked = decided & ((human & facts.apart_P) | machine)
    audited = facts.drawn_P & ~facts.apart_P & (facts.truth_P != MISSING)
    audited &= facts.machine_P != MISSING
    unseen = machine & (facts.truth_P == MISSING)
    routes, ties = [], 0.0
    for zone in np.unique(facts.zone_P[unseen]):
        here, mine = unseen & (facts.zone_P == zone), audited & (facts.zone_P == zone)
        share = decided[mine].mean() if mine.any() else 1.0
        sample = mine & decided & (facts.machine_P != TIE)
        tied = here & (facts.delivered_P == TIE)
        ties += float(share * tied.sum())
        left = round(float(share * (here & ~tied).sum()))
        wrong = int((facts.machine_P != facts.truth_P)[sample].sum())
        routes.append(Stratum(left + int(sample.sum()), int(sample.sum()), wrong))
    return Delivered(
        human=int((human & ~checked & (facts.delivered_P != TIE)).sum()),
        known=int(checked.sum()),
        known_wrong=float(_wrong(facts.delivered_P, facts.truth_P)[checked].sum()),
        unseen=int(unseen.sum()),
        audits=sum(route.drawn for route in routes),
        waiting=int((~given).sum()),
        routes=tuple(routes),
        ties=ties,
    )


def agreement(delivered: Delivered, level: float = 0.95) -> Estimate:
    """Share of the delivered labels that the reference would bear out, with its interval.

    Audited pairs are delivered with the human answer, so what audits found wrong is right by now.
    Coverage as measured: docs/design/report-intervals.md.
    """
    found = int(sum(route.hits for route in delivered.routes))
    unseen = sum(route.size - route.drawn for route in delivered.routes)
    total = delivered.human + delivered.known + delivered.ties + unseen
    if not total:
        return undefined("nothing is settled yet; run `tiebreak merge`")
    if unseen and not delivered.audits:
        return undefined("no label of the machine was drawn at random and answered; audit some")
    if not delivered.known and not delivered.audits:
        return undefined("every label is the human reference itself, so nothing checks it")
    sure = delivered.known_wrong + delivered.ties / 2.0
    size = sum(route.size for route in delivered.routes)
    wrong = share_of(delivered.routes, level) if size else Estimate(0.0, 0.0, 0.0, 0)

    def right(share: float | None) -> float:
        left = min(max((share or 0.0) * size - found, 0.0), unseen)
        return 1.0 - (left + sure) / total

    answers = delivered.audits + delivered.known
    return Estimate(right(wrong.value), right(wrong.high), right(wrong.low), answers, level=level)


def against(delivered: Delivered) -> str:
    """What the agreement rests on, in one sentence."""
    checks = f"{delivered.known:,} labels checked by answers they do not rest on, "
    return (
        f"{delivered.unseen:,} labels of the machine that nobody answered, estimated by "
        f"{delivered.audits:,} blind audits of the same routes; "
        + checks
        * bool(delivered.known)
        + f"{delivered.human:,} labels of humans, right by definition; "
        f"{delivered.waiting:,} pairs wait"
    )


def _wrong(codes_P: NDArray[np.int8], truth_P: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.where(codes_P == TIE, 0.5, codes_P != truth_P)
