"""Arena-Hard-Auto: answers judged against those of a baseline, once in each order.

Source: github.com/lmarena/arena-hard-auto, `gen_judgment.py` and `show_result.py`, versions 0.1
(`question_id`, `turns`, `choices`; the baseline is not written down) and 2.0 (`uid`, `prompt`,
`messages`, `baseline`). In the first game the baseline's answer is A, in the second it is B.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.benchmark import Benchmark, question_id, turns
from db.imports.presets.inner import beyond
from db.imports.presets.preset import Columns, Preset, Read, alone

_SHARED = frozenset({"question_id", "uid", "category", "tstamp", "judge", "model"})
_QUESTION = frozenset({"cluster", "subcategory", "turns", "prompt", "language"})
_ANSWER = frozenset({"answer_id", "ans_id", "model_id", "choices", "messages"})
_ANSWER |= {"conv_metadata", "metadata"}
_INNER = {
    "games": "score judgment user_prompt prompt",
    "games.judgment": "answer",
    "messages": "role content",
    "choices": "index turns",
    "choices.turns": "content token_len",
    "turns": "content",
}
_VERDICTS = {
    "A>>B": ("a", 2),
    "A>B": ("a", 1),
    "A=B": ("tie", None),
    "B>A": ("b", 1),
    "B>>A": ("b", 2),
    "B<<A": ("a", 2),
    "B<A": ("a", 1),
    "B=A": ("tie", None),
    "A<B": ("b", 1),
    "A<<B": ("b", 2),
}
_OTHER = {"a": "b", "b": "a"}


def _fits(_: Columns, row: Row) -> bool:
    if isinstance(row.get("games"), list):
        return row.get("judge") is not None
    if row.get("uid") is not None:
        return isinstance(row.get("messages"), list) or isinstance(row.get("prompt"), str)
    said = row.get("turns")
    parted = isinstance(said, list) and isinstance((said or [0])[0], dict)
    return parted and row.get("question_id") is not None


def _pairs(lines: Iterable[Line]) -> Iterator[Read]:
    return Benchmark.of(lines).pairs(_pair)


def _pair(benchmark: Benchmark, row: Row) -> Row:
    question, model = benchmark.question(row), fields.name(row, "model")
    answer = _answer(benchmark.answer(row, model))
    baseline = row.get("baseline") or _baseline(benchmark, row, model)
    votes = [_vote(row, game, n) for n, game in enumerate(_games(row))]
    return {
        "pair_id": f"{question_id(row)}:{baseline}:{model}",
        "prompt": _asked(question),
        "response_a": _answer(benchmark.answer(row, baseline)),
        "response_b": answer,
        "model_a": baseline,
        "model_b": model,
        "domain": question.get("category"),
        "votes": [vote for vote in votes if vote],
    }


def _games(row: Row) -> list[Any]:
    games = row.get("games")
    if (
        not isinstance(games, list)
        or not 1 <= len(games) <= 2
        or not any(games)
        or not all(isinstance(game, dict | None) for game in games)
    ):
        raise BadRow(games, "games must hold one or two games, and one of them at least a judgment")
    return games


def _vote(row: Row, game: Row | None, number: int) -> Row | None:
    """One game's vote in stored order; the second game shows the baseline second."""
    if game is None:
        return None
    score = game.get("score")
    if score is not None and score not in _VERDICTS:
        raise BadRow(score, f"score is {score!r}; it must be one of {', '.join(_VERDICTS)}")
    choice, strength = _VERDICTS[score] if score is not None else ("abstain", None)
    judgment = game.get("judgment")
    said = judgment.get("answer") if isinstance(judgment, dict) else judgment
    return {
        "judge": fields.name(row, "judge"),
        "order": "ba" if number else "ab",
        "choice": _OTHER.get(choice, choice) if number else choice,
        "strength": strength,
        "rationale": said,
    }


def _baseline(benchmark: Benchmark, row: Row, model: str) -> str:
    """The one model whose answer the judge was shown beside the judged one."""
    shown = str(next((game.get("user_prompt") for game in _games(row) if game), None) or "")
    others = benchmark.answers.get(question_id(row), {})
    found = [o for o, said in others.items() if o != model and _answer(said).strip() in shown]
    if len(found) != 1:
        raise BadRow(
            found,
            "baseline is missing, and what the judge was shown does not tell which answer it was; "
            'write the model as "baseline" into the judgments',
        )
    return found[0]


def _asked(question: Row) -> str:
    if question.get("prompt") is not None:
        return fields.text(question, "prompt")
    return _only(turns(question), "a question")


def _answer(row: Row) -> str:
    said = row.get("messages")
    if said is None:
        return _only(turns(row), "an answer")
    last = said[-1] if isinstance(said, list) and said else None
    content = last.get("content") if isinstance(last, dict) else None
    text = content.get("answer") if isinstance(content, dict) else content
    return fields.text({"the last message": text}, "the last message")


def _only(texts: list[str], what: str) -> str:
    if len(texts) != 1:
        raise BadRow(len(texts), f"{what} has {len(texts)} turns; Arena-Hard has one")
    return texts[0]


PRESETS = (
    Preset(
        name="arena-hard",
        about="judgments (versions 0.1 and 2.0), with `question.jsonl` and the files of "
        "`model_answer`, the baseline's among them",
        kept="both games as votes in orders ab and ba, `>>` as a strong preference, no verdict as "
        "an abstain; the judge's words; `category` as domain",
        refused="a judgment without its question and both answers; pictures; in version 0.1 a "
        "baseline that what the judge was shown does not tell",
        columns=_SHARED | _QUESTION | _ANSWER | {"games", "baseline"},
        dropped={
            "messages.content": "of what a model wrote, the judge saw the answer",
            "messages.role": "the last message is the answer",
            "choices.index": "of several answers of one model, the judge saw the first",
            "choices.turns.token_len": "a count",
            "games.user_prompt": "question and answers again, as the judge saw them",
            "games.prompt": "question and answers again, as the judge saw them",
            "cluster": "a grouping of the questions",
            "subcategory": "a grouping of the questions",
            "language": "the language of the question",
            "answer_id": "names the answer of a model to a question, as both do together",
            "ans_id": "names the answer of a model to a question, as both do together",
            "conv_metadata": "lengths and marks counted in the answer",
            "metadata": "lengths and marks counted in the answer",
            "tstamp": "when the answer was written",
        },
        inside=beyond(_INNER),
        fits=_fits,
        rows=alone,
        whole=_pairs,
        example={
            "uid": "q1",
            "category": "hard_prompt",
            "judge": "gpt-4.1",
            "model": "m2",
            "baseline": "m1",
            "games": [
                {"score": "B>A", "judgment": {"answer": "B is right. [[B>A]]"}, "prompt": []},
                {"score": "A>>B", "judgment": {"answer": "A is right. [[A>>B]]"}, "prompt": []},
            ],
        },
        beside=(
            {"uid": "q1", "category": "hard_prompt", "subcategory": "maths", "prompt": "A prime?"},
            {
                "uid": "q1",
                "ans_id": "x1",
                "model": "m1",
                "messages": [
                    {"role": "user", "content": "A prime?"},
                    {"role": "assistant", "content": {"answer": "9"}},
                ],
                "tstamp": 1745000000.5,
                "metadata": {"token_len": 1},
            },
            {
                "uid": "q1",
                "ans_id": "x2",
                "model": "m2",
                "messages": [
                    {"role": "user", "content": "A prime?"},
                    {"role": "assistant", "content": {"answer": "7"}},
                ],
                "tstamp": 1745000001.5,
                "metadata": {"token_len": 1},
            },
        ),
    ),
)
