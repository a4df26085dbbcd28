"""Scores of a trained reward model, in batches of like length. Nothing is trained here."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.conversation import Tools
from db.errors import BadInput
from db.extras import require
from judges.encoding import as_messages, encode
from judges.local import padded
from judges.weights import load
from judges.words import WordsModel
from trainer.bases import quiet_libraries
from trainer.encoding import asked_text, said_text
from trainer.settings import WORDS
from trainer.workspace import read_metadata

Answered = tuple[Any, Any] | tuple[Any, Any, Tools | None]
"""A prompt and a response, each a string or a list of messages, and the tools of the prompt."""


@dataclass(frozen=True)
class Scored:
    """Log-odds scores, and which of them were given without the beginning of a conversation that
    is longer than the model takes. Of solutions, a score is the list of their steps'.
    """

    scores: NDArray[Any]
    cut: NDArray[np.bool_]


@dataclass
class RewardScorer:
    """A reward model that scores prompts with responses; loaded at the first call.

    Raises MissingExtra at once where it could not be loaded.

    Scores are log-odds: sigmoid(score A - score B) is the probability that A is better, with the
    temperature found on validation applied.
    """

    folder: Path
    batch_size: int = 32
    bucketed: bool = True
    metadata: dict[str, Any] = field(init=False, repr=False)
    _loaded: tuple[Any, Any] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.metadata = read_metadata(Path(self.folder))
        if self.metadata["kind"] != "reward":
            raise BadInput(
                f"checkpoint {str(self.folder)!r} is a {self.metadata['kind']!r}, not a reward "
                "model; train one with `tiebreak train reward`"
            )
        if not self.of_words:
            require("torch", "transformers")

    @property
    def of_words(self) -> bool:
        """Whether it weighs words, and so needs no torch and takes any length."""
        return bool(self.metadata.get("style") == WORDS)

    def score(self, answered: Sequence[Answered]) -> NDArray[np.float64]:
        """The scores of `read`."""
        return self.read(answered).scores

    def read(self, answered: Sequence[Answered]) -> Scored:
        """One score for each prompt with its response, in order; higher is better."""
        model, tokenizer = self.load()
        if self.of_words:
            return _weighed(model, answered)
        encoded = [
            encode(
                tokenizer,
                as_messages(prompt, "user"),
                as_messages(response, "assistant"),
                self.metadata["max_length"],
                *tools,
            )
            for prompt, response, *tools in answered
        ]
        ids = [each.ids for each in encoded]
        scores = np.zeros(len(ids))
        order = range(len(ids))
        if self.bucketed:
            order = sorted(order, key=lambda i: len(ids[i]))  # type: ignore[assignment]
        for start in range(0, len(ids), self.batch_size):
            batch = list(order[start : start + self.batch_size])
            scores[batch] = forward(model, tokenizer, [ids[i] for i in batch])
        cut = np.array([each.cut for each in encoded], dtype=np.bool_)
        return Scored(scores * float(self.metadata["temperature"]), cut)

    def load(self) -> tuple[Any, Any]:
        """Model and tokenizer; a model of words has none."""
        if self._loaded is None:
            folder = Path(self.folder)
            self._loaded = (
                (WordsModel.load(folder), None)
                if self.of_words
                else load_scorer(folder, self.metadata)
            )
        return self._loaded


def _weighed(model: WordsModel, answered: Sequence[Answered]) -> Scored:
    prompts = [
        asked_text({"prompt": p, "tools": tools[0] if tools else None}) for p, _, *tools in answered
    ]
    scores = model.scores(prompts, [said_text(said) for _, said, *_ in answered])
    return Scored(scores, np.zeros(len(answered), dtype=np.bool_))


def forward(model: Any, tokenizer: Any, ids: Sequence[list[int]]) -> NDArray[np.float64]:
    """Raw scores of one batch."""
    import torch

    with torch.inference_mode():
        logits = model(**padded(ids, tokenizer.pad_token_id, model.device)).logits
    scores: NDArray[np.float64] = logits.squeeze(-1).float().cpu().numpy().astype(np.float64)
    return scores


INT8 = "int8.safetensors"


def load_scorer(folder: Path, metadata: dict[str, Any]) -> tuple[Any, Any]:
    """Model and tokenizer of a reward checkpoint, ready to score."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    quiet_libraries()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    how = metadata.get("quantized")
    if how == "int8":
        return _load_int8(folder), tokenizer
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load(AutoModelForSequenceClassification, folder)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model.eval().to(device), tokenizer


def _load_int8(folder: Path) -> Any:
    import torch
    from safetensors.torch import load_file
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
    from transformers import AutoConfig, AutoModelForSequenceClassification

    stored = load_file(folder / INT8)
    weights = {
        name: value.float() * stored[f"{name}.scale"] if f"{name}.scale" in stored else value
        for name, value in stored.items()
        if not name.endswith(".scale")
    }
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder))
    model.load_state_dict(weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated upstream; the version is pinned
        return quantize_dynamic(
            model.eval(), dict.fromkeys([torch.nn.Linear], per_channel_dynamic_qconfig)
        )
