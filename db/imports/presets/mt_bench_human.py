"""The human judgments of MT-Bench, each with both conversations.

Source: the card of the data set lmsys/mt_bench_human_judgments (splits human and gpt4_pair), and
`fastchat/llm_judge/compute_agreement.py` of github.com/lm-sys/FastChat. A judgment of the second
turn becomes a pair as in `mt_bench`.
"""

from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.inner import beyond
from db.imports.presets.mt_bench import judge_name
from db.imports.presets.preset import Preset

_COLUMNS = frozenset({"question_id", "model_a", "model_b", "winner", "judge", "turn"})
_COLUMNS |= {"conversation_a", "conversation_b"}
_WINNERS = {"model_a": "a", "model_b": "b"}


def _judgment(row: Row) -> list[Row]:
    turn = fields.integer(row, "turn", 1, 1, 20) or 1
    asked, response_a = _conversation(row, "conversation_a", turn)
    also, response_b = _conversation(row, "conversation_b", turn)
    if asked != also:
        raise BadRow(also, "the two conversations begin with different questions")
    winner = row.get("winner")
    choice = "tie" if str(winner).startswith("tie") else _WINNERS.get(str(winner))
    if choice is None:
        raise BadRow(winner, f"winner is {winner!r}; it must be model_a, model_b or tie")
    name = _judge(row)
    pair: Row = {
        "prompt": asked,
        "response_a": response_a,
        "response_b": response_b,
        "model_a": row.get("model_a"),
        "model_b": row.get("model_b"),
    }
    if name.startswith(("expert", "author")):
        return [{**pair, "labels": [{"annotator": name, "choice": choice}]}]
    order = "none"  # the row holds what both orders came to
    return [{**pair, "votes": [{"judge": name, "order": order, "choice": choice}]}]


def _judge(row: Row) -> str:
    """`expert_3` and `author_2` are people; the published rows hold them in a list of one."""
    judge = row.get("judge")
    if isinstance(judge, list) and len(judge) == 1:
        judge = judge[0]
    return judge_name({"judge": judge})


def _conversation(row: Row, name: str, turn: int) -> tuple[str, Any]:
    """The first question, and what was said of it up to the judged turn."""
    said = fields.messages(row, name)[: 2 * turn]
    roles = [message["role"] for message in said]
    if roles != ["user", "assistant"] * turn:
        raise BadRow(roles, f"{name} must be {turn} questions with their answers")
    return said[0]["content"], said[1]["content"] if turn == 1 else said[1:]


PRESETS = (
    Preset(
        name="mt-bench-human",
        about="rows of the data set of human judgments, also its split of gpt-4's",
        kept="`expert_N` and `author_N` as annotators with their labels, any other as a judge with "
        "a vote; the conversations up to the judged `turn`",
        refused="conversations that begin with different questions",
        columns=_COLUMNS,
        dropped={"question_id": "the question itself stands in the conversations"},
        inside=beyond({"conversation_a": "role content", "conversation_b": "role content"}),
        fits=lambda columns, _: columns >= _COLUMNS and not {"tstamp", "language"} & columns,
        rows=_judgment,
        example={
            "question_id": 81,
            "model_a": "m1",
            "model_b": "m2",
            "winner": "model_b",
            "judge": "expert_3",
            "conversation_a": [
                {"role": "user", "content": "A rhyme?"},
                {"role": "assistant", "content": "Cat, hat."},
            ],
            "conversation_b": [
                {"role": "user", "content": "A rhyme?"},
                {"role": "assistant", "content": "Sun, fun."},
            ],
            "turn": 1,
        },
    ),
)
