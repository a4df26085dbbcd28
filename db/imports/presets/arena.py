"""Chatbot Arena: battles of two models on a user's conversation, and the user's vote.

Source: the dataset cards of lmsys/chatbot_arena_conversations and of lmarena-ai's
arena-human-preference-55k (the table of its Kaggle competition), -100k, -140k and arena-expert-5k.
Whole conversations are compared: the prompt is their longest shared beginning before an assistant
message, which is the first question unless the models answered alike, and a response is all that
follows, the later questions included.
"""

from datetime import UTC, datetime
from typing import Any

from db.conversation import Messages
from db.imports.fields import BadRow, Row
from db.imports.presets.cells import listed, yes
from db.imports.presets.parting import dialogue, parted
from db.imports.presets.preset import Columns, Preset

_WINNERS: dict[str, Row] = {
    "model_a": {"choice": "a"},
    "model_b": {"choice": "b"},
    "tie": {"choice": "tie"},
    "both_bad": {"choice": "tie", "both_bad": True},
    "tie (bothbad)": {"choice": "tie", "both_bad": True},
}
_FLAGS = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
_TAGS = ("language", "is_code", "is_refusal", "category_tag", "occupational_tags")
_META = ("turn", "anony", "evaluation_session_id", "evaluation_order", *_TAGS)
_NAMES = {
    "pair_id": ("question_id", "id"),
    "annotator": ("judge", "judge_hash"),
    "created_at": ("tstamp", "timestamp"),
}
"""Columns that mean the same in different releases; the second of two goes to `meta`."""
_ARENA = ("tstamp", "timestamp", "anony", "judge_hash", "conv_metadata", "evaluation_order")
_BATTLE = frozenset({"question_id", "id", "model_a", "model_b", "winner", "judge", "judge_hash"})
_LEFT = {
    "openai_moderation": "marks of a filter, not of the user",
    "toxic_chat_tag": "marks of a filter, not of the user",
    "dedup_tag": "how often the prompt came; pairs are stored once",
    "conv_metadata": "counts of tokens and of marks of layout",
    "conversation_a.num_tokens": "a count",
    "conversation_b.num_tokens": "a count",
}


def _battle(row: Row) -> list[Row]:
    said = [_messages(row.get(name), name) for name in ("conversation_a", "conversation_b")]
    if row.get("full_conversation") not in (None, []):
        _require_whole(listed(row["full_conversation"], "full_conversation"), said)
    label = dict(_winner(row.get("winner")))
    meta = {key: row[key] for key in _META if row.get(key) is not None}
    told = {}
    for name, keys in _NAMES.items():
        there = [key for key in keys if row.get(key) not in (None, "")]
        told[name] = there[0] if there else None
        meta |= {key: row[key] for key in there[1:]}
    if told["annotator"]:
        label["annotator"] = row[told["annotator"]]
    if told["created_at"]:
        label["created_at"] = _moment(row, told["created_at"])
    return [_pair(row, said[0], said[1], label, row.get(told["pair_id"] or ""), meta)]


