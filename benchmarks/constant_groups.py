"""Every number that decides something in the label model, its promises and the queue, by group.

Each constant stands with the other values it is compared with; docs/design says what was seen.
Leaves out how a comparison is made (constants.py), and guards against dividing by zero.
"""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from cross_validated import CrossValidated

from judges.trust import (
    boosting,
    candidates,
    cold_start,
    confusions,
    dawid_skene,
    drift,
    evidence,
    label_model,
    levels,
    likeness,
    mixing,
    ratios,
    reading,
    stacking,
    text_classifier,
    text_features,
    ties,
)
from review.routing import ordering


@dataclass(frozen=True)
class Constant:
    """One number in the module where it is defined, and the values it might have had.

    name: `NAME`, `NAME[key]` of a dictionary, or `callable.argument` for a default.
    """

    home: ModuleType
    name: str
    others: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.home.__name__.split('.')[-1]}.{self.name}"

    @property
    def attribute(self) -> str:
        """The name in its module that is replaced."""
        return self.name.partition("[")[0].partition(".")[0]

    @property
    def chosen(self) -> Any:
        """The value in the code."""
        found = getattr(self.home, self.attribute)
        if "[" in self.name:
            return found[self._key]
        if "." in self.name:
            return inspect.signature(found).parameters[self._key].default
        return found

    @property
    def _key(self) -> str:
        return self.name[len(self.attribute) + 1 :].rstrip("]")

    @contextmanager
    def set_to(self, value: Any) -> Iterator[None]:
        """Another value, wherever the name was imported to, until the block ends."""
        old = getattr(self.home, self.attribute)
        new = value
        if "[" in self.name:
            new = {**old, self._key: value}
        elif "." in self.name:
            new = partial(old, **{self._key: value})
        users = [
            module
            for module in list(sys.modules.values())
            if vars(module).get(self.attribute) is old
        ]
        for module in users:
            setattr(module, self.attribute, new)
        try:
            yield
        finally:
            for module in users:
                setattr(module, self.attribute, old)


def _around(home: ModuleType, *names: str) -> tuple[Constant, ...]:
    """Half and twice the chosen value of each."""
    plain = [(name, Constant(home, name, ()).chosen) for name in names]
    return tuple(
        Constant(home, name, (type(value)(value / 2), type(value)(value * 2)))
        for name, value in plain
    )


def _scales() -> tuple[Constant, ...]:
    """Half and twice the median of each prior scale, and its width halved and doubled."""
    found = [*(f"SCALES[{group}]" for group in stacking.SCALES), "OTHER_SCALE"]
    listed = []
    for name in found:
        median, width = Constant(stacking, name, ()).chosen
        others = (
            (median / 2, width),
            (median * 2, width),
            (median, width / 2),
            (median, width * 2),
        )
        listed.append(Constant(stacking, name, others))
    return tuple(listed)


