"""The judging room's steps. Each opens its own transactions; each may be killed and run again.

`fit_consensus` is the one owner of the consensus.
"""

from judges.steps.asking import run_judges
from judges.steps.estimating import estimate, reparse
from judges.steps.fitting import fit_consensus

__all__ = ["estimate", "fit_consensus", "reparse", "run_judges"]
