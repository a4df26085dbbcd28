"""Judges trained here, asked on this machine: a checkpoint that answers the panel's questions.

A scoring judge is a classifier over the rendered question with one output for each entry of the
menu; its probabilities are a softmax, scaled by the temperature found on validation. A generative
judge writes its reasons first; its probabilities are those of each verdict after them. A pointwise
judge, a reward model from elsewhere, scores each response by itself: sigmoid(score 1 - score 2) is
the probability of the first, and it knows no ties. A judge of words weighs them (`judges.words`).
About what it was taught a judge answers out of fold (`judges.taught`). Leaves out how a question
becomes tokens (`judges.tokens`) and how judges are trained.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from db.errors import BadInput
from db.vocabulary import Provider
from judges.asking import Answer, Question, Usage
from judges.encoding import as_messages, encode
from judges.judge_config import JudgeConfig
from judges.prompts import MENU, Output
from judges.taught import Taught, identity, taught
from judges.tokens import AS_TEXT, whole, whole_chat
from judges.trust.text_features import PairTexts
from judges.verdicts import say
from judges.weights import load

VERDICT = "VERDICT:"


@dataclass
class LocalJudge:
    """A trained judge. The model is loaded at the first question and stays.

    `batch_size` questions of like length are scored at once.
    """

    folder: Path
    batch_size: int = 16
    _metadata: dict[str, Any] = field(init=False, repr=False)
    _loaded: tuple[Any, Any] | None = field(init=False, default=None, repr=False)
    _taught: Taught | None = field(init=False, default=None, repr=False)

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
                f"checkpoint {str(self.folder)!r} is a {self._metadata.get('kind')!r}, "
                "not a judge; train one with `tiebreak train judge`"
            )

        if self._metadata["style"] == "prompted":
            raise BadInput(
                f"checkpoint {str(self.folder)!r} holds rules for {self._metadata['judge']!r}, not "
                "a model; name its constitution.toml in [panel] constitution"
            )

    @property
    def packages(self) -> tuple[str, ...]:
        """Optional packages without which it cannot answer."""
        return () if self._metadata["style"] == "words" else ("torch", "transformers")

    @property
    def output(self) -> Output:
        """The form of answer it was trained to give: its questions must be rendered for it."""
        return "text" if self._metadata["style"] == "generative" else "token"

    @property
    def base(self) -> str:
        """What it was trained from: judges of one base err together."""
        base: str = self._metadata["base"]
        return base.rstrip("/").rsplit("/", 1)[-1]

    @property
    def content_hash(self) -> str:
        """Of the weights: part of what makes two judges different."""
        digest: str = self._metadata["content_hash"]
        return digest

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, in order, with the probability of every entry of the menu.

        About a pair that it was taught it says what was said out of fold, where anything was.
        """
        if self._taught is None:
            self._taught = taught(Path(self.folder))
        if not self._taught.prompts:
            return self._asked(questions)
        shown = [identity(q.shown.prompt, q.shown.first, q.shown.second) for q in questions]
        blind = [self._taught.answer(one) for one in shown]
        rest = [q for q, said in zip(questions, blind, strict=True) if said is None]
        answered = iter(self._asked(rest) if rest else ())
        answers = []
        for one, said in zip(shown, blind, strict=True):
            if said is not None:
                answers.append(replace(_answer(said, 0), out_of_fold=True))
                continue
            learnt = False if one.prompt in self._taught.prompts else None
            answers.append(replace(next(answered), out_of_fold=learnt))
        return answers

    def _asked(self, questions: Sequence[Question]) -> list[Answer]:
        """Its own answers."""
        if self._metadata["style"] == "words":
            return self._weighed(questions)
        if self.output == "text":
            return self._written(questions)
        if self._metadata["style"] == "pointwise":
            return self._compared(questions)
        model, tokenizer = self._load()
        limit, instructed = self._metadata["max_length"], self._metadata["instructions"]
        asked = [whole(tokenizer, question, limit, instructed) for question in questions]
        ids = {i: row for i, row in enumerate(asked) if row is not None}
        answers = [_too_long(limit)] * len(questions)
        by_length = sorted(ids, key=lambda i: len(ids[i]))
        for start in range(0, len(by_length), self.batch_size):
            batch = by_length[start : start + self.batch_size]
            probabilities = self._probabilities(model, tokenizer, [ids[i] for i in batch])
            for i, row in zip(batch, probabilities, strict=True):
                answers[i] = _answer(row, len(ids[i]))
        return answers

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

    def _compared(self, questions: Sequence[Question]) -> list[Answer]:
        """One score a response, whole or not at all."""
        import torch
        from scipy.special import expit

        model, tokenizer = self._load()
        limit = self._metadata["max_length"]
        answers = []
        for start in range(0, len(questions), self.batch_size):
            batch = questions[start : start + self.batch_size]
            read = [
                encode(
                    tokenizer,
                    as_messages(each.shown.prompt, "user"),
                    as_messages(response, "assistant"),
                    limit,
                    getattr(each.shown.prompt, "tools", None),
                )
                for each in batch
                for response in (each.shown.first, each.shown.second)
            ]
            ids = [each.ids for each in read]
            with torch.inference_mode():
                logits = model(**padded(ids, tokenizer.pad_token_id, model.device)).logits
            first, second = (logits.squeeze(-1).double().cpu().numpy()[i::2] for i in (0, 1))
            for i, p in enumerate(expit((first - second) * self._metadata["temperature"]).tolist()):
                one, other = read[2 * i], read[2 * i + 1]
                whole = not (one.cut or other.cut)
                tokens = len(one.ids) + len(other.ids)
                answers.append(_answer([p, 1 - p, 0.0], tokens) if whole else _too_long(limit))
        return answers

    def _written(self, questions: Sequence[Question]) -> list[Answer]:
        """Reasoning by greedy generation; the verdict by the logits of each entry of the menu."""
        model, tokenizer = self._load()
        limit, length = self._metadata["max_length"], self._metadata["reasoning_tokens"]
        asked = [whole_chat(tokenizer, question, limit) for question in questions]
        ids = {i: row for i, row in enumerate(asked) if row is not None}
        answers = [_too_long(limit)] * len(questions)
        for start in range(0, len(ids), self.batch_size):
            batch = list(ids)[start : start + self.batch_size]
            told = reasoned(model, tokenizer, [ids[i] for i in batch], length)
            for i, one in zip(batch, told, strict=True):
                answers[i] = _spoken(one, self._metadata["temperature"])
        return answers

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch
            from transformers import (
                AutoModelForCausalLM,
                AutoModelForSequenceClassification,
                AutoTokenizer,
            )
            from transformers.utils import logging

            logging.disable_progress_bar()
            logging.set_verbosity_error()
            device = "cuda" if torch.cuda.is_available() else "cpu"
            tokenizer = AutoTokenizer.from_pretrained(self.folder)
            writes = self.output == "text"
            kind = AutoModelForCausalLM if writes else AutoModelForSequenceClassification
            model = load(kind, Path(self.folder)).eval().to(device)
            if model.config.pad_token_id is None:
                model.config.pad_token_id = tokenizer.pad_token_id
            self._loaded = model, tokenizer
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


