"""How often the gate lets a challenger through, by its true gain and by how much gold there is.

    python benchmarks/gate_power.py [--trials 400] [--seed 1] [--json]

Simulated gold: prompts of three pairs, an incumbent right on 80%, and on 15% of the pairs one of
the two is right alone. Only the rule on accuracy is met here; calibration, reversals, slices and
the human share can but refuse more. A gain of 0 is the peer: what passes there passed by chance.
"""

import argparse
import json
from typing import Any

import numpy as np

from judges.trust.intervals import paired_difference

GOLD = (100, 150, 300, 600, 1000, 2000, 4000)
GAINS = (0.0, 0.02, 0.04, 0.06)
RIGHT, APART, A_PROMPT = 0.8, 0.15, 3


def share_promoted(pairs: int, gain: float, trials: int, seed: int) -> float:
    """The share of trials whose 95% interval of the gain lies above 0, as the gate asks."""
    rng = np.random.default_rng(seed)
    prompt_P = np.arange(pairs) // A_PROMPT
    passed = 0
    for _ in range(trials):
        draw_P = rng.random(pairs)
        better, worse = (APART + gain) / 2, (APART - gain) / 2
        ours = (draw_P < better) | (draw_P >= APART)
        theirs = (draw_P >= better) & (draw_P < better + worse) | (draw_P >= APART)
        both_wrong = (draw_P >= APART) & (rng.random(pairs) > (RIGHT - worse) / (1 - APART))
        ours, theirs = ours & ~both_wrong, theirs & ~both_wrong
        found = paired_difference(
            ours.astype(float), theirs.astype(float), prompt_P, rng, repeats=400
        )
        passed += found.low is not None and found.low > 0
    return passed / trials


def main() -> None:
    """One line a size of gold."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--trials", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", action="store_true", help="one object a line")
    chosen = options.parse_args()
    for pairs in GOLD:
        row: dict[str, Any] = {"decided_gold_pairs": pairs}
        for gain in GAINS:
            row[f"+{gain:.2f}"] = share_promoted(pairs, gain, chosen.trials, chosen.seed)
        print(json.dumps(row) if chosen.json else "  ".join(f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
