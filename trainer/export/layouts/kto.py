"""TRL's unpaired preference rows (KTO): one response a row, and whether it is a good one.

Source: huggingface.co/docs/trl/dataset_formats, "Unpaired preference".
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from db.exports.pairs import ExportPair
from trainer.export.conversations import asked_columns, prompt, response, said_type
from trainer.export.layout import Laid, Layout, Unfit, Writing
from trainer.export.responses import Response, responses
from trainer.export.writing import Parquet, Row

BOTH = "responses better in one pair and worse in another"
META = pa.struct(
    [
        ("prompt_hash", pa.string()),
        ("pair_ids", pa.list_(pa.string())),
        ("model", pa.string()),
        ("domain", pa.string()),
        ("data_source", pa.string()),
    ]
)
"""Of a row about one response: the pairs that say so, and where prompt and response come from."""


def completion(pair: ExportPair, one: Response, pair_ids: list[str], writing: Writing) -> Row:
    """`prompt`, `completion` and `meta` of one response to the prompt of a pair."""
    return prompt(pair, writing) | {
        "completion": response(one.messages, writing),
        "meta": {
            "prompt_hash": pair.prompt_hash,
            "pair_ids": pair_ids,
            "model": one.model,
            "domain": pair.domain,
            "data_source": pair.data_source,
        },
    }


def rows(pairs: Sequence[ExportPair], writing: Writing) -> Laid:
    """Each response once: true where it lost no pair, false where it won none."""
    made = Laid()
    try:
        for one in responses(pairs):
            if one.won and one.lost:
                made.left_out[BOTH] += 1
                continue
            row = completion(pairs[0], one, one.won or one.lost, writing)
            made.rows.append(row | {"label": bool(one.won)})
    except Unfit as reason:
        made.unfit = dict.fromkeys(range(len(pairs)), str(reason))
    return made


def _table(folder: Path, split: str, writing: Writing) -> Parquet:
    said = ("completion", said_type(writing))
    schema = pa.schema([*asked_columns(writing), said, ("label", pa.bool_()), ("meta", META)])
    return Parquet(folder, f"data/{split}", schema)


KTO = Layout(
    name="kto",
    about="Parquet of TRL's unpaired rows: `prompt`, `completion`, `label`, `tools`, `meta`; each "
    "response of a prompt once, true where it was chosen and false where it was rejected",
    left_out="ties; responses better in one pair and worse in another",
    rows=rows,
    table=_table,
    by_prompt=True,
    ties="no place",
)
