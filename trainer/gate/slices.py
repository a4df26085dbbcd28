"""Where a rater is good and where not: accuracy on parts of the gold, agreement with each expert.

Leaves out the measures of the whole (`trainer.gate.evaluate`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import mean_by_prompt
from judges.trust.vote_matrix import MISSING, TIE, A, B
from trainer.gate.evaluate import GoldTable, relative_length
from trainer.gate.rules import GateAnswers, as_figures, right

Mask = NDArray[np.bool_]
Figures = dict[str, dict[str, dict[str, Any]]]
"""Part of the gold, or reference -> rater -> share right with its interval."""

EVERYBODY = "all experts"
_LENGTHS = ((0.0, 0.1), (0.1, 0.3), (0.3, 1.01))
_LEAST_ANSWERS = 10  # decided answers of an expert below which only the pool is told


def slices_of(
    gold: GoldTable, principles: Mapping[int, frozenset[str]] | None = None
) -> dict[str, Mask]:
    """Masks by domain, by principle and by the generation that froze the pair, where several."""
    pairs, found = gold.pairs, {}
    for label, values in (
        ("domain", [p.domain for p in pairs]),
        ("gold of generation", [p.generation for p in pairs]),
    ):
        distinct = sorted({v for v in values if v is not None}, key=str)
        if len(distinct) > 1:
            for each in distinct:
                found[f"{label} {each}"] = np.array([v == each for v in values])
    named = principles or {}
    for name in sorted(set().union(*named.values()) if named else ()):
        found[f"principle {name}"] = np.array([name in named.get(p.id, ()) for p in pairs])
    return found


def by_slice(
    answers: Mapping[str, GateAnswers],
    gold: GoldTable,
    principles: Mapping[int, frozenset[str]] | None = None,
    seed: int = 0,
) -> Figures:
    """Accuracy of every rater by domain, generation, principle, source and difference in length.

    Length is told relative to the longer response.
    """
    masks = slices_of(gold, principles)
    sources = sorted({p.source or "unknown" for p in gold.pairs})
    if len(sources) > 1:
        for source in sources:
            masks[f"source {source}"] = np.array(
                [(p.source or "unknown") == source for p in gold.pairs]
            )
    apart = relative_length(gold)
    for low, high in _LENGTHS:
        name = f"length differs {low:.0%} to {min(high, 1.0):.0%}"
        masks[name] = (np.abs(apart) >= low) & (np.abs(apart) < high)
    decided = gold.truth_P != TIE
    return {
        name: {
            rater: _share(each, gold.truth_P, gold, mask, seed) for rater, each in answers.items()
        }
        for name, mask in masks.items()
        if (mask & decided).any()
    }


def agreement(
    answers: Mapping[str, GateAnswers],
    gold: GoldTable,
    experts: Mapping[str, Mapping[int, int]],
    panel: str,
    seed: int = 0,
) -> Figures:
    """How often each rater says what each expert, all of them, and the panel say.

    experts: annotator -> pair id -> code of the blind answer. Only pairs on which the reference
    says A or B count; a rater is never compared with itself.
    """
    codes = {
        name: np.array([said.get(p.id, MISSING) for p in gold.pairs], dtype=np.int8)
        for name, said in experts.items()
    }
    told = {f"expert {k}": v for k, v in sorted(codes.items()) if _decided(v) >= _LEAST_ANSWERS}
    found: Figures = {
        name: {rater: _against(each, [code], gold, seed) for rater, each in answers.items()}
        for name, code in told.items()
    }
    if any(_decided(code) for code in codes.values()):
        found[EVERYBODY] = {
            rater: _against(each, list(codes.values()), gold, seed)
            for rater, each in answers.items()
        }
    if panel in answers:
        win_probability = answers[panel].win_P
        said = np.where(win_probability == 0.5, TIE, np.where(win_probability > 0.5, A, B)).astype(
            np.int8
        )
        found[panel] = {
            rater: _against(each, [said], gold, seed)
            for rater, each in answers.items()
            if rater != panel
        }
    return found


def _decided(code_P: NDArray[np.int8]) -> int:
    return int(np.isin(code_P, (A, B)).sum())


def _share(
    answers: GateAnswers, code_P: NDArray[np.int8], gold: GoldTable, mask: Mask, seed: int
) -> dict[str, Any]:
    hits = right(answers.win_P, code_P)[mask]
    return as_figures(mean_by_prompt(hits, gold.prompt_P[mask], np.random.default_rng(seed)))


def _against(
    answers: GateAnswers, codes: list[NDArray[np.int8]], gold: GoldTable, seed: int
) -> dict[str, Any]:
    """Share right over every answer of these references, one after the other."""
    hits, prompts = [], []
    for code_P in codes:
        mask = np.isin(code_P, (A, B))
        hits.append(right(answers.win_P, code_P)[mask])
        prompts.append(gold.prompt_P[mask])
    rng = np.random.default_rng(seed)
    return as_figures(mean_by_prompt(np.concatenate(hits), np.concatenate(prompts), rng))
