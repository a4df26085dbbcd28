"""Orders over the responses of a prompt, which `tiebreak import rankings` reads."""

from collections.abc import Sequence
from pathlib import Path

from db.exports.pairs import ExportPair
from trainer.export.layout import Laid, Layout, Writing
from trainer.export.responses import Response, order
from trainer.export.writing import JsonLines, Row

_NO_ORDER = "of prompts whose labels put their responses into no one order"


def rows(pairs: Sequence[ExportPair], writing: Writing) -> Laid:
    """One row a prompt: its responses, and `ranking`, their ids best first, equals as a list."""
    groups = order(pairs)
    if groups is None:
        return Laid(unfit=dict.fromkeys(range(len(pairs)), _NO_ORDER))
    ids = {id(one): f"r{n + 1}" for n, one in enumerate(one for g in groups for one in g)}
    named = [[ids[id(one)] for one in group] for group in groups]
    asked = pairs[0]
    row: Row = {
        "prompt": asked.messages,
        "responses": [_response(ids[id(one)], one) for group in groups for one in group],
        "ranking": [group[0] if len(group) == 1 else group for group in named],
        "annotator": f"export {writing.name}",
        "domain": asked.domain,
        "source": asked.data_source,
    }
    return Laid([row | ({"tools": asked.tools} if asked.tools else {})])


def _response(key: str, one: Response) -> Row:
    said = {"text": one.text} if one.plain else {"messages": one.messages}
    return {"id": key, **said, "model": one.model, "family": one.family}


def _table(folder: Path, split: str, writing: Writing) -> JsonLines:
    return JsonLines(folder, split)


RANKINGS = Layout(
    name="rankings",
    about="`train.jsonl` and so on, a prompt a line: `prompt`, `responses`, and `ranking`, their "
    "ids best first and equals as a list; `tiebreak import rankings` reads it",
    left_out="prompts whose labels put their responses into no one order (two are not compared, or "
    "labels go in a circle)",
    rows=rows,
    table=_table,
    by_prompt=True,
    ties="within",
)
