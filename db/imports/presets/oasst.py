"""OpenAssistant conversations: trees of messages, whose replies people have ranked.

Source: the cards of the data sets OpenAssistant/oasst1 and oasst2, and `oasst_data/schemas.py` of
github.com/LAION-AI/Open-Assistant: a tree (`message_tree_id`, `prompt` with nested `replies`), or a
table of messages that name their `parent_id`. `rank` is the place of an assistant's reply among its
siblings, merged from several people's rankings, 0 the best.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from db.conversation import Messages
from db.files.line import Line
from db.imports import fields
from db.imports.columns import is_empty
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Preset, Read, alone, having

SIGNED = "oasst"  # several people ranked, and only what they came to together is published
_ROLES = {"prompter": "user", "assistant": "assistant"}
_MESSAGE = frozenset({"message_id", "parent_id", "user_id", "text", "role", "lang", "rank"})
_MESSAGE |= {"created_date", "review_count", "review_result", "deleted", "synthetic", "model_name"}
_MESSAGE |= {"detoxify", "message_tree_id", "tree_state", "emojis", "labels", "events"}
_DROPPED = {
    "deleted": "a deleted message is left out, with all under it",
    "review_result": "a message that reviewers refused, or none has reviewed, is left out likewise",
    "rank": "of what users say next; a reply of the assistant is ranked by it",
    "model_name": "of what users say; of a reply it is the model",
    "message_tree_id": "names the tree, as its first message does",
    "user_id": "who wrote the message",
    "created_date": "when the message was written",
    "review_count": "how many people reviewed it",
    "synthetic": "whether a model wrote it",
    "detoxify": "scores of another model",
    "tree_state": "how far the tree had come",
    "emojis": "counts of reactions",
    "labels": "what reviewers said of one message: quality, humour and the like",
    "events": "single rankings and reactions, where they are published",
}
_TREE_DROPPED = {f"prompt.{name}": why for name, why in _DROPPED.items()} | {
    "message_tree_id": _DROPPED["message_tree_id"],
    "tree_state": _DROPPED["tree_state"],
    "origin": "where the tree was collected",
}


def _unread(row: Row) -> Iterator[str]:
    """Keys of a tree's messages that are not read, at any depth, as `prompt.key`."""
    waiting = [row.get("prompt")]
    while waiting:
        message = waiting.pop()
        if isinstance(message, dict):
            keys = (k for k in message if k not in _MESSAGE and k != "replies")
            yield from (f"prompt.{k}" for k in keys if not is_empty(message[k]))
            replies = message.get("replies")
            waiting += replies if isinstance(replies, list) else []


def _tree(row: Row) -> list[Row]:
    prompt = row.get("prompt")
    if not isinstance(prompt, dict):
        raise BadRow(prompt, "prompt must be a message with its replies")
    found = list(_rankings(prompt))
    if not found:
        raise BadRow(
            row.get("message_tree_id"),
            "no prompt of the tree has two ranked replies that are neither deleted nor refused",
        )
    return found


def _rankings(root: Row) -> Iterator[Row]:
    """A row for each prompt of a tree with two or more ranked replies, under the talk so far."""
    waiting: list[tuple[Row, Messages]] = [(root, [])]
    while waiting:
        message, above = waiting.pop()
        if not _counts(message):
            continue
        role = _ROLES.get(str(message.get("role")))
        if role is None:
            raise BadRow(message.get("role"), "role must be prompter or assistant")
        talk = [*above, {"role": role, "content": fields.text(message, "text")}]
        replies = [reply for reply in _replies(message) if _counts(reply)]
        ranked = [reply for reply in replies if reply.get("rank") is not None]
        if role == "user" and len(ranked) > 1:
            yield _ranking(message, talk, ranked)
        waiting += [(reply, talk) for reply in reversed(replies)]


