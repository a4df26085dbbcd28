"""The `[training]` section: from what, for how long and how carefully models are trained."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer.vocabulary import Orders, Style

TINY = "tiny"
WORDS = "words"


class TrainerSettings(BaseModel):
    """How models are trained. Any value can be given on the command line, too: `--set KEY=VALUE`.

    A base is a folder, a hub id, or the word `tiny`: a small model built on this machine from the
    dataset's own texts, for demonstrations and tests. A judge can also be of `words`: it weighs
    words and simple features, needs no base, and trains in seconds on a CPU. Empty learning
    rates follow the base: 2e-3 for tiny, 1e-4 with LoRA, 2e-5 otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(TINY, description="base of reward, process and policy models")
    judge_base: str = Field(TINY, description="base of trained judges, or `words`")
    folder: Path = Field(Path("checkpoints"), description="where checkpoints are written")
    learning_rate: float | None = Field(None, gt=0)
    epochs: int = Field(8, ge=1)
    batch_size: int = Field(16, ge=1)
    gradient_accumulation: int = Field(1, ge=1)
    max_length: int = Field(512, ge=16, description="tokens of one sequence")
    long: Literal["truncate", "drop"] = Field("truncate", description="rows over max_length")
    patience: int = Field(2, ge=1, description="epochs without improvement on validation")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(0.01, ge=0)
    seed: int = Field(0, ge=0)
    soft: bool = Field(False, description="reward model: train on p_a instead of hard choices")
    rankings: Orders = Field(
        "plackett-luce", description="reward model: orders whole, or as pairs worth one answer"
    )
    lora: bool = False
    lora_rank: int = Field(16, ge=1)
    bf16: bool = Field(False, description="for GPUs; a CPU stays at 32 bits")
    judge_instructions: bool = Field(
        False, description="scoring judge: read the constant instructions before each pair, too"
    )
    judge_style: Style = Field(
        "scoring", description="classify the pair, or write reasons and then the verdict"
    )
    reasoning_tokens: int = Field(128, ge=8, description="generative judge: its longest answer")
    dpo: bool = Field(False, description="generative judge: then prefer right to wrong verdicts")
    human_weight: float = Field(2.0, gt=0, description="judge: weight of labels people settled")
    tensorboard: bool = Field(False, description="write curves for `tensorboard --logdir`")

    def rate(self, base: str) -> float:
        """The learning rate for this base."""
        if self.learning_rate is not None:
            return self.learning_rate
        if base == TINY:
            return 2e-3
        return 1e-4 if self.lora else 2e-5

    def recipe(self, base: str) -> dict[str, Any]:
        """Everything that changes the trained weights, as JSON values."""
        left_out = {"folder", "base", "judge_base", "learning_rate", "tensorboard"}
        return {
            "base": base,
            "learning_rate": self.rate(base),
            **self.model_dump(mode="json", exclude=left_out),
        }
