"""The `[training]` section: from what, for how long and how carefully models are trained."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trainer.vocabulary import Orders, Style

TINY = "tiny"
WORDS = "words"


_TOLD = {"tensorboard", "log_every", "snapshot_every", "snapshot_minutes", "report_to"}
_LATER = (
    *("optimizer", "scheduler", "merge", "dtype", "attention", "activation_checkpointing"),
    *("packing", "liger", "evaluate_every"),
)


class TrainerSettings(BaseModel):
    """How models are trained. Any value can be given on the command line, too: `--set KEY=VALUE`.

    A base is a folder or a hub id: docs/bases.md names some by size. Reward models and judges can
    also be of `words`: they weigh words and simple features, need no base, and train in seconds on
    a CPU. The word `tiny` is a toy, built on this machine from the dataset's own texts: it shows
    that a path works. Empty learning rates follow the base: 2e-3 for tiny, 1e-4 with LoRA, 2e-5
    otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = Field(
        WORDS,
        description="base of reward, process and policy models: folder, hub id, `words` (reward "
        "models alone) or `tiny`, a toy",
    )
    judge_base: str = Field(
        WORDS, description="base of trained judges: folder, hub id, `words` or `tiny`, a toy"
    )
    folder: Path = Field(
        Path("checkpoints"), description="folder for checkpoints, beside tiebreak.toml"
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="largest step of the optimiser; unset: 2e-3 for tiny, 1e-4 with LoRA, else "
        "2e-5; generative judges take a tenth for DPO",
    )
    # A ceiling: training stops earlier, `patience` epochs after validation was best.
    epochs: int = Field(
        8, ge=1, description="passes over the data at most; validation may stop earlier"
    )
    batch_size: int = Field(16, ge=1, description="rows of one forward pass on each device")
    gradient_accumulation: int = Field(
        1, ge=1, description="batches summed before one step of the optimiser"
    )
    max_length: int = Field(512, ge=16, description="longest sequence, tokens")
    long: Literal["truncate", "drop"] = Field(
        "truncate",
        description="reward model: rows over max_length lose the beginning of the prompt, or go",
    )
    patience: int = Field(
        2, ge=1, description="validations without a lower loss before training stops"
    )
    warmup: float = Field(
        0.1, ge=0, lt=1, description="share of the steps over which the rate rises"
    )
    optimizer: str | None = Field(
        None, description="an optimiser by transformers' name, e.g. adafactor; unset: AdamW"
    )
    scheduler: str = Field(
        "cosine", description="how the learning rate falls, by transformers' name, e.g. linear"
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW's pull of the weights to zero")
    seed: int = Field(0, ge=0, description="seed of initial weights and of the order of rows")
    soft: bool = Field(
        False, description="reward model and judge: learn probabilities instead of the choice"
    )
    rankings: Orders = Field(
        "plackett-luce",
        description="reward model: learn an order as a whole, or as pairs worth one answer",
    )
    lora: bool = Field(
        False, description="train low-rank adapters, merged in the end, instead of all weights"
    )
    merge: bool = Field(
        True,
        description="LoRA: write the merged model, in the base's precision, with the adapter "
        "beside it; false: the adapter alone, which needs its base to load",
    )
    lora_rank: int = Field(16, ge=1, description="rank of the adapters; their alpha is twice that")
    bf16: bool = Field(False, description="16-bit arithmetic on a GPU; a CPU stays at 32 bits")
    dtype: Literal["float32", "bfloat16", "auto"] = Field(
        "float32", description="precision the weights are trained in; auto: as the base is stored"
    )
    attention: Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3"] | None = Field(
        None, description="how attention is computed; unset: as transformers chooses"
    )
    activation_checkpointing: bool = Field(
        False, description="compute activations twice instead of keeping them: less memory, slower"
    )
    packing: bool = Field(
        False,
        description="sft and generative judge: several rows in one sequence; wants "
        "attention = flash_attention_2, without which rows see each other",
    )
    liger: bool = Field(
        False, description="Liger's fused kernels; needs a GPU and the package liger-kernel"
    )
    judge_instructions: bool = Field(
        False, description="scoring judge: read the constant instructions before each pair, too"
    )
    judge_style: Style = Field(
        "scoring",
        description="judge: classify the pair, or write reasons and then the verdict; `words` "
        "does neither",
    )
    reasoning_tokens: int = Field(
        128, ge=8, description="generative judge: its longest answer, tokens"
    )
    dpo: bool = Field(
        False, description="generative judge: then prefer right to wrong verdicts by DPO"
    )
    human_weight: float = Field(
        2.0, gt=0, description="judge: weight of a label people settled; the panel's weigh 1"
    )
    judge_folds: int | None = Field(
        None,
        ge=0,
        description="judge: groups of prompts it answers blind, so that its worth there can be "
        "learnt; each is a training more; unset: 5 of words, 2 of a scoring base, 0 (none) of a "
        "generative one",
    )
    distil: bool = Field(
        True,
        description="judge of words or scoring: also learn what the panel believes of pairs that "
        "people have not answered, by how sure it is; together three tenths of people's labels",
    )
    tensorboard: bool = Field(
        False, description="write curves into runs/ of the folder, for `tensorboard --logdir`"
    )

    log_every: float = Field(
        0.01, gt=0, description="steps between points of the curves; below 1 a share of all steps"
    )
    evaluate_every: float | None = Field(
        None,
        gt=0,
        description="steps between validations; below 1 a share of all steps; unset: once an epoch",
    )
    snapshot_every: int | None = Field(
        None, ge=1, description="steps between snapshots, beside those at every validation"
    )
    snapshot_minutes: float = Field(
        10.0, gt=0, description="minutes between snapshots at most: what a kill can cost"
    )
    report_to: tuple[str, ...] = Field(
        (), description="trackers that transformers tells, e.g. wandb or mlflow, where installed"
    )

    @field_validator("judge_folds")
    @classmethod
    def _folds_leave_something(cls, value: int | None) -> int | None:
        if value == 1:
            raise ValueError("1 fold leaves nothing to train on; give 2 or more, or 0 for none")
        return value

    def rate(self, base: str) -> float:
        """The learning rate for this base."""
        if self.learning_rate is not None:
            return self.learning_rate
        if base == TINY:
            return 2e-3
        return 1e-4 if self.lora else 2e-5

    @property
    def folds(self) -> int:
        """Folds of a judge: docs/design/folds.md has what each costs and buys."""
        if self.judge_folds is not None:
            return self.judge_folds
        if self.judge_base == WORDS:
            return 5
        return 2 if self.judge_style == "scoring" else 0

    @property
    def distils(self) -> bool:
        """Whether a judge learns from more than labels; one that writes needs verdicts."""
        return self.distil and (self.judge_base == WORDS or self.judge_style == "scoring")

    def recipe(self, base: str) -> dict[str, Any]:
        """Everything that changes the trained weights, as JSON values.

        Settings of later versions stand in it where they are not as before them, so that what was
        trained then is known.
        """
        fields = type(self).model_fields
        left_out = {
            "folder",
            "base",
            "judge_base",
            "learning_rate",
            "judge_folds",
            "distil",
            *_TOLD,
        }
        usual = {name for name in _LATER if getattr(self, name) == fields[name].default}
        return {
            "base": base,
            "learning_rate": self.rate(base),
            **self.model_dump(mode="json", exclude=left_out | usual),
        }