def _ranking(message: Row, talk: Messages, ranked: list[Row]) -> Row:
    places: dict[int, list[str]] = {}
    for reply in ranked:
        place = fields.integer(reply, "rank", None, 0, 1000)
        places.setdefault(place or 0, []).append(fields.name(reply, "message_id"))
    best_first = [group[0] if len(group) == 1 else group for _, group in sorted(places.items())]
    return {
        "prompt_id": fields.name(message, "message_id"),
        "prompt": talk,
        "responses": [
            {
                "id": reply["message_id"],
                "text": fields.text(reply, "text"),
                "model": reply.get("model_name") or None,
            }
            for reply in ranked
        ],
        "ranking": best_first,
        "annotator": SIGNED,
        "domain": message.get("lang"),
    }


def _replies(message: Row) -> list[Row]:
    replies = message.get("replies") or []
    if not isinstance(replies, list) or not all(isinstance(reply, dict) for reply in replies):
        raise BadRow(replies, "replies must be a list of messages")
    return replies


def _counts(message: Row) -> bool:
    """Neither deleted, nor refused or not looked at by reviewers."""
    reviewed = "review_result" not in message or fields.flag(message, "review_result")
    return reviewed and not fields.flag(message, "deleted")


def _table(lines: Iterable[Line]) -> Iterator[Read]:
    """Builds the trees that the table's messages are; a tree stands at the line of its root."""
    nodes: dict[Any, Row] = {}
    roots: list[tuple[Line, Row]] = []
    waiting: list[tuple[Line, Row]] = []
    for line in lines:
        node = {**line.row, "replies": []}
        if not isinstance(line.row.get("message_id"), str):
            yield line, BadRow(line.row.get("message_id"), "message_id is missing")
            continue
        nodes[line.row["message_id"]] = node
        (roots if node.get("parent_id") in (None, "") else waiting).append((line, node))
    for line, node in waiting:
        parent = nodes.get(str(node["parent_id"]))
        if parent is None:
            reason = "parent_id names no message of the table; import the whole table in one call"
            yield line, BadRow(node["parent_id"], reason)
        else:
            parent["replies"].append(node)
    for line, root in roots:
        try:
            with fields.one_reason():
                rankings = list(_rankings(root))
            yield from ((line, ranking) for ranking in rankings)
        except BadRow as error:
            yield line, error


_KEPT = (
    "every prompt with two or more ranked replies as a ranking signed `oasst`, under the talk that "
    "leads to it; `lang` as domain, `model_name` as model"
)

PRESETS = (
    Preset(
        name="oasst",
        about="trees of messages, one a row",
        kept=_KEPT,
        refused="a tree without a ranking; left out of it are deleted and refused messages with "
        "all under them, and replies without a rank",
        columns=frozenset({"message_tree_id", "tree_state", "prompt", "origin"}),
        dropped=_TREE_DROPPED,
        fits=lambda columns, row: (
            {"message_tree_id", "prompt"} <= columns and isinstance(row.get("prompt"), dict)
        ),
        rows=_tree,
        inside=_unread,
        example={
            "message_tree_id": "t1",
            "tree_state": "ready_for_export",
            "prompt": {
                "message_id": "t1",
                "text": "Name a prime.",
                "role": "prompter",
                "lang": "en",
                "deleted": False,
                "review_result": True,
                "replies": [
                    {"message_id": "r1", "text": "9", "role": "assistant", "rank": 1},
                    {"message_id": "r2", "text": "7", "role": "assistant", "rank": 0},
                ],
            },
        },
        kind="candidates",
    ),
    Preset(
        name="oasst-messages",
        about="the same as a table, one message a row",
        kept=_KEPT,
        refused="a message whose parent is not in the table; left out are deleted and refused "
        "messages with all under them, and replies without a rank",
        columns=_MESSAGE,
        dropped=_DROPPED,
        fits=having("message_id", "parent_id", "text", "role"),
        rows=alone,
        whole=_table,
        example={
            "message_id": "t1",
            "parent_id": None,
            "text": "Name a prime.",
            "role": "prompter",
            "lang": "en",
            "deleted": False,
            "review_result": True,
            "rank": None,
            "message_tree_id": "t1",
        },
        beside=(
            {"message_id": "r1", "parent_id": "t1", "text": "9", "role": "assistant", "rank": 1},
            {"message_id": "r2", "parent_id": "t1", "text": "7", "role": "assistant", "rank": 0},
        ),
        kind="candidates",
    ),
)
