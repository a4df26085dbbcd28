"""How an export is laid out for the tool that reads it: `--to NAME`, one file a layout."""

from trainer.export.layout import Layout
from trainer.export.layouts.argilla import ARGILLA
from trainer.export.layouts.csv import CSV
from trainer.export.layouts.jsonl import JSONL
from trainer.export.layouts.kto import KTO
from trainer.export.layouts.label_studio import LABEL_STUDIO
from trainer.export.layouts.llama_factory import LLAMA_FACTORY
from trainer.export.layouts.openai import OPENAI
from trainer.export.layouts.rankings import RANKINGS
from trainer.export.layouts.sft import SFT
from trainer.export.layouts.trl import TRL

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        TRL, KTO, SFT, OPENAI, LLAMA_FACTORY, RANKINGS, JSONL, CSV, LABEL_STUDIO, ARGILLA
    )
}  # fmt: skip
"""Every layout by what `--to` calls it."""
