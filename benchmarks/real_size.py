"""How fast is a model of real size here? Reward training and batched judging at 0.5B weights.

    python benchmarks/real_size.py [--shape 0.5b | tiny] [--batch 16] [--length 512] [--steps 20]

Builds the architecture from its configuration with random weights (Qwen2's 0.5B shape), trains a
reward model and a scoring judge on pairs of made-up words through the product's own trainers, then
asks the judge in batches. Printed: optimiser steps and pairs a second, comparisons a second at
batch 1 and in batches, and peak memory: of the GPU where there is one (bf16), else of the process
(32 bits). The figures speak of speed and size alone; such a model knows nothing.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from db.probabilities import Probabilities
from db.vocabulary import Choice, Order
from judges.asking import Question
from judges.constitution import Constitution
from judges.local import LocalJudge
from judges.prompts import Template
from trainer import judge_training, reward_model
from trainer.bases import build_tiny
from trainer.judge_training import Lesson
from trainer.settings import TrainerSettings
from trainer.workspace import open_workspace

# The published configuration of Qwen2-0.5B: 494 million weights with tied embeddings.
HALF_BILLION = {
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
}
RULES = Constitution(chapters=())


def words(rng: random.Random, count: int) -> str:
    """So many made-up words."""
    return " ".join(
        "".join(rng.choice("aeioubdgklmnprst") for _ in range(rng.randint(2, 7)))
        for _ in range(count)
    )


def base(folder: Path, shape: str, texts: list[str]) -> Path:
    """A saved base: the tiny one, or a random model of the real shape behind its tokenizer."""
    build_tiny(texts, folder)
    if shape != "tiny":
        from transformers import AutoConfig, Qwen2ForCausalLM, set_seed

        config = AutoConfig.from_pretrained(folder)
        for name, value in HALF_BILLION.items():
            setattr(config, name, value)
        config.layer_types = ["full_attention"] * HALF_BILLION["num_hidden_layers"]
        set_seed(0)
        Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


class Clock:
    """Seconds a step, by the trainer's own progress; the first step warms up and is left out."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def __call__(self, _label: str, _done: int, _total: int) -> None:
        """A step has ended."""
        self.at.append(time.perf_counter())

    def steps_per_second(self) -> float:
        """Over all steps but the first."""
        return (len(self.at) - 1) / (self.at[-1] - self.at[0])


def peak_mb() -> float:
    """Of the GPU since the last reset where there is one, else of this process so far."""
    import torch

    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 1e6
        torch.cuda.reset_peak_memory_stats()
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def rated(lessons: list[Lesson]) -> list[dict[str, Any]]:
    """The lessons as preference rows: A chosen."""
    meta = {"soft_target": 1.0}
    return [{"prompt": x.prompt, "chosen": x.a, "rejected": x.b, "meta": meta} for x in lessons]


def trained(folder: Path, lessons: list[Lesson], settings: TrainerSettings) -> dict[str, Any]:
    """Training of a reward model: its speed and memory."""
    clock = Clock()
    work = open_workspace(folder, "reward", settings.recipe(settings.base))
    reward_model.train(rated(lessons), [], work, settings, "made-up words", clock)
    speed = clock.steps_per_second()
    return {
        "steps_per_second": speed,
        "pairs_per_second": speed * settings.batch_size,
        "training_peak_mb": peak_mb(),
    }


def asked(folder: Path, lessons: list[Lesson], settings: TrainerSettings) -> dict[str, Any]:
    """Batched judging by a judge trained for two steps: comparisons a second and memory."""
    work = open_workspace(folder, "judge", settings.recipe(settings.judge_base))
    judge_training.train(lessons[:2], [], work, settings, RULES, "made-up words")
    peak_mb()
    template = Template(RULES, output="token")
    questions = [
        template.render(x.prompt, x.a, x.b, order)
        for x in lessons
        for order in (Order.AB, Order.BA)
    ]
    return {
        "judged_per_second_1": _speed(LocalJudge(work.final, batch_size=1), questions[:8]),
        f"judged_per_second_{settings.batch_size}": _speed(
            LocalJudge(work.final, batch_size=settings.batch_size), questions
        ),
        "judging_peak_mb": peak_mb(),
    }


def _speed(judge: LocalJudge, questions: list[Question]) -> float:
    judge.score(questions[:1])
    start = time.perf_counter()
    judge.score(questions)
    return len(questions) / (time.perf_counter() - start)


def measured(shape: str, batch: int, length: int, steps: int) -> dict[str, Any]:
    """All figures of one shape."""
    import torch

    rng = random.Random(0)
    sure = Probabilities.sure(Choice.A)
    lessons = [
        Lesson(str(i), words(rng, 20), words(rng, length), words(rng, length), None, sure)
        for i in range(batch * steps)
    ]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        start = str(base(folder / "base", shape, [x.a for x in lessons]))
        settings = TrainerSettings(
            base=start,
            judge_base=start,
            folder=folder,
            epochs=1,
            batch_size=batch,
            max_length=length,
            learning_rate=1e-5,
            bf16=True,
        )
        peak_mb()
        gpu = torch.cuda.is_available()
        return {
            "shape": shape,
            "device": torch.cuda.get_device_name() if gpu else "cpu",
            "batch": batch,
            "length": length,
            **trained(folder, lessons, settings),
            **asked(folder, lessons, settings),
        }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=("0.5b", "tiny"), default="0.5b")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=512, help="tokens of one sequence")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    found = measured(options.shape, options.batch, options.length, options.steps)
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}))


if __name__ == "__main__":
    main()
