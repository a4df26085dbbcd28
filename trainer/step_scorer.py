"""A process reward model at work: how right each step of a solution is, and which is best.

A solution is worth its lowest step, or the product of all (Lightman et al. 2023, appendix F).
Leaves out how the model is trained (`trainer.process_reward`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from db.conversation import Tools, prompt_text
from db.errors import BadInput
from db.extras import require
from judges.encoding import Messages, as_messages
from judges.local import padded
from judges.tokens import AS_TEXT
from judges.weights import load
from trainer.bases import quiet_libraries
from trainer.serving.scoring import Scored
from trainer.vocabulary import Worth
from trainer.workspace import read_metadata

_UNREAD = 0.5  # of a step beyond the longest sequence nothing is known
Stepped = tuple[Any, Sequence[str]] | tuple[Any, Sequence[str], Tools | None]
"""A prompt, a text or messages, the steps of a solution, and the tools of the prompt."""


def encode_steps(
    tokenizer: Any,
    prompt: Messages,
    steps: Sequence[str],
    max_length: int,
    tools: Tools | None = None,
) -> tuple[list[int], list[int]]:
    """Token ids, and where each step ends. Steps beyond `max_length` have no end."""
    ids: list[int] = tokenizer(prompt_text(prompt, tools) + "\n\n", **AS_TEXT)["input_ids"]
    ids = ids[-(max_length // 2) :]  # a long prompt must leave room for the steps
    ends = []
    for step in steps:
        part = tokenizer(step.strip() + "\n", **AS_TEXT)["input_ids"]
        if len(ids) + len(part) > max_length:
            break
        ids = [*ids, *part]
        ends.append(len(ids) - 1)
    return ids, ends


def worth(shares: Sequence[float], rule: Worth = "lowest") -> float:
    """What a solution is worth by its steps; one without steps is worth nothing."""
    if not shares:
        return 0.0
    return min(shares) if rule == "lowest" else prod(shares)


@dataclass
class StepScorer:
    """A process reward model; loaded at the first call.

    Raises MissingExtra at once where it could not be loaded.
    """

    folder: Path | None
    batch_size: int = 16
    max_length: int = 0
    _loaded: tuple[Any, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.folder is None:
            return
        metadata = read_metadata(Path(self.folder))
        if metadata["kind"] != "process":
            raise BadInput(
                f"checkpoint {str(self.folder)!r} is a {metadata['kind']!r}, not a process reward "
                "model; train one with `tiebreak train process`"
            )
        require("torch", "transformers")
        self.max_length = metadata["max_length"]

    @classmethod
    def of(cls, model: Any, tokenizer: Any, max_length: int) -> "StepScorer":
        """A scorer over a model in memory."""
        return cls(None, max_length=max_length, _loaded=(model.eval(), tokenizer))

    def read(self, asked: Sequence[Stepped]) -> Scored:
        """For each solution, the probability that each step is right; `cut` are those of which
        steps were too far out, each of these 0.5.
        """
        model, tokenizer = self.load()
        made = [
            encode_steps(tokenizer, as_messages(prompt, "user"), steps, self.max_length, *tools)
            for prompt, steps, *tools in asked
        ]
        order = sorted(range(len(made)), key=lambda i: len(made[i][0]))
        scores = np.empty(len(made), dtype=object)
        cut = np.zeros(len(made), dtype=np.bool_)
        for start in range(0, len(made), self.batch_size):
            batch = order[start : start + self.batch_size]
            found = _forward(model, tokenizer, [made[i] for i in batch])
            for i, row in zip(batch, found, strict=True):
                unread = len(asked[i][1]) - len(row)
                scores[i], cut[i] = row + [_UNREAD] * unread, unread > 0
        return Scored(scores, cut)

    def score(self, asked: Sequence[Stepped]) -> list[list[float]]:
        """The probabilities of `read`."""
        return list(self.read(asked).scores)

    def best_of(
        self, prompt: Messages, solutions: Sequence[Sequence[str]], rule: Worth = "lowest"
    ) -> int:
        """Index of the solution that is worth most; the first of equals."""
        worths = [worth(row, rule) for row in self.score([(prompt, s) for s in solutions])]
        return int(np.argmax(worths))

    def load(self) -> tuple[Any, Any]:
        """Model and tokenizer."""
        if self._loaded is None:
            import torch
            from transformers import AutoModelForTokenClassification, AutoTokenizer

            if self.folder is None:
                raise BadInput("a step scorer needs the folder of a process reward model")
            quiet_libraries()
            device = "cuda" if torch.cuda.is_available() else "cpu"
            model = load(AutoModelForTokenClassification, Path(self.folder)).eval().to(device)
            self._loaded = model, AutoTokenizer.from_pretrained(self.folder)
        return self._loaded


def _forward(
    model: Any, tokenizer: Any, made: Sequence[tuple[list[int], list[int]]]
) -> list[list[float]]:
    import torch

    batch = padded([ids for ids, _ in made], tokenizer.pad_token_id, model.device)
    with torch.inference_mode():
        shares = model(**batch).logits.float().softmax(-1)[..., 1]
    return [[float(shares[i, end]) for end in ends] for i, (_, ends) in enumerate(made)]