GROUPS: dict[str, tuple[Constant, ...]] = {
    "cold-start": (
        *_around(cold_start, "ACCURACY_EXPONENT", "ColdStart.scale", "TIE_VOTES", "TIE_OUT_OF"),
        Constant(cold_start, "ACCURACY_TOP", (0.9, 0.99)),
        Constant(cold_start, "LEAST_ACCURACY", (0.501, 0.55)),
        Constant(cold_start, "MOST_ACCURACY", (0.9, 0.99)),
        Constant(cold_start, "PRIOR_KEPT", (5.0, 9.0)),
        Constant(cold_start, "PRIOR_ASKED", (20.0,)),
        Constant(cold_start, "MOST_CONSISTENT", (0.9, 0.99)),
        Constant(cold_start, "WITHOUT_SWAPS", (0.6, 0.9)),
        Constant(cold_start, "OF_A_COIN", (0.2, 0.5)),
        Constant(cold_start, "FAR", (2.0, 6.0)),
        Constant(cold_start, "ORDER_FREE", (10, 1_000)),
    ),
    "confusions": (
        *_around(confusions, "Confusions.temper", "Confusions.anchor", "PRIOR_TIES"),
        Constant(confusions, "Confusions.temper", (1.0,)),
        Constant(confusions, "PRIOR_GAIN", (0.3, 0.49)),
        Constant(confusions, "PRIOR_FLOOR", (0.0, 0.1)),
    ),
    "ratios": (
        *_around(ratios, "Ratios.kappa", "Ratios.clip"),
        Constant(ratios, "Ratios.kappa", (5.0, 100.0)),
    ),
    "dawid-skene": _around(dawid_skene, "DawidSkene.smoothing", "DawidSkene.diagonal"),
    "evidence": (
        *_around(evidence, "MOST_JUDGES", "MOST_DOMAINS", "LEAST_IN_DOMAIN", "CROWD"),
        *_around(evidence, "FARTHEST", "BEND", "LONGER_BEND"),
        Constant(evidence, "MOST_DOMAINS", (0,)),
        Constant(evidence, "DOUBT", (0.0, 4.0)),
    ),
    "prior-means": (
        *_around(stacking, *(f"PRIOR_MEANS[{group}]" for group in stacking.PRIOR_MEANS)),
        *(Constant(stacking, f"PRIOR_MEANS[{group}]", (0.0,)) for group in stacking.PRIOR_MEANS),
    ),
    "likeness": (
        Constant(likeness, "RELATIVE", (0.0, 0.1, 0.4, 0.6)),
        Constant(likeness, "REVERSED_ALIKE", (0.0, 0.15, 0.5, 1.0)),
        Constant(likeness, "VOTED_ALIKE", (0.8, 0.95, 1.0)),
        *_around(likeness, "LEAST_SHARED"),
    ),
    "prior-scales": _scales(),
    "grids": (
        Constant(stacking, "GRID", ((0.05, 0.2, 0.6), tuple(np.geomspace(0.01, 2.0, 15)))),
        Constant(stacking, "StackedLogistic.sweeps", (0, 1, 3, 12)),
    ),
    "mixing": (
        *_around(mixing, "LEARNED_HALF", "LEARNED_SPREAD", "TREES_SHARE", "TREES_HALF"),
        *_around(mixing, "TREES_SPREAD", "SAME_PROMPT"),
        Constant(mixing, "SAME_PROMPT", (0.0,)),
        Constant(mixing, "LEARNED", ((0.0, 0.5, 1.0), tuple(np.linspace(0, 1, 41)))),
        Constant(mixing, "BOOSTING", ((0.0,), (0.4,), tuple(np.linspace(0, 0.6, 25)))),
    ),
    "thresholds": (
        Constant(label_model, "LEAST_ANSWERS", (1, 10, 25)),
        Constant(label_model, "BOOSTING_FROM", (10, 100)),
        *_around(label_model, "FOLDS"),
        Constant(label_model, "BOOSTING_FOLDS", (3, 10)),
        Constant(label_model, "FALL_BACK", (0.0, 2.0, 1e9)),
    ),
    "learners": (
        Constant(label_model, "StackedLogistic", (CrossValidated,)),
        Constant(mixing, "LEARNED", ((0.0,),)),
        Constant(mixing, "BOOSTING", ((0.0,),)),
    ),
    "boosting": (
        *_around(
            boosting,
            "GradientBoosting.trees",
            "GradientBoosting.leaves",
            "GradientBoosting.rate",
            "GradientBoosting.bins",
        ),
        Constant(boosting, "GradientBoosting.trees", (120,)),
        Constant(boosting, "GradientBoosting.ridge", (0.0, 10.0)),
        Constant(boosting, "LEAST_IN_LEAF", (2, 10)),
        *_around(boosting, "MOST_IN_LEAF", "LEAVES_FILLED"),
    ),
    "text": (
        Constant(text_classifier, "DistilledTextClassifier.ridge", (0.3, 3.0)),
        Constant(text_classifier, "DistilledTextClassifier.bits", (14, 18)),
        Constant(text_classifier, "DistilledTextClassifier.folds", (3, 10)),
        Constant(text_classifier, "NGRAMS", ((1, 1), (1, 3))),
        Constant(text_classifier, "WORDS_WITHIN", (1_000, 100_000)),
        Constant(text_features, "SHORTEST", (5.0, 80.0)),
        Constant(text_features, "LONGEST", (2_000, 200_000)),
        *_around(text_features, "REFUSAL_WITHIN"),
        *_around(reading, "FARTHEST", "BEND", "style_regression.ridge"),
        Constant(reading, "style_regression.folds", (5, 20)),
        Constant(candidates, "author_effect.ridge", (1.0, 25.0)),
        Constant(candidates, "author_effect.folds", (5, 20)),
        Constant(candidates, "neighbours_margin.ridge", (0.3, 3.0)),
    ),
    "ties": (
        Constant(ties, "_PRIOR", (ties._PRIOR / 2, ties._PRIOR * 2)),
        Constant(ties, "_SPREAD", (ties._SPREAD / 2, ties._SPREAD * 2)),
    ),
    "certificates": (
        Constant(
            levels,
            "SHARES",
            (
                tuple(np.linspace(0.1, 1, 10).round(2)),
                tuple(np.linspace(0.01, 1, 100).round(2)),
            ),
        ),
        Constant(levels, "_BUDGETS", ((1.0, 0.0, 0.0), (0.34, 0.33, 0.33), (0.8, 0.1, 0.1))),
    ),
    "drift": (
        Constant(drift, "FEW", (0, 2, 10)),
        Constant(
            drift,
            "fit_reference.windows",
            ((100,), (400,), (50, 100, 200, 400, 800), tuple(range(50, 801, 50))),
        ),
        Constant(drift, "fit_reference.false_alarms", (0.01, 0.1)),
        Constant(drift, "fit_reference.simulations", (100,)),
    ),
    "ordering": (
        Constant(ordering, "HALF_TAUGHT", (1e-9, 10.0, 200.0)),
        Constant(ordering, "queue_order.random_share", (0.0, 0.05, 0.3, 1.0)),
    ),
}
