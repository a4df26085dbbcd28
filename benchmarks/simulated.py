"""Do a few answers help, and is the cold start as sure as it is right? On panels with known truth.

    python benchmarks/simulated.py [--worlds NAME...] [--seeds 10] [--json]

The worlds are the kinds on which few answers once did harm (prompts of one model, strong judges,
few prompts, two weak judges), or the cold start was far too sure (judges that repeat each other),
or judges differ by domain. A judge sees how much better A is, with a mistake that all share, one
that its family shares and one of its own; each order adds its bias and a slip. Splits are those of
quality.py. A line gives the mean log-loss on held-out pairs by number of answers, how much that is
above none (with its standard error), and by how much the mean confidence without answers is above
the accuracy.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from folders import Folder
from numpy.typing import NDArray
from quality import ANSWERS, split
from threadpoolctl import threadpool_limits

from judges.trust.calibration import accuracy, log_loss
from judges.trust.cold_start import ColdStart
from judges.trust.label_model import LabelModel
from judges.trust.reading import style_regression
from judges.trust.text_features import ODD_NAMES, PairTexts
from judges.trust.vote_matrix import BA, MISSING, TIE, A, B, VoteMatrix

Floats = NDArray[np.float64]
PAIRS, TIES = 600, 0.02


@dataclass(frozen=True)
class World:
    """A kind of panel.

    skill: how strongly each judge sees that A is better, against a mistake of unit size. shared,
    relative: share of that mistake common to all, and of the rest common to a family. bias, slip:
    pull of the first place and size of what an order adds. longer: correlation of length with the
    truth; judges like length by as much. gain: skill by judge and domain, times this.
    copies: judges that repeat the first, but for a share `rerun` of their votes.
    """

    skill: tuple[float, ...]
    families: tuple[str, ...] = ()
    shared: float = 0.3
    relative: float = 0.6
    bias: float = 0.3
    slip: float = 0.6
    longer: float = 0.3
    prompts: int = PAIRS
    gain: tuple[tuple[float, ...], ...] = ((1.0,),)
    orders: int = 2
    copies: int = 0
    rerun: float = 0.05


ONE_MODEL = ("one",) * 5
STRONG = World((3.2, 3.0, 2.8, 2.6, 2.4), shared=0.5, bias=0.2, slip=0.4, longer=0.1)
WORLDS = {
    "prompts of one model": World((1.3, 1.2, 1.2, 1.1, 1.0), ONE_MODEL, shared=0.2, relative=0.8),
    "strong prompts of one model": World(
        (2.5, 2.4, 2.3, 2.2, 2.1), ONE_MODEL, shared=0.2, relative=0.8
    ),
    "strong judges": replace(STRONG, gain=((1.0,) * 6,)),
    "strong judges, one order": replace(STRONG, gain=((1.0,) * 6,), orders=1),
    "very strong judges": World((4.5, 4.0, 3.5, 3.0, 2.5), shared=0.1, bias=0.2, longer=0.1),
    "middling judges": World((1.8, 1.5, 1.2, 1.0, 0.8)),
    "one order": World((2.2, 1.8, 1.5, 1.2, 1.0), orders=1),
    "two weak judges": World((0.8, 0.6)),
    "few prompts": World((1.8, 1.5, 1.2, 1.0), prompts=12),
    "adversarial domains": World((1.8, 1.6, 1.4, 1.2), gain=((1.0, 1.0, 1.0, -0.4, -0.6),)),
    "judges differ by domain": World(
        (1.6, 1.6, 1.4, 1.2),
        gain=((1.5, 0.2, 1.5, 0.2), (0.2, 1.5, 0.2, 1.5), (1.0,) * 4, (0.7,) * 4),
    ),
    "copies": World((1.3,) * 5, shared=0.4, copies=4, rerun=0.0),
    "reruns": World((1.3,) * 5, shared=0.4, copies=4, rerun=0.1),
    "reruns, one order": World((1.3,) * 5, shared=0.4, copies=4, orders=1),
    "reruns of a weak judge": World((0.8,) * 5, shared=0.4, copies=4),
    "reruns among others": World((0.8, 0.8, 0.8, 0.8, 1.8, 1.5), copies=3),
}


def draw(name: str, seed: int, pairs: int = PAIRS) -> Folder:
    """One panel of that kind, its odd features and its truth."""
    world, rng = WORLDS[name], np.random.default_rng(seed)
    better = rng.normal(size=pairs)
    style = rng.normal(size=(pairs, len(ODD_NAMES)))
    style[:, 0] = world.longer * better + np.sqrt(1 - world.longer**2) * style[:, 0]
    prompt = rng.integers(0, world.prompts, pairs) if world.prompts < PAIRS else np.arange(pairs)
    domains = len(world.gain[0])
    domain = prompt % domains if domains > 1 else np.full(pairs, -1)
    codes = _votes(world, rng, better, world.longer * style[:, 0], domain)
    raters = tuple(f"judge-{number}" for number in range(len(world.skill)))
    bare = VoteMatrix(
        codes,
        raters,
        world.families or raters,
        prompt,
        domain,
        tuple(f"domain-{number}" for number in range(domains)) if domains > 1 else (),
    )
    margin = 2 * ColdStart().fit(bare).predict(bare).win_P - 1
    taught = style_regression(style.astype(np.float32), margin, bare.part_P)
    vote_matrix = replace(
        bare,
        features_PF=np.column_stack([style, taught]).astype(np.float32),
        feature_names=(*ODD_NAMES, "style regression"),
    )
    truth = np.where(better > 0, A, B).astype(np.int8)
    return Folder(name, vote_matrix, PairTexts([], [], []), truth)


def _votes(
    world: World,
    rng: np.random.Generator,
    better: Floats,
    liked: Floats,
    domain: NDArray[np.int64],
) -> NDArray[np.int8]:
    pairs, judges = len(better), len(world.skill)
    gain = np.broadcast_to(np.array(world.gain), (judges, len(world.gain[0])))
    families = world.families or tuple(str(judge) for judge in range(judges))
    of_all, by_family = rng.normal(size=pairs), rng.normal(size=(judges, pairs))
    codes = np.full((pairs, judges, 2), MISSING, np.int8)
    for judge, skill in enumerate(world.skill):
        mistake = np.sqrt(world.relative) * by_family[families.index(families[judge])]
        mistake += np.sqrt(1 - world.relative) * rng.normal(size=pairs)
        seen = skill * gain[judge][domain] * better + liked
        seen += np.sqrt(world.shared) * of_all + np.sqrt(1 - world.shared) * mistake
        for order in range(world.orders):
            pull = -world.bias if order == BA else world.bias
            vote = np.where(seen + pull + world.slip * rng.normal(size=pairs) > 0, A, B)
            vote = np.where(rng.random(pairs) < TIES, TIE, vote)
            if 0 < judge <= world.copies:
                vote = np.where(rng.random(pairs) < world.rerun, vote, codes[:, 0, order])
            codes[:, judge, order] = vote
    return codes


def measured(
    name: str, seeds: int, numbers: Sequence[int] = ANSWERS
) -> dict[int, list[tuple[float, float]]]:
    """Log-loss and confidence minus accuracy on held-out pairs, by number of answers and seed."""
    found: dict[int, list[tuple[float, float]]] = {answers: [] for answers in numbers}
    for seed in range(seeds):
        folder = draw(name, seed)
        test, pool = split(folder, seed)
        for answers in numbers:
            labels = np.full(len(folder.vote_matrix), MISSING, np.int8)
            labels[pool[:answers]] = folder.truth_P[pool[:answers]]
            model = LabelModel().fit(folder.vote_matrix, labels)
            win, truth = model.predict(folder.vote_matrix).win_P[test], folder.truth_P[test]
            sure = float(np.maximum(win, 1 - win).mean())
            found[answers].append((log_loss(win, truth), sure - accuracy(win, truth)))
    return found


def lines(name: str, seeds: int) -> Iterator[dict[str, Any]]:
    """One line for each number of answers."""
    found = {answers: np.array(values) for answers, values in measured(name, seeds).items()}
    for answers, values in found.items():
        above = values[:, 0] - found[0][:, 0]
        yield {
            "set": name,
            "method": "tiebreak",
            "labels": answers,
            "metric": "log_loss",
            "mean": round(float(values[:, 0].mean()), 4),
            "above_none": round(float(above.mean()), 4),
            "standard_error": round(float(above.std(ddof=1) / np.sqrt(seeds)), 4),
            "over_sure": round(float(values[:, 1].mean()), 4),
            "seeds": seeds,
        }


def main() -> int:
    """Measure every world and print one line per number of answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--seeds", type=int, default=10, help="panels of each kind, at least 2")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with threadpool_limits(1):
        for name in asked.worlds:
            for line in lines(name, max(asked.seeds, 2)):
                print(json.dumps(line) if asked.json else show(line), flush=True)
    return 0


def show(line: dict[str, Any]) -> str:
    """One figure for people."""
    against = f"{line['above_none']:+.3f} ± {line['standard_error']:.3f}"
    return (
        f"{line['set']:<30}{line['labels']:>4}{line['mean']:>8.3f}  {against}"
        f"  over-sure {line['over_sure']:+.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
