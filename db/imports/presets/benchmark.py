"""The three files of a judged benchmark, put together: questions, models' answers, judgments."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.conversation import Messages
from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Read

_TOLD = {
    "question": ("turns", "prompt"),
    "answer": ("choices", "messages", "model_id"),
    "judgment": ("judge", "g1_winner", "games", "score"),
}
"""Which columns tell what a row is."""


@dataclass
class Benchmark:
    """Questions by id, answers by question and model, and the judgments, with their lines."""

    questions: dict[str, Row] = field(default_factory=dict)
    answers: dict[str, dict[str, Row]] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    judgments: list[Line] = field(default_factory=list)
    bad: list[tuple[Line, BadRow]] = field(default_factory=list)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Benchmark":
        """Tells the files apart by what their rows hold."""
        made = cls()
        for line in lines:
            try:
                with fields.one_reason():
                    made._take(line)
            except BadRow as error:
                made.bad.append((line, error))
        return made

    def pairs(self, pair: Callable[["Benchmark", Row], Row]) -> Iterator[Read]:
        """What `pair` makes of each judgment; where there is none, every question is refused."""
        yield from self.bad
        for line in self.judgments:
            try:
                with fields.one_reason():
                    made = pair(self, line.row)
                yield line, made
            except BadRow as error:
                yield line, error
        if not self.judgments:
            reason = "no judgment of a pair is among the rows; add model_judgment"
            yield from ((line, BadRow(None, reason)) for line in self.lines.values())

    def question(self, judgment: Row) -> Row:
        """The question that a judgment is about."""
        found = self._found(self.questions, question_id(judgment), "question", "question.jsonl")
        category = judgment.get("category")
        if category is not None and category != found.get("category"):
            raise BadRow(
                category, f"category is {category!r}; its question's is {found.get('category')!r}"
            )
        return found

    def answer(self, judgment: Row, model: Any) -> Row:
        """What a model answered to the question that a judgment is about."""
        answers = self.answers.get(question_id(judgment), {})
        return self._found(answers, model, "answer", "the files of model_answer")

    def _take(self, line: Line) -> None:
        row = line.row
        if Path(line.file).parent.name == "reference_answer":
            raise BadRow(None, "a reference answer is no model's; leave reference_answer out")
        kinds = [kind for kind, told in _TOLD.items() if any(row.get(n) is not None for n in told)]
        if len(kinds) > 1:
            raise BadRow(kinds, f"the row is a {' and a '.join(kinds)} in one; keep them apart")
        match kinds:
            case ["question"]:
                self.questions[question_id(row)] = row
            case ["answer"]:
                model = row.get("model_id") or row.get("model")
                if not isinstance(model, str):
                    raise BadRow(model, f"model is {model!r}; an answer needs its model")
                known = self.answers.setdefault(question_id(row), {}).setdefault(model, row)
                if known is not row:
                    raise BadRow(
                        model,
                        f"there is an answer of {model!r} to this question already; give one file "
                        "of each model, and leave reference_answer out",
                    )
                self.lines.setdefault(question_id(row), line)
            case ["judgment"]:
                self.judgments.append(line)
            case _:
                raise BadRow(None, "this is no question, no model's answer and no judgment")

    def _found(self, among: dict[str, Row], key: Any, what: str, where: str) -> Row:
        if not isinstance(key, str) or key not in among:
            raise BadRow(
                key, f"the {what} {key!r} is not among the rows; import {where} in the same call"
            )
        return among[key]


def question_id(row: Row) -> str:
    """The id that question, answer and judgment share."""
    there = [row[name] for name in ("question_id", "uid") if row.get(name) is not None]
    if len(there) != 1:
        raise BadRow(there, "a row needs question_id or uid, and one of them only")
    return fields.name({"question_id": there[0]}, "question_id")


def turns(row: Row) -> list[str]:
    """The texts of a question's or an answer's turns; of an answer, those of its first choice."""
    if row.get("choices") is not None:
        choices = row["choices"]
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise BadRow(choices, "choices must be a list of answers with their turns")
        row = choices[0]
    said = row.get("turns")
    if not isinstance(said, list):
        raise BadRow(said, "turns must be a list of texts")
    texts: list[str] = []
    for turn in said:
        text = turn.get("content") if isinstance(turn, dict) else turn
        if not isinstance(text, str):
            raise BadRow(text, f"a turn holds {text!r:.80}; pictures are not taken, only texts")
        texts.append(text)
    return texts


def trajectory(asked: list[str], said: list[str], turn: int) -> Messages:
    """What a model said up to this turn of a question: its answers with the questions between."""
    if len(asked) < turn or len(said) < turn:
        raise BadRow(turn, f"turn {turn} is judged, but question or answer has fewer turns")
    made = [{"role": "assistant", "content": said[0]}]
    for question, answer in zip(asked[1:turn], said[1:turn], strict=True):
        made += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return made
