"""What an import may be told, and the kinds of rows there are."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from db.files import FileLimits
from db.gold import Grouping
from db.imports.mapping import ColumnMap
from db.imports.rows import SIGNED


class Kind(StrEnum):
    """What the rows of a file are."""

    PAIRS = "pairs"
    CANDIDATES = "candidates"
    VOTES = "votes"
    LABELS = "labels"
    GOLD = "gold"
    RANKINGS = "rankings"
    STEPS = "steps"


@dataclass(frozen=True)
class ImportOptions:
    """`pairs_per_prompt` draws that many pairs of a candidate set (None: all) by `seed`;
    `annotator` signs labels that name nobody; `strict` refuses a file with any bad row, storing
    nothing of it; `rejects` is where bad rows go (None: FILE.rejects.jsonl in the current folder);
    `limits` is how much a file and a row may be; `rated` where 0 among the `labels` of a stepwise
    file is neither right nor wrong; `grouping` tells which prompts are one group, so that gold is
    refused where its group was exported (None: where its prompt was), and `barred` are the prompts
    that may not become gold for that. `preset` names the shape of the rows (None: found); `split`
    the part to read of a file that has several. `columns` tells what of their columns is which
    field of ours; columns in `ignore` are passed over, those in `keep` kept with their pair.
    """

    pairs_per_prompt: int | None = None
    seed: int = 7
    annotator: str = SIGNED
    strict: bool = False
    rejects: Path | None = None
    limits: FileLimits = field(default_factory=FileLimits)
    rated: bool = False
    grouping: Grouping | None = None
    barred: Collection[int] = ()
    preset: str | None = None
    split: str | None = None
    columns: ColumnMap | None = None
    dry_run: bool = False
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