def _table(row: Row) -> list[Row]:
    """A row of the competition's table, whose cells hold JSON lists of texts."""
    questions = listed(row.get("prompt"), "prompt")
    said = []
    for name in ("response_a", "response_b"):
        answers = listed(row.get(name), name)
        if len(answers) != len(questions):
            raise BadRow(len(answers), f"{name} has another number of turns than prompt")
        turns: Messages = []
        for question, answer in zip(questions, answers, strict=True):
            if not isinstance(question, str) or not isinstance(answer, str):
                raise BadRow(None, f"{name} has a turn without a text")
            turns += [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
        said.append(turns)
    won = [winner for flag, winner in _FLAGS.items() if yes(row, flag)]
    if len(won) != 1:
        raise BadRow(won, "one of winner_model_a, winner_model_b and winner_tie must be 1")
    return [_pair(row, said[0], said[1], _WINNERS[won[0]], row.get("id"), {})]


def _pair(row: Row, a: Messages, b: Messages, label: Row, name: Any, meta: Row) -> Row:
    if a == b:
        raise BadRow(None, "both conversations are the same, so neither is better")
    prompt, response_a, response_b = parted(a, b)
    pair: Row = {"pair_id": name, "prompt": prompt, "labels": [label], "meta": meta or None}
    pair |= {"response_a": response_a, "response_b": response_b}
    pair |= {"model_a": row.get("model_a"), "model_b": row.get("model_b")}
    return {key: value for key, value in pair.items() if value is not None}


def _messages(value: Any, name: str) -> Messages:
    """Messages without their counts; parts of text are one text. Raises BadRow for pictures."""
    found = dialogue(listed(value, name), "user", name)
    for message in found:
        message.pop("num_tokens", None)
        parts: Any = message.get("content")
        if isinstance(parts, list):
            message["content"] = _text(parts, name)
    return found


def _text(parts: list[Any], name: str) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    media = [
        p for p in parts if not isinstance(p, dict) or p.get("image") or p.get("type") != "text"
    ]
    if media or len(texts) != 1 or not isinstance(texts[0], str):
        raise BadRow(None, f"{name} holds a message that is more than one text")
    return texts[0]


def _require_whole(turns: list[Any], said: list[Messages]) -> None:
    """Raises BadRow where a vote follows earlier ones of its session, on answers of other models.

    `full_conversation` has a question and both answers a turn, those before other votes too.
    """
    if not all(isinstance(turn, dict) for turn in turns):
        raise BadRow(None, "full_conversation must hold turns of a user and two models")
    for side, messages in zip(("model_side_a", "model_side_b"), said, strict=True):
        told = [turn.get(who) for turn in turns for who in ("user", side)]
        if _messages(told, "full_conversation") != messages:
            raise BadRow(
                len(turns),
                "the vote follows others of its session, whose answers are of other models; "
                "only first votes are read",
            )


def _winner(value: Any) -> Row:
    if not isinstance(value, str) or value not in _WINNERS:
        raise BadRow(value, f"winner is {value!r:.80}; it must be one of {', '.join(_WINNERS)}")
    return _WINNERS[value]


def _moment(row: Row, name: str) -> Any:
    """`timestamp` as it is; `tstamp` counts the seconds since 1970."""
    seconds = row[name]
    if name == "timestamp":
        return seconds
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        raise BadRow(seconds, f"tstamp is {seconds!r:.80}; it must be seconds since 1970") from None


def _fits(columns: Columns, row: Row) -> bool:
    asked = {"conversation_a", "conversation_b", "model_a", "model_b", "winner"}
    return asked <= columns and bool(columns & set(_ARENA))


def _fits_table(columns: Columns, row: Row) -> bool:
    asked = row.get("prompt")
    listed = isinstance(asked, list) or (isinstance(asked, str) and asked.startswith("["))
    return columns >= {"prompt", "response_a", "response_b", *_FLAGS} and listed


PRESETS = (
    Preset(
        name="arena",
        about="battles: `conversation_a`, `conversation_b`, `winner`, with the user in `judge` or "
        "`judge_hash`",
        kept="both conversations and models; the user's vote as a label with its time, both bad "
        "too; `question_id` or `id`; language, turns and tags in `meta`",
        refused="conversations that begin with other questions; pictures; votes after others of "
        "their session, whose earlier answers are of other models",
        columns=_BATTLE
        | {"conversation_a", "conversation_b", "full_conversation", "tstamp", "timestamp", *_META}
        | {column for column in _LEFT if "." not in column},
        dropped=_LEFT | {"full_conversation": "the same turns again"},
        fits=_fits,
        rows=_battle,
        example={
            "question_id": "q17",
            "model_a": "m1",
            "model_b": "m2",
            "winner": "model_a",
            "judge": "arena_user_5",
            "conversation_a": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "7"},
            ],
            "conversation_b": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "9"},
            ],
            "turn": 1,
            "anony": True,
            "language": "English",
            "tstamp": 1700000000.0,
        },
    ),
    Preset(
        name="arena-table",
        about="the competition's table: `prompt`, `response_a` and `response_b` as JSON lists of "
        "turns, `winner_model_a`, `winner_model_b`, `winner_tie`",
        kept="all turns and both models; the vote as a label; `id`",
        refused="cells that hold no list, a turn without a text, not exactly one winner",
        columns=frozenset({"id", "model_a", "model_b", "prompt", "response_a", "response_b"})
        | _FLAGS.keys(),
        fits=_fits_table,
        rows=_table,
        example={
            "id": 1,
            "model_a": "m1",
            "model_b": "m2",
            "prompt": '["Name a prime.", "And a larger one?"]',
            "response_a": '["7", "11"]',
            "response_b": '["9", "12"]',
            "winner_model_a": 1,
            "winner_model_b": 0,
            "winner_tie": 0,
        },
    ),
)
