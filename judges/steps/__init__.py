"""The judging room's steps. Each opens its own transactions; each may be killed and run again.

`fit_consensus` is the one owner of the consensus.
"""

from judges.steps.asking import run_judges
from judges.steps.batches import drop_batch, list_batches
from judges.steps.canaries import ask_canaries, compare_canaries, estimate_canaries
from judges.steps.estimating import estimate, reparse
from judges.steps.fitting import fit_consensus
from judges.steps.generating import form_pairs, generate
from judges.steps.listing import list_models
from judges.steps.pricing import PriceCheck, check_prices
from judges.steps.principled import hold_out, principle_report
from judges.steps.revising import revise, write_revisions

__all__ = [
    "PriceCheck",
    "ask_canaries",
    "check_prices",
    "compare_canaries",
    "drop_batch",
    "estimate",
    "estimate_canaries",
    "fit_consensus",
    "form_pairs",
    "generate",
    "hold_out",
    "list_batches",
    "list_models",
    "principle_report",
    "reparse",
    "revise",
    "run_judges",
    "write_revisions",
]
