"""Which pairs a probe changes, what it shows instead of them, and what the answers come to.

What cannot make a response better is done to the response the judge did not prefer, what makes one
worse to the one it did. Pure: texts and answers in, questions and figures out.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from db.asking import PairText, Slot
from db.probes import Drawn, samples_of, unchanged
from db.vocabulary import Choice, Order
from judges.perturbations import EDITION, PERTURBATIONS, Case, Perturbation
from judges.probe_report import ProbeReport, ProbeRow
from judges.trust import flips
from judges.trust.flips import MARGIN, Verdict

UNCHANGED = unchanged(EDITION)
"""The sample of a pair as it is."""

Said = Mapping[tuple[int, int], tuple[Order, Choice]]
"""In which order, and what, by pair and sample."""


@dataclass(frozen=True)
class Plan:
    """Which pairs are changed how. touched: by pair and number of the change, the side it is made
    to; groups: pairs by their order and the samples they are asked for, a run each.
    """

    touched: dict[tuple[int, int], Choice]
    groups: dict[tuple[Order, tuple[int, ...]], list[int]]

    @classmethod
    def of(cls, texts: Mapping[int, PairText], said: Said) -> Self:
        """Every change that can be made to the pairs that got a verdict as they are."""
        plan = cls({}, defaultdict(list))
        for pair_id, text in texts.items():
            order, choice = said.get((pair_id, UNCHANGED), (None, Choice.ABSTAIN))
            if order is None or choice is Choice.ABSTAIN:
                continue
            samples: list[int] = []
            for number, perturbation in enumerate(PERTURBATIONS):
                side = _side(perturbation, choice, pair_id)
                if side is not None and perturbation.make(_case(text, side), pair_id) is not None:
                    plan.touched[pair_id, number] = side
                    samples += samples_of(EDITION, number)
            if samples:
                plan.groups[order, tuple(samples)].append(pair_id)
        return plan

    @property
    def slots(self) -> list[tuple[int, int]]:
        """Every answer that is wanted, by pair and sample."""
        return [
            (pair_id, sample)
            for (pair_id, number) in self.touched
            for sample in samples_of(EDITION, number)
        ]

    def show(self, slot: Slot, text: PairText) -> PairText:
        """What is shown for one missing answer."""
        number, arm = divmod(slot.sample - samples_of(EDITION, 0)[0], 2)
        side = self.touched[slot.pair_id, number]
        arms = PERTURBATIONS[number].make(_case(text, side), slot.pair_id)
        return text if arms is None else _text(text, side, arms[arm])


def report_of(drawn: Drawn, plan: Plan, said: Said) -> ProbeReport:
    """What the answers show, change by change."""
    numbers = sorted({number for _, number in plan.touched})
    level = flips.corrected_level(len(numbers))
    return ProbeReport(
        edition=EDITION,
        asked=len(drawn.prompt_of),
        prompts=len(set(drawn.prompt_of.values())),
        there=drawn.there,
        margin=MARGIN,
        level=level,
        rows=tuple(_row(drawn, plan, said, number, level) for number in numbers),
    )


def _row(drawn: Drawn, plan: Plan, said: Said, number: int, level: float) -> ProbeRow:
    perturbation, samples = PERTURBATIONS[number], samples_of(EDITION, number)
    worse = perturbation.effect == "loss"
    flipped, prompts, left_out = [], [], 0
    for pair_id, side in sorted((p, side) for (p, n), side in plan.touched.items() if n == number):
        now = [said[pair_id, sample][1] for sample in samples if (pair_id, sample) in said]
        if len(now) < len(samples) or Choice.ABSTAIN in now:
            left_out += 1
            continue
        flipped.append([(choice is side) != worse for choice in now])
        prompts.append(drawn.prompt_of[pair_id])
    flipped_P2 = np.array(flipped, dtype=bool).reshape(-1, 2)
    prompt_P = np.array(prompts, dtype=np.int64)
    rng = np.random.default_rng(7)
    found = flips.difference(flipped_P2[:, 0], flipped_P2[:, 1], prompt_P, rng, level)
    verdict = flips.verdict(found, worse=worse)
    apart = (flipped_P2[:, 0] != flipped_P2[:, 1]).any()
    enough = flips.enough(found) if apart else flips.reach(found.n, level).needed
    return ProbeRow(
        change=perturbation.name,
        effect=perturbation.effect,
        pairs=found.n,
        left_out=left_out,
        flips=int(flipped_P2[:, 0].sum()),
        placebo_flips=int(flipped_P2[:, 1].sum()),
        difference=found.value,
        low=found.low,
        high=found.high,
        verdict=verdict.value,
        enough=enough if verdict is Verdict.UNSHOWN else None,
    )


def _side(perturbation: Perturbation, choice: Choice, pair_id: int) -> Choice | None:
    """The response to change: not the preferred one; to make it worse, the preferred one."""
    if perturbation.effect == "loss":
        return choice if choice is not Choice.TIE else None
    if choice is Choice.TIE:
        return (Choice.A, Choice.B)[pair_id // 2 % 2]  # pair_id % 2 is the order's
    return choice.mirrored()


def _case(text: PairText, side: Choice) -> Case:
    both = (text.response_a, text.response_b)
    return Case(text.prompt, *(both if side is Choice.A else reversed(both)))


def _text(text: PairText, side: Choice, case: Case) -> PairText:
    a, b = (case.touched, case.other) if side is Choice.A else (case.other, case.touched)
    return replace(text, prompt=case.prompt, response_a=a, response_b=b)
