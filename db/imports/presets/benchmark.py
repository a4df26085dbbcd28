"""The three files of a judged benchmark, put together: questions, models' answers, judgments."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.conversation import Messages
from db.files.line import Line
from db.imports.fields import BadRow, Row


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
                made._take(line)
            except BadRow as error:
                made.bad.append((line, error))
        return made

    def question(self, judgment: Row) -> Row:
        """The question that a judgment is about."""
        return self._found(self.questions, question_id(judgment), "question", "question.jsonl")

    def answer(self, judgment: Row, model: Any) -> Row:
        """What a model answered to the question that a judgment is about."""
        answers = self.answers.get(question_id(judgment), {})
        return self._found(answers, model, "answer", "the files of model_answer")

    def _take(self, line: Line) -> None:
        row = line.row
        if Path(line.file).parent.name == "reference_answer":
            raise BadRow(None, "a reference answer is no model's; leave reference_answer out")
        if "choices" in row or "messages" in row:
            model = row.get("model_id") or row.get("model")
            if not isinstance(model, str):
                raise BadRow(model, f"model is {model!r}; an answer needs its model")
            self.answers.setdefault(question_id(row), {})[model] = row
            self.lines.setdefault(question_id(row), line)
        elif "judge" in row:
            self.judgments.append(line)
        elif row.get("turns") is not None or row.get("prompt") is not None:
            self.questions[question_id(row)] = row
        else:
            raise BadRow(None, "this is no question, no model's answer and no judgment")

    def _found(self, among: dict[str, Row], key: Any, what: str, where: str) -> Row:
        if key not in among:
            raise BadRow(
                key, f"the {what} {key!r} is not among the rows; import {where} in the same call"
            )
        return among[key]


def question_id(row: Row) -> str:
    """The id that question, answer and judgment share."""
    for name in ("question_id", "uid"):
        if isinstance(row.get(name), str | int):
            return str(row[name])
    raise BadRow(None, "question_id (or uid) is missing")


def turns(row: Row) -> list[str]:
    """The texts of a question's or an answer's turns; of an answer, those of its first choice."""
    if "choices" in row:
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
