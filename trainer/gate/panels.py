"""The gate's question of a judge: is a panel with it cheaper at the same quality, and is that sure?

Takes panels as they were priced (`app.pipeline.effect`); which of them may take over, and what is
written down of it. Leaves out the evidence over weeks (`trainer.gate.evidence`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.always_valid import ON_ALL, ON_NEW, log_e_value, mean_of
from judges.trust.panel_choice import Candidate, Change, Priced, Sample, Terms, cheapest, price

Floats = NDArray[np.float64]
TODAY = "today's panel"
LEAST_PAIRS = 20  # decided gold pairs below which nothing is said: docs/design/gate.md
LEAST_PROMPTS = 10  # of gold, below which nothing is said: docs/design/gate.md
LEAST_NEW = 50  # decided gold pairs below which what is new waits for more: docs/design/gate.md


@dataclass(frozen=True)
class Panels:
    """Panels a judge could make, the first being today's, priced on the very same pairs.

    priced: on gold and audits, which choose; on_gold: on gold alone, which has the last word, on
    the decided pairs `pair_ids`.
    new_on_gold: on gold that no decision since the last promotion has seen, None where that is too
    little. through: id of the newest gold seen. audits: weighted pairs beside gold. notes: what was
    left out or guessed.
    """

    priced: tuple[Priced, ...]
    on_gold: tuple[Priced, ...]
    new_on_gold: tuple[Priced, ...] | None
    pair_ids: tuple[int, ...]
    through: int
    gold_pairs: int
    new_pairs: int
    audits: int
    terms: Terms
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> int:
        """Place of the cheapest panel that is not worse, on gold and audits; 0 is today's."""
        best = cheapest(self.priced, self.terms)
        return next(i for i, each in enumerate(self.priced) if each is best)

    @property
    def best(self) -> int:
        """Place of the panel that is told of: the chosen one, else the cheapest of the others."""
        others = range(1, len(self.priced))
        return self.chosen or min(others, key=lambda i: self.on_gold[i].usd)

    def leans(self, place: int, pair_ids: Sequence[int]) -> Floats:
        """What a panel says of these gold pairs, as p_a / (p_a + p_b); NaN where not measured."""
        said = dict(zip(self.pair_ids, self.on_gold[place].candidate.win_P, strict=True))
        return np.array([said.get(pair_id, np.nan) for pair_id in pair_ids], dtype=np.float64)

    @property
    def log_e(self) -> float:
        """Log e-value against "no panel with it is cheaper", on all gold."""
        return mean_of(_evidence(self.on_gold, ON_ALL))

    @property
    def new_log_e(self) -> float:
        """The same on new gold; 0 where that is too little."""
        return 0.0 if self.new_on_gold is None else mean_of(_evidence(self.new_on_gold, ON_NEW))

    @property
    def line(self) -> str:
        """One line for people: the cheapest way to work with the judge."""
        today, best = self.on_gold[0], self.on_gold[self.best]
        return (
            f"{best.candidate.name}: humans needed for {self.terms.target:.0%} agreement "
            f"{best.human_share:.1%} of the pairs, {today.human_share:.1%} without it; "
            f"{dollars(1000 * best.usd)} for 1,000 pairs in place of {dollars(1000 * today.usd)}, "
            f"{signed(best.usd_change, 1000)} on {self.gold_pairs} gold pairs"
        )

    def as_figures(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "line": self.line,
            "target": self.terms.target,
            "answer_usd": self.terms.answer_usd,
            "gold_pairs": self.gold_pairs,
            "new_pairs": self.new_pairs,
            "audits": self.audits,
            "notes": list(self.notes),
            "best": self.on_gold[self.best].candidate.name,
            "table": [
                _row(each, gold, self.terms)
                for each, gold in zip(self.priced, self.on_gold, strict=True)
            ],
        }


@dataclass(frozen=True)
class Unpriced:
    """Why the panels could not be compared; the judge is then refused."""

    why: str

    @property
    def line(self) -> str:
        """One line for people."""
        return f"what it saves was not measured: {self.why}"


def panels(
    candidates: Sequence[Candidate],
    sample: Sample,
    pair_id_P: NDArray[np.int64],
    gold_id_P: NDArray[np.int64],
    seen_through: int,
    terms: Terms,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Panels:
    """Price the candidates; gold_id_P is 0 for audits."""
    gold = sample.gold_P & sample.decided_P
    new = gold & (gold_id_P > seen_through)
    fresh = int(new.sum())
    enough = fresh >= LEAST_NEW and len(np.unique(sample.prompt_P[new])) >= LEAST_PROMPTS
    seen = int(gold_id_P.max(initial=0)) if enough or not seen_through else seen_through
    return Panels(
        priced=tuple(price(candidates, sample, terms, seed=seed)),
        on_gold=tuple(_on(candidates, sample, gold, terms, seed)),
        new_on_gold=tuple(_on(candidates, sample, new, terms, seed)) if enough else None,
        pair_ids=tuple(pair_id_P[gold].tolist()),
        through=seen,
        gold_pairs=int(gold.sum()),
        new_pairs=fresh,
        audits=int((sample.decided_P & ~sample.gold_P).sum()),
        terms=terms,
        notes=tuple(notes),
    )


def seat(chosen: Candidate) -> dict[str, Any]:
    """How a promoted judge takes part: beside all, in the place of some, or asked first."""
    return {
        "panel": chosen.name,
        "instead_of": [name.partition("@")[0] for name in chosen.instead_of],
        "threshold": chosen.threshold,
        "spares": [name.partition("@")[0] for name in chosen.spares],
    }


def dollars(usd: float) -> str:
    """An amount for people."""
    return f"${usd:,.2f}"


def signed(change: Change, times: float = 1.0) -> str:
    """A change of dollars with its interval."""
    value, low, high = (each * times for each in (change.value, change.low, change.high))
    return f"{value:+,.2f} [{low:+,.2f}, {high:+,.2f}]"


def _evidence(priced: Sequence[Priced], prior: tuple[float, float]) -> list[float]:
    changes = [each.usd_change for each in priced[1:]]
    return [log_e_value(-change.value, change.error, prior) for change in changes]


def _on(
    candidates: Sequence[Candidate], sample: Sample, mask_P: Any, terms: Terms, seed: int
) -> list[Priced]:
    cut = [replace(c, win_P=c.win_P[mask_P], calls_P=c.calls_P[mask_P]) for c in candidates]
    part = sample.only(mask_P)
    even = Sample(part.truth_P, part.prompt_P, np.ones(len(part.truth_P)), part.gold_P)
    return price(cut, even, terms, seed=seed)


def _row(each: Priced, on_gold: Priced, terms: Terms) -> dict[str, Any]:
    return {
        "panel": each.candidate.name,
        "human_share": each.human_share,
        "calls_usd": each.calls_usd,
        "usd": each.usd,
        "accuracy": each.accuracy,
        "log_loss": each.log_loss,
        "usd_change": vars(on_gold.usd_change),
        "human_share_change": vars(on_gold.human_share_change),
        "log_loss_change": vars(on_gold.log_loss_change),
        "not_worse": on_gold.not_worse(terms),
    }
