"""Judges trained here, asked on this machine: a checkpoint folder that answers the panel's questions.

A scoring judge is a classifier over the rendered question with one output for each entry of the
menu; its probabilities are a softmax, scaled by the temperature found on validation. A judge of
words weighs them (`judges.words`). Leaves out how they are trained (`trainer.judge_training`), which
encodes with the very functions of this file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.errors import BadInput
from judges.asking import Answer, Question, Usage
from judges.prompts import MENU, Output, material
from judges.trust.text_features import PairTexts
from judges.verdicts import say

_GAP = "\n[...]\n"
_HEAD = 0.6  # share of a cut text that is kept from its beginning; the rest is kept from its end


@dataclass
class LocalJudge:
    """A trained judge. The model is loaded at the first question and stays.

    `batch_size` questions of like length are scored at once.
    """

    folder: Path
    batch_size: int = 16
    _metadata: dict[str, Any] = field(init=False, repr=False)
    _loaded: tuple[Any, Any] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        path = Path(self.folder) / "metadata.json"
        if not path.is_file():
            raise BadInput(
                f"local judge {str(self.folder)!r} has no metadata.json; "
                "give the folder of a checkpoint made by `tiebreak train judge`"
            )
        self._metadata = json.loads(path.read_text(encoding="utf-8"))
        if self._metadata.get("kind") != "judge":
            raise BadInput(
                f"checkpoint {str(self.folder)!r} is a {self._metadata.get('kind')!r}, not a judge; "
                "train one with `tiebreak train judge`"
            )

    @property
    def output(self) -> Output:
        """The form of answer it was trained to give: its questions must be rendered for it."""
        return "text" if self._metadata["style"] == "generative" else "token"

    @property
    def content_hash(self) -> str:
        """Of the weights: part of what makes two judges different."""
        digest: str = self._metadata["content_hash"]
        return digest

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, in order, with the probability of every entry of the menu."""
        if self._metadata["style"] == "words":
            return self._weighed(questions)
        model, tokenizer = self._load()
        limit, instructed = self._metadata["max_length"], self._metadata["instructions"]
        ids = [encode(tokenizer, question, limit, instructed) for question in questions]
        answers: list[Answer | None] = [None] * len(ids)
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(by_length), self.batch_size):
            batch = by_length[start : start + self.batch_size]
            probabilities = self._probabilities(model, tokenizer, [ids[i] for i in batch])
            for i, row in zip(batch, probabilities, strict=True):
                answers[i] = _answer(row, len(ids[i]))
        return [answer for answer in answers if answer is not None]

    def _weighed(self, questions: Sequence[Question]) -> list[Answer]:
        from judges.words import WordsModel

        if self._loaded is None:
            self._loaded = WordsModel.load(Path(self.folder)), None
        shown = [question.shown for question in questions]
        texts = PairTexts(
            [each.prompt for each in shown],
            [each.first for each in shown],
            [each.second for each in shown],
        )
        return [_answer(row, 0) for row in self._loaded[0].probabilities(texts).tolist()]

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            device = "cuda" if torch.cuda.is_available() else "cpu"
            tokenizer = AutoTokenizer.from_pretrained(self.folder)
            model = AutoModelForSequenceClassification.from_pretrained(self.folder)
            self._loaded = model.eval().to(device), tokenizer
        return self._loaded

    def _probabilities(
        self, model: Any, tokenizer: Any, ids: Sequence[list[int]]
    ) -> list[list[float]]:
        import torch

        batch = padded(ids, tokenizer.pad_token_id, model.device)
        with torch.inference_mode():
            logits = model(**batch).logits.float() * self._metadata["temperature"]
        rows: list[list[float]] = logits.softmax(-1).tolist()
        return rows


def encode(tokenizer: Any, question: Question, max_length: int, instructed: bool) -> list[int]:
    """Token ids of a question. What is too long is cut in the middle of its longest texts.

    `instructed` puts the constant instructions before it: wanted by a pretrained base, dead weight
    for a small one.
    """
    head = question.system + "\n\n" if instructed else ""
    ids = _ids(tokenizer, head + question.user)
    shown = question.shown
    whole = material(shown.prompt, shown.first, shown.second)
    if len(ids) <= max_length or not question.user.startswith(whole):
        return ids[-max_length:]
    tail = question.user[len(whole) :]
    texts = (shown.prompt, shown.first, shown.second)
    room = max_length - len(_ids(tokenizer, head + material("", "", "") + tail))
    for _ in range(8):  # marks of lines cost tokens, too: ask for less until it fits
        cut = _fitted(tokenizer, texts, max(room, 0))
        ids = _ids(tokenizer, head + material(*cut) + tail)
        if len(ids) <= max_length or room <= 0:
            break
        room -= len(ids) - max_length
    return ids[-max_length:]


def padded(ids: Sequence[list[int]], pad_token_id: int, device: Any = "cpu") -> dict[str, Any]:
    """A batch padded on the right, with its attention mask."""
    import torch

    width = max(len(row) for row in ids)
    return {
        "input_ids": torch.tensor(
            [row + [pad_token_id] * (width - len(row)) for row in ids], device=device
        ),
        "attention_mask": torch.tensor(
            [[1] * len(row) + [0] * (width - len(row)) for row in ids], device=device
        ),
    }


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, truncation=False)["input_ids"]
    # A decoder reads its verdict off the last token: always the same one.
    if tokenizer.cls_token_id is None and tokenizer.eos_token_id is not None:
        ids = [*ids, tokenizer.eos_token_id]
    return ids


def _fitted(tokenizer: Any, texts: tuple[str, str, str], room: int) -> tuple[str, str, str]:
    """Three texts in `room` tokens: short ones stay whole, longer ones share what is left."""
    tokens = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    share = _share([len(row) for row in tokens], room)
    first, second, third = (
        text if len(row) <= share else _cut(tokenizer, row, share)
        for text, row in zip(texts, tokens, strict=True)
    )
    return first, second, third


def _share(lengths: Sequence[int], room: int) -> int:
    """The largest length that, as a limit for all, keeps the sum within the room."""
    left, count = room, len(lengths)
    for length in sorted(lengths):
        if length * count > left:
            return left // count
        left, count = left - length, count - 1
    return max(lengths)


def _cut(tokenizer: Any, row: Sequence[int], keep: int) -> str:
    head = int(keep * _HEAD)
    tail = row[len(row) - (keep - head) :] if keep > head else []
    start: str = tokenizer.decode(row[:head])
    end: str = tokenizer.decode(tail)
    return start + _GAP + end


def _answer(row: Sequence[float], tokens: int) -> Answer:
    probabilities = dict(zip(MENU, row, strict=True))
    verdict = max(MENU, key=lambda word: probabilities[word])
    return Answer(
        text=say(verdict, confidence=probabilities[verdict]),
        usage=Usage(input=tokens),
        probabilities=probabilities,
    )
