"""TRL's prompt-completion rows: the chosen responses alone.

Source: huggingface.co/docs/trl/dataset_formats, "Prompt-completion".
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from db.exports.pairs import ExportPair
from trainer.export.conversations import asked_columns, said_type
from trainer.export.layout import Laid, Layout, Unfit, Writing
from trainer.export.layouts.kto import BOTH, META, completion
from trainer.export.responses import responses
from trainer.export.writing import Parquet


def rows(pairs: Sequence[ExportPair], writing: Writing) -> Laid:
    """Each response that won a pair and lost none, once."""
    made = Laid()
    try:
        for one in responses(pairs):
            if one.won and one.lost:
                made.left_out[BOTH] += 1
            elif one.won:
                made.rows.append(completion(pairs[0], one, one.won, writing))
    except Unfit as reason:
        made.unfit = dict.fromkeys(range(len(pairs)), str(reason))
    return made


def _table(folder: Path, split: str, writing: Writing) -> Parquet:
    schema = pa.schema(
        [*asked_columns(writing), ("completion", said_type(writing)), ("meta", META)]
    )
    return Parquet(folder, f"data/{split}", schema)


SFT = Layout(
    name="sft",
    about="Parquet of TRL's prompt-completion rows: `prompt`, `completion`, `tools`, `meta`; each "
    "chosen response of a prompt once",
    left_out="rejected responses; ties; responses better in one pair and worse in another",
    rows=rows,
    table=_table,
    by_prompt=True,
    ties="no place",
)
