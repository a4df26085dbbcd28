"""MT-Bench: questions and answers of two turns, judged by models.

Source: github.com/lm-sys/FastChat, `fastchat/llm_judge/README.md` and `common.py` (a pair is judged
twice, the second time exchanged; a winner is written as model_1, model_2, tie or error; a score of
-1 is an answer that could not be read). A judgment of the second turn saw the whole conversation:
its prompt is the first question, and each response is the first answer, the second question and the
second answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.alone import Alone, together
from db.imports.presets.benchmark import Benchmark, question_id, trajectory, turns
from db.imports.presets.inner import beyond
from db.imports.presets.preset import Columns, Preset, Read, alone

_QUESTION = frozenset({"question_id", "category", "turns", "reference"})
_ANSWER = frozenset({"question_id", "answer_id", "model_id", "choices", "tstamp"})
_PAIR = frozenset({"question_id", "model_1", "model_2", "judge", "turn", "tstamp", "g1_winner"})
_PAIR |= {"g2_winner", "g1_judgment", "g2_judgment", "g1_user_prompt", "g2_user_prompt"}
_PAIR |= {"m1_score", "m2_score"}
_SINGLE = frozenset({"question_id", "model", "judge", "turn", "tstamp", "score", "judgment"})
_SINGLE |= {"user_prompt"}
_DROPPED = {
    "reference": "a reference answer, which only some judges saw",
    "answer_id": "names the answer of a model to a question, as both do together",
}
_INNER = {"choices": "index turns", "choices.turns": "content", "turns": "content"}
_CHOICES = {"model_1": "a", "model_2": "b", "tie": "tie", "error": "abstain"}


def _fits(judged: str) -> Callable[[Columns, Row], bool]:
    """A question, an answer, or a judgment that holds this."""

    def fits(_: Columns, row: Row) -> bool:
        asked = isinstance(row.get("turns"), list) and all(isinstance(t, str) for t in row["turns"])
        answered = row.get("model_id") is not None and isinstance(row.get("choices"), list)
        judgment = row.get(judged) is not None and row.get("judge") is not None
        known = asked or answered or judgment
        return known and row.get("question_id") is not None and row.get("games") is None

    return fits


def _pairs(lines: Iterable[Line]) -> Iterator[Read]:
    return Benchmark.of(lines).pairs(_pair)


def _pair(benchmark: Benchmark, row: Row) -> Row:
    if row.get("model") is not None:
        raise BadRow(row["model"], "one answer is judged; `tiebreak import candidates` reads these")
    turn = fields.integer(row, "turn", 1, 1, 20) or 1
    models = fields.name(row, "model_1"), fields.name(row, "model_2")
    question = benchmark.question(row)
    said = [_said(benchmark, question, row, model, turn) for model in models]
    identity = f"{question_id(row)}:{turn}:{models[0]}:{models[1]}"
    return {
        "pair_id": identity,
        "prompt": turns(question)[0],
        "response_a": said[0],
        "response_b": said[1],
        "model_a": models[0],
        "model_b": models[1],
        "domain": question.get("category"),
        "votes": _votes(row),
    }


def _votes(row: Row) -> list[Row]:
    """Both games; where each answer was scored alone, the one vote that the scores make."""
    about = {"judge": judge_name(row), "created_at": _time(row)}
    games = [(_choice(row, f"g{n}_winner"), row.get(f"g{n}_judgment")) for n in (1, 2)]
    if row.get("m1_score") is not None or row.get("m2_score") is not None:
        scores = {f"score_{side}": row.get(f"m{n}_score") for n, side in ((1, "a"), (2, "b"))}
        if -1 in scores.values() or None in scores.values():
            raise BadRow(list(scores.values()), "a score is -1 or missing: the judge gave none")
        said = "\n\n".join(str(judgment) for _, judgment in games if judgment)
        return [{**about, "order": "none", "choice": games[0][0], **scores, "rationale": said}]
    return [
        {**about, "order": order, "choice": choice, "rationale": said}
        for order, (choice, said) in zip(("ab", "ba"), games, strict=True)
    ]


def _choice(row: Row, name: str) -> str:
    winner = row.get(name)
    if not isinstance(winner, str) or winner not in _CHOICES:
        raise BadRow(winner, f"{name} is {winner!r}; it must be one of {', '.join(_CHOICES)}")
    return _CHOICES[winner]


def judge_name(row: Row) -> str:
    """The model that judged and the name of its question, which change a judge alike."""
    judge = row.get("judge")
    parts = [judge] if isinstance(judge, str) else judge
    if (
        not isinstance(parts, list | tuple)
        or not parts
        or not all(isinstance(p, str) for p in parts)
    ):
        raise BadRow(judge, f"judge is {judge!r}; it must be a name, or a list of names")
    return "/".join(parts)


def _time(row: Row) -> str | None:
    stamp = fields.number(row, "tstamp", 0, 4e9)
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC).isoformat()


def _said(benchmark: Benchmark, question: Row, row: Row, model: str, turn: int) -> Any:
    said = trajectory(turns(question), turns(benchmark.answer(row, model)), turn)
    return said[0]["content"] if turn == 1 else said


def _candidates(lines: Iterable[Line]) -> Iterator[Read]:
    benchmark = Benchmark.of(lines)
    yield from benchmark.bad
    ratings: dict[tuple[str, Any, int], list[Row]] = defaultdict(list)
    for line in benchmark.judgments:
        try:
            with fields.one_reason():
                turn, rating = _rating(benchmark, line.row)
            ratings[question_id(line.row), line.row["model"], turn].append(rating)
        except BadRow as error:
            yield line, error
    found: list[Alone] = []
    for identity, answers in benchmark.answers.items():
        line = benchmark.lines[identity]
        try:
            with fields.one_reason():
                found += _alone(benchmark, identity, answers, ratings)
        except BadRow as error:
            yield line, error
    yield from together(found)


def _rating(benchmark: Benchmark, row: Row) -> tuple[int, Row]:
    if row.get("model_1") is not None:
        raise BadRow(row["model_1"], "a pair is judged; `tiebreak import pairs` reads these")
    score = fields.number(row, "score", -1, 1e6)
    if score is None or score == -1:
        raise BadRow(row.get("score"), "score is -1 or missing: the judge gave none")
    benchmark.question(row)
    benchmark.answer(row, row.get("model"))
    rating = {"judge": judge_name(row), "score": score, "rationale": row.get("judgment")}
    return fields.integer(row, "turn", 1, 1, 20) or 1, rating


def _alone(
    benchmark: Benchmark,
    identity: str,
    answers: dict[str, Row],
    ratings: dict[tuple[str, Any, int], list[Row]],
) -> Iterator[Alone]:
    """Every answer up to every turn of its question."""
    question = benchmark.question({"question_id": identity})
    for turn in range(1, len(turns(question)) + 1):
        for model, answer in answers.items():
            if len(turns(answer)) < turn:
                continue
            said = trajectory(turns(question), turns(answer), turn)
            response: Row = {"text": said[0]["content"]} if turn == 1 else {"messages": said}
            response |= {"model": model, "ratings": ratings.get((identity, model, turn), [])}
            about = {
                "prompt_id": f"{identity}:{turn}",
                "prompt": turns(question)[0],
                "domain": question.get("category"),
            }
            yield Alone(benchmark.lines[identity], (identity, turn), about, response)


def _of_others(columns: Columns, what: str, verb: str) -> dict[str, str]:
    """Columns of judgments in the same folder that another verb reads."""
    return dict.fromkeys(sorted(columns), f"of judgments of {what}, which `import {verb}` reads")


_BESIDE: tuple[Row, ...] = (
    {"question_id": 81, "category": "writing", "turns": ["A rhyme?", "Another?"]},
    {
        "question_id": 81,
        "answer_id": "x1",
        "model_id": "m1",
        "choices": [{"index": 0, "turns": ["Cat, hat.", "Dog, log."]}],
        "tstamp": 1687111111.5,
    },
    {
        "question_id": 81,
        "answer_id": "x2",
        "model_id": "m2",
        "choices": [{"index": 0, "turns": ["Sun, fun.", "Sea, me."]}],
        "tstamp": 1687111112.5,
    },
)

PRESETS = (
    Preset(
        name="mt-bench",
        about="judgments of pairs, with `question.jsonl` and the files of `model_answer`",
        kept="both games as votes in orders ab and ba, `error` as an abstain; scores of a baseline "
        "judged alone as one vote; `category` as domain; a second turn as a trajectory",
        refused="a judgment without its question and both answers; reference answers",
        columns=_QUESTION | _ANSWER | _PAIR | _SINGLE,
        dropped=_DROPPED
        | _of_others(_SINGLE - _PAIR, "single answers", "candidates")
        | {
            "g1_user_prompt": "question and answers again, as the judge saw them",
            "g2_user_prompt": "question and answers again, as the judge saw them",
            "choices.index": "of several answers of one model, the judge saw the first",
        },
        inside=beyond(_INNER),
        fits=_fits("g1_winner"),
        rows=alone,
        whole=_pairs,
        example={
            "question_id": 81,
            "model_1": "m1",
            "model_2": "m2",
            "g1_winner": "model_2",
            "g2_winner": "tie",
            "judge": ["gpt-4", "pair-v2"],
            "g1_user_prompt": "...",
            "g1_judgment": "B is shorter. [[B]]",
            "g2_user_prompt": "...",
            "g2_judgment": "Both are fine. [[C]]",
            "turn": 1,
            "tstamp": 1687222222.5,
        },
        beside=(
            *_BESIDE,
            {
                "question_id": 81,
                "model_1": "m1",
                "model_2": "m2",
                "g1_winner": "tie",
                "g2_winner": "model_1",
                "judge": ["gpt-4", "pair-v2-multi-turn"],
                "turn": 2,
            },
        ),
    ),
    Preset(
        name="mt-bench-single",
        about="judgments of single answers, with `question.jsonl` and the files of `model_answer`; "
        "the answers alone, too",
        kept="all answers to a question up to each of its turns as candidates, with scores and "
        "words of the judges; `category` as domain",
        refused="a score of -1, which the judge did not give; reference answers",
        columns=_QUESTION | _ANSWER | _PAIR | _SINGLE,
        dropped=_DROPPED
        | _of_others(_PAIR - _SINGLE, "pairs", "pairs")
        | {
            "user_prompt": "question and answer again, as the judge saw them",
            "tstamp": "a rating keeps no time",
            "choices.index": "of several answers of one model, the judge saw the first",
        },
        inside=beyond(_INNER),
        fits=_fits("score"),
        rows=alone,
        whole=_candidates,
        example={
            "question_id": 81,
            "model": "m1",
            "judge": ["gpt-4", "single-v1"],
            "user_prompt": "...",
            "judgment": "It rhymes. [[9]]",
            "score": 9,
            "turn": 1,
            "tstamp": 1687222222.5,
        },
        beside=_BESIDE,
        kind="candidates",
    ),
)
