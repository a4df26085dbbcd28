"""How conversations stand in the Parquet of an export, as `datasets` and TRL read them.

Where all are plain, a message is a struct of role and content. Else messages and tools are JSON
columns, which `datasets` gives back key for key: in a struct every message would have every key,
and chat templates ask which keys are there. With `--format plain` they are texts.
"""

from typing import Any

import pyarrow as pa

from db.conversation import Messages
from db.exports.pairs import ExportPair
from trainer.export.layout import Unfit, Writing
from trainer.export.writing import OBJECTS, Row

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def said_type(writing: Writing) -> pa.DataType:
    """The type of a column of messages."""
    if writing.options.format == "plain":
        return pa.string()
    return MESSAGES if writing.plain else OBJECTS


def asked_columns(writing: Writing) -> list[tuple[str, pa.DataType]]:
    """`prompt`, and `tools` where any conversation has some."""
    texts = writing.plain or writing.options.format == "plain"
    return [("prompt", said_type(writing)), *([] if texts else [("tools", OBJECTS)])]


def prompt(pair: ExportPair, writing: Writing) -> Row:
    """The values of those columns. Raises Unfit for what texts cannot hold."""
    if writing.options.format == "plain":
        if not pair.is_plain:
            raise Unfit("with tools or messages that are more than texts (--format plain)")
        # Plain rows are concatenated by trainers, so the prompt ends where the response may begin.
        return {"prompt": pair.prompt + "\n\n"}
    return {"prompt": pair.messages} | ({} if writing.plain else {"tools": pair.tools})


def response(said: Messages, writing: Writing) -> Any:
    """A response as its column holds it."""
    return said[0]["content"] if writing.options.format == "plain" else said
