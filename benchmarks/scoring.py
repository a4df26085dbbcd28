"""What does a faster copy of a reward model cost? fp32, bf16 and int8 on the very same pairs.

    python benchmarks/scoring.py [--data ../shared/data/hh_harmless] [--base tiny | FOLDER | HUB_ID]
                                 [--train 600] [--pairs 200] [--epochs 3] [--json]

Trains a reward model on some prompts of a folder of recorded pairs and scores pairs of other
prompts: median milliseconds a comparison at batch 1 and at batch 32 (with responses sorted by
length, and not), decisions that stayed, accuracy, megabytes. `--shape minilm` scores with a
22.7M-parameter encoder of random weights instead: its times are real, its accuracy means nothing.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from folders import rows

from trainer.quantize import How, quantize
from trainer.scoring import RewardScorer
from trainer.settings import TrainerSettings
from trainer.work import begin, finish

Row = dict[str, Any]
COPIES: tuple[How, ...] = ("bf16", "int8")


def preferences(folder: Path) -> tuple[list[Row], list[Row]]:
    """Decided pairs as preference rows, split by prompt: three quarters, one quarter."""
    gold = {row["pair_id"]: row["choice"] for row in rows(folder, "gold")}
    train: list[Row] = []
    test: list[Row] = []
    for row in rows(folder, "pairs"):
        choice = gold.get(row["pair_id"])
        if choice not in ("a", "b"):
            continue
        sides = (row["response_a"], row["response_b"])
        chosen, rejected = sides if choice == "a" else sides[::-1]
        digest = hashlib.sha256(json.dumps(row["prompt"]).encode()).hexdigest()
        meta = {"soft_target": 1.0, "prompt_hash": digest}
        made = {"prompt": row["prompt"], "chosen": chosen, "rejected": rejected, "meta": meta}
        (test if int(digest[:8], 16) % 4 == 0 else train).append(made)
    return train, test


def trained(train: list[Row], held: list[Row], folder: Path, options: argparse.Namespace) -> Path:
    """A reward model from the chosen base."""
    from trainer import reward_model

    settings = TrainerSettings(folder=folder, base=options.base, epochs=options.epochs)
    work = begin(folder, "reward", settings.recipe(options.base))
    reward_model.train(train, held, work, settings, "benchmark")
    return work.final


def shaped(train: list[Row], folder: Path) -> Path:
    """An encoder of MiniLM's shape (6 layers, 384 wide) with random weights."""
    from transformers import BertConfig, BertForSequenceClassification, set_seed

    from trainer.bases import build_tiny, load_tokenizer

    build_tiny([row["chosen"] for row in train], folder / "base")
    tokenizer = load_tokenizer(str(folder / "base"))
    set_seed(0)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForSequenceClassification(config)
    metadata = {
        "kind": "reward",
        "base": "minilm shape",
        "dataset": "benchmark",
        "max_length": 256,
        "rows": {},
        "temperature": 1.0,
    }
    return finish(begin(folder, "reward", {}, "shaped"), model, tokenizer, metadata, "")


def measured(folder: Path, pairs: Sequence[Row]) -> tuple[np.ndarray, dict[str, float]]:
    """Margins of the pairs and median milliseconds a comparison, by way of batching."""
    sides = [(row["prompt"], row[side]) for row in pairs for side in ("chosen", "rejected")]
    times = {}
    one = RewardScorer(folder, batch_size=2)
    one.score(sides[:4])
    each = [_timed(one, sides[i : i + 2])[1] for i in range(0, min(len(sides), 100), 2)]
    times["batch 1"] = float(np.median(each)) * 1000
    for name, bucketed in (("batch 32", False), ("batch 32, by length", True)):
        scorer = RewardScorer(folder, batch_size=64, bucketed=bucketed)
        scorer.score(sides[:4])
        margins, seconds = _timed(scorer, sides)
        times[name] = seconds / len(pairs) * 1000
    return margins, times


def _timed(scorer: RewardScorer, sides: Sequence[Any]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    scores = scorer.score(sides).reshape(-1, 2)
    return scores[:, 0] - scores[:, 1], time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "hh_harmless"
    parser.add_argument("--data", type=Path, default=beside)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--shape", choices=("minilm",))
    parser.add_argument("--train", type=int, default=600)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"there is no folder {str(options.data)!r}; give one with pairs and gold")
    train, test = preferences(options.data)
    pairs = test[: options.pairs]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        original = (
            shaped(train[: options.train], folder)
            if options.shape
            else trained(train[: options.train], test[-100:], folder, options)
        )
        report = compare(original, pairs)
    if options.json:
        print(json.dumps(report, indent=2))
        return
    names = list(report["fp32"])
    print(f"{'':8}" + "".join(f"{n:>22}" for n in names))
    for how, figures in report.items():
        print(f"{how:8}" + "".join(f"{figures[n]:22.3f}" for n in names))


def compare(original: Path, pairs: Sequence[Row]) -> dict[str, dict[str, float]]:
    """All figures of the original and its copies on the same pairs, times as ms a comparison."""
    reference, times = measured(original, pairs)
    size = sum(p.stat().st_size for p in original.glob("*.safetensors"))
    right = float((reference > 0).mean())
    report = {"fp32": {**times, "same decision": 1.0, "accuracy": right, "MB": size / 1e6}}
    for how in COPIES:
        target = original.with_name(how)
        done = quantize(original, target, how, pairs)
        margins, times = measured(target, pairs)
        report[how] = {
            **times,
            "same decision": float((np.sign(margins) == np.sign(reference)).mean()),
            "accuracy": float((margins > 0).mean()),
            "MB": done.bytes_after / 1e6,
        }
    return report


if __name__ == "__main__":
    main()
