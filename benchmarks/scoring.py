"""What does a faster copy of a reward model cost? fp32, bf16 and int8 on the very same pairs.

    python benchmarks/scoring.py [--data ../shared/data/hh_harmless] [--base tiny | FOLDER | HUB_ID]
                                 [--train 200] [--pairs 100] [--epochs 1] [--rate 1e-4] [--json]

Trains a reward model on some prompts of a folder of recorded pairs and scores pairs of other
prompts, the copies in turn, several rounds: median milliseconds a comparison at batch 1 and at
batch 32 (with responses sorted by length, and not), each also as a ratio to fp32; decisions that
stayed; accuracy; calibration with the original's temperature and with one fitted again on pairs
apart; megabytes. Then the service is asked over HTTP on loopback, by one client and by eight: how
long a comparison takes, and how many stay under 100 ms. `--shape minilm` scores with a
22.7M-parameter encoder of random weights instead: its times are real, its accuracy means nothing.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from folders import rows
from scipy.special import expit

from judges.trust.calibration import ece
from judges.trust.vote_matrix import A
from trainer.serving.quantize import quantize
from trainer.serving.scoring import RewardScorer
from trainer.serving.server import application
from trainer.settings import TrainerSettings
from trainer.vocabulary import Precision
from trainer.workspace import open_workspace, publish_model

Row = dict[str, Any]
COPIES: tuple[Precision, ...] = ("bf16", "int8")
WAYS = (("batch 1", 2, False), ("batch 32", 64, False), ("batch 32, by length", 64, True))
CLAIM_MS = 100


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

    settings = TrainerSettings(
        folder=folder,
        base=options.base,
        epochs=options.epochs,
        learning_rate=options.rate or (None if options.base == "tiny" else 1e-4),
        max_length=options.max_length,
    )
    work = open_workspace(folder, "reward", settings.recipe(options.base))
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
    return publish_model(
        open_workspace(folder, "reward", {}, "shaped"), model, tokenizer, metadata, ""
    )


def times(folders: dict[str, Path], sides: Sequence[Any], rounds: int) -> dict[str, Any]:
    """Median milliseconds a comparison by copy and way of batching; copies take turns."""
    found: dict[str, dict[str, list[float]]] = {
        how: {way: [] for way, _, _ in WAYS} for how in folders
    }
    scorers = {how: RewardScorer(folder) for how, folder in folders.items()}
    for scorer in scorers.values():
        scorer.score(sides[:4])
    for _ in range(rounds):
        for how, scorer in scorers.items():
            for way, scorer.batch_size, scorer.bucketed in WAYS:
                alone = way == "batch 1"
                some = sides[: 2 * 40] if alone else sides
                step = 2 if alone else len(some)
                for at in range(0, len(some), step):
                    part = some[at : at + step]
                    start = time.perf_counter()
                    scorer.score(part)
                    took = (time.perf_counter() - start) * 1000 / (len(part) / 2)
                    found[how][way].append(took)
    return {
        how: {way: float(np.median(each)) for way, each in ways.items()}
        for how, ways in found.items()
    }


def margins(folder: Path, pairs: Sequence[Row]) -> np.ndarray:
    """Log-odds of the better response over the worse, by the checkpoint's own temperature."""
    sides = [(row["prompt"], row[side]) for row in pairs for side in ("chosen", "rejected")]
    scores = RewardScorer(folder).score(sides).reshape(-1, 2)
    return scores[:, 0] - scores[:, 1]


def calibration(margin: np.ndarray) -> float:
    """ECE of the probabilities these log-odds stand for; the first response is the better one."""
    win_probability = expit(margin)
    return ece(win_probability, np.full(len(win_probability), A, dtype=np.int8))


def compare(
    original: Path, pairs: Sequence[Row], apart: Sequence[Row], rounds: int
) -> dict[str, dict[str, Any]]:
    """All figures of the original and its copies on `pairs`; temperatures are of `apart`."""
    folders, size = {"fp32": original}, {}
    size["fp32"] = sum(p.stat().st_size for p in original.glob("*.safetensors"))
    for how in COPIES:
        folders[how] = original.with_name(how)
        size[how] = quantize(original, folders[how], how, apart).bytes_after
    factor = {how: RewardScorer(f).metadata["temperature"] for how, f in folders.items()}
    reference = margins(original, pairs)
    took = times(
        folders,
        [(row["prompt"], row[side]) for row in pairs for side in ("chosen", "rejected")],
        rounds,
    )
    report: dict[str, dict[str, Any]] = {}
    for how, folder in folders.items():
        margin = margins(folder, pairs)
        report[how] = {
            **took[how],
            **{f"{way} / fp32": took[how][way] / took["fp32"][way] for way in took[how]},
            "same decision": float((np.sign(margin) == np.sign(reference)).mean()),
            "accuracy": float((margin > 0).mean()),
            "ECE, fp32's temperature": calibration(margin / factor[how] * factor["fp32"]),
            "ECE, its own": calibration(margin),
            "MB": size[how] / 1e6,
        }
        for clients in (1, 8):
            report[how] |= served(folder, pairs, clients)
    return report


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """The scoring service on a free port of loopback."""
    import uvicorn

    scorer = RewardScorer(folder, batch_size=64)
    scorer.load()
    app = application(scorer.read, folder.name)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the scoring service did not start")
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def served(folder: Path, pairs: Sequence[Row], clients: int) -> dict[str, Any]:
    """Comparisons over HTTP: median and 95th percentile in ms, share under the claimed 100 ms."""
    with service(folder) as url, ThreadPoolExecutor(clients) as pool:

        def ask(row: Row) -> float:
            asked = {
                "prompt": row["prompt"],
                "response_a": row["chosen"],
                "response_b": row["rejected"],
            }
            start = time.perf_counter()
            request = urllib.request.Request(f"{url}/compare", json.dumps(asked).encode())
            with urllib.request.urlopen(request, timeout=60) as reply:
                json.loads(reply.read())
            return (time.perf_counter() - start) * 1000

        ask(pairs[0])
        took = np.array(list(pool.map(ask, pairs)))
    who = f"HTTP, {clients} client{'s' if clients > 1 else ''}"
    return {
        f"{who}: median": float(np.median(took)),
        f"{who}: 95%": float(np.quantile(took, 0.95)),
        f"{who}: under {CLAIM_MS} ms": float((took < CLAIM_MS).mean()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "hh_harmless"
    parser.add_argument("--data", type=Path, default=beside)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--shape", choices=("minilm",))
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"there is no folder {str(options.data)!r}; give one with pairs and gold")
    train, test = preferences(options.data)
    pairs, apart = test[: options.pairs], test[options.pairs : options.pairs + 60]
    if len(apart) < 20:
        sys.exit(
            f"{str(options.data)!r} holds {len(test)} test pairs, and --pairs {options.pairs} "
            "leaves fewer than 20 to fit temperatures on; give a smaller --pairs"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        original = (
            shaped(train[: options.train], folder)
            if options.shape
            else trained(train[: options.train], apart, folder, options)
        )
        report = compare(original, pairs, apart, options.rounds)
    if options.json:
        print(json.dumps(report, indent=2))
        return
    print(f"{len(pairs)} pairs, up to {options.max_length} tokens a response; times in ms")
    print(f"{'':34}" + "".join(f"{how:>10}" for how in report))
    for what in report["fp32"]:
        print(f"{what:34}" + "".join(f"{figures[what]:10.3f}" for figures in report.values()))


if __name__ == "__main__":
    main()
