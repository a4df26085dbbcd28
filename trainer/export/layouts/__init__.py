"""How an export is laid out for the tool that reads it: `--to NAME`, one file a layout."""

from trainer.export.layout import Layout
from trainer.export.layouts.trl import TRL

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (TRL,)}
"""Every layout by what `--to` calls it."""
