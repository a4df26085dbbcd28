"""How often the week's alarms ring where nothing changed, and whether a replaced judge is found.

    python benchmarks/alarm_rate.py ../shared/data [--sets vicuna80 pandalm] [--splits 100] [--json]

Each recorded set is split in two by prompt at random, as if one half were last week and the other
this one: every alarm is false. The peer is the level promised for all tests of a week together, 5%.
Then one judge's votes of the new half are exchanged for another judge's, pair by pair, for every
judge in turn: found is where `judge_drift` names it. Needs no database.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load

from app.pipeline.alarms import FALSE_ALARMS, STREAM_TESTS, Alarm, stream_drift
from app.pipeline.watch import of_votes, steady, stream_of
from judges.trust.vote_matrix import VoteMatrix

SETS = ("vicuna80", "vicuna80_gpt4only", "pandalm", "llmfao", "kmtbench_en", "arena33k")


def rings(found: Folder, vote_matrix: VoteMatrix, new_P: Any) -> list[Alarm]:
    """Every alarm of drift and shift of one week, as `watch` asks for them."""
    judges = steady(vote_matrix, new_P)
    level = FALSE_ALARMS / (2 + len(judges) + STREAM_TESTS)
    told = of_votes(vote_matrix, judges, new_P, level)
    told.append(stream_drift(stream_of(vote_matrix, found.texts), new_P, level))
    return [alarm for alarm in told if alarm is not None]


def measured(found: Folder, splits: int, most: int) -> dict[str, Any]:
    """Shares over random splits by prompt."""
    vote_matrix = found.vote_matrix
    prompts = np.unique(vote_matrix.prompt_P)
    false, kinds, named, asked = 0, list[str](), 0, 0
    for split in range(splits):
        rng = np.random.default_rng(split)
        some = rng.permutation(prompts)[:most]
        kept = np.isin(vote_matrix.prompt_P, some)
        part = vote_matrix.take(kept)
        texts = replace(
            found.texts,
            **{
                name: [column[i] for i in np.flatnonzero(kept)]
                for name, column in vars(found.texts).items()
                if len(column)
            },
        )
        here = replace(found, vote_matrix=part, texts=texts)
        new_P = np.isin(part.prompt_P, rng.permutation(some)[: len(some) // 2])
        rang = rings(here, part, new_P)
        false += bool(rang)
        kinds += [alarm.kind for alarm in rang]
        if split < splits // 5 and len(part.raters) > 1:
            for r in range(len(part.raters)):
                other = (r + 1 + split % (len(part.raters) - 1)) % len(part.raters)
                codes = part.codes_PRO.copy()
                codes[new_P, r] = codes[new_P, other]
                told = rings(here, replace(part, codes_PRO=codes), new_P)
                asked += 1
                named += any(a.figures.get("judge") == part.raters[r] for a in told)
    return {
        "set": found.name,
        "pairs": len(vote_matrix),
        "prompts": len(prompts),
        "judges": len(vote_matrix.raters),
        "splits": splits,
        "false_alarms": false / splits,
        "allowed": FALSE_ALARMS,
        "rang": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "replaced_found": named / asked if asked else None,
        "replaced": asked,
    }


def main() -> None:
    """One line a set."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path)
    options.add_argument("--sets", nargs="+", default=list(SETS))
    options.add_argument("--splits", type=int, default=100)
    options.add_argument("--most", type=int, default=1500, help="prompts of a set a split, drawn")
    options.add_argument("--json", action="store_true", help="one object a line")
    chosen = options.parse_args()
    if not chosen.data.is_dir():
        sys.exit(f"no recorded data at {chosen.data}; nothing is measured")
    for name in chosen.sets:
        row = measured(load(chosen.data / name), chosen.splits, chosen.most)
        told = json.dumps(row) if chosen.json else "  ".join(f"{k} {v}" for k, v in row.items())
        print(told, flush=True)


if __name__ == "__main__":
    main()