def judge_config(folder: Path, name: str, generation: int = 0) -> JudgeConfig:
    """The panel's entry for a trained judge, asked in the form it was trained to answer."""
    judge = LocalJudge(folder)
    return JudgeConfig(
        name=name,
        provider=Provider.LOCAL,
        model=str(folder),
        family=f"trained/{judge.base}",
        output=judge.output,
        per_principle=False,
        generation=generation,
    )


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


def _too_long(limit: int) -> Answer:
    return Answer(f"the question has more than {limit:,} tokens", stop="too long")


def _answer(row: Sequence[float], tokens: int, reasoning: str = "") -> Answer:
    if not np.isfinite(row).all():
        return Answer("its probabilities are no numbers", Usage(input=tokens), stop="unchecked")
    probabilities = dict(zip(MENU, row, strict=True))
    verdict = max(MENU, key=lambda word: probabilities[word])
    return Answer(
        text=say(verdict, confidence=probabilities[verdict], reasoning=reasoning),
        usage=Usage(input=tokens),
        probabilities=probabilities,
    )


@dataclass(frozen=True)
class Reasoned:
    """What a generative judge wrote, and the log-probability of each entry of the menu after it."""

    reasoning: str
    logs: list[float]
    tokens: int


def reasoned(model: Any, tokenizer: Any, asked: Sequence[list[int]], length: int) -> list[Reasoned]:
    """Reasons of at most `length` tokens for questions as tokens, and the menu weighed."""
    reasons = [
        said.rsplit(VERDICT, 1)[0].rstrip() for said in _generate(model, tokenizer, asked, length)
    ]
    logs = _menu_logs(model, tokenizer, asked, reasons)
    return [
        Reasoned(said, row, len(ids)) for said, row, ids in zip(reasons, logs, asked, strict=True)
    ]


def _generate(model: Any, tokenizer: Any, asked: Sequence[list[int]], length: int) -> list[str]:
    import torch

    width = max(len(ids) for ids in asked)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in asked], device=model.device)
    mask = torch.tensor(
        [[0] * (width - len(row)) + [1] * len(row) for row in asked], device=model.device
    )
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=length,
            do_sample=False,
            pad_token_id=pad,
        )
    said: list[str] = tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
    return said


def _menu_logs(
    model: Any, tokenizer: Any, asked: Sequence[list[int]], reasons: Sequence[str]
) -> list[list[float]]:
    """Log-probability of each entry of the menu, as it would stand after the reasoning."""
    import torch

    rows, starts = [], []
    for ids, reasoning in zip(asked, reasons, strict=True):
        before = tokenizer(f"{reasoning}\n{VERDICT}", **AS_TEXT)["input_ids"]
        for word in MENU:
            after = tokenizer(f" {word}\n", add_special_tokens=False)["input_ids"]
            rows.append([*ids, *before, *after])
            starts.append(len(ids) + len(before))
    batch = padded(rows, tokenizer.pad_token_id, model.device)
    with torch.inference_mode():
        logs = model(**batch).logits.float().log_softmax(-1)
    sums = [
        sum(float(logs[i, at - 1, row[at]]) for at in range(start, len(row)))
        for i, (row, start) in enumerate(zip(rows, starts, strict=True))
    ]
    return [sums[i : i + len(MENU)] for i in range(0, len(sums), len(MENU))]


def _spoken(one: Reasoned, temperature: float) -> Answer:
    scaled = np.array(one.logs) * temperature
    shares = np.exp(scaled - scaled.max())
    return _answer((shares / shares.sum()).tolist(), one.tokens, one.reasoning)
