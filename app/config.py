"""The configuration: one tiebreak.toml, each section a typed model beside the code that uses it.

Secrets are not in it: keys come from the environment only.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.cycle_settings import FOLDERS, CycleSettings
from app.gate_settings import GateSettings
from app.retention_settings import RetentionSettings
from db.errors import BadInput, UnknownName
from db.files.limits import FileLimits
from db.toml import read_toml, unechoed
from db.validation import one_sentence
from review.settings import ReviewSettings
from trainer.settings import TrainerSettings

if TYPE_CHECKING:
    from db.imports.mapping import ColumnMap
    from db.imports.options import ImportOptions
    from db.session import Database
    from judges.generation import GeneratorConfig
    from judges.panel import Panel

FILE = "tiebreak.toml"
_URL = "TIEBREAK_DATABASE_URL"


class DatabaseSettings(BaseModel):
    """The `[database]` section; TIEBREAK_DATABASE_URL in the environment goes before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        "sqlite:///tiebreak.db",
        description="SQLAlchemy address of the database; a relative SQLite file lies beside "
        "tiebreak.toml; TIEBREAK_DATABASE_URL in the environment goes before it",
    )


class ColumnNames(BaseModel):
    """A `[maps.NAME]` section: fields of imported rows, and the columns that they are read from."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, str]

    prompt: str | None = Field(
        None,
        description="the column that the prompt is read from; so for every other field that an "
        "import reads, as `response_a`, `choice`, `annotator` ([formats](formats.md#imports))",
    )

    @property
    def said(self) -> dict[str, str]:
        """Field -> column, as `--map` writes it."""
        return self.model_dump(exclude_none=True)


class Sections(BaseModel):
    """All sections. Panel, judges, limits and generators are read by the judging room itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: DatabaseSettings = DatabaseSettings()
    files: FileLimits = FileLimits()
    panel: dict[str, Any] = {}
    judge: list[dict[str, Any]] = []
    limits: dict[str, Any] = {}
    generator: list[dict[str, Any]] = []
    review: ReviewSettings = ReviewSettings()
    training: TrainerSettings = TrainerSettings()
    cycle: CycleSettings = CycleSettings()
    gate: GateSettings = GateSettings()
    retention: RetentionSettings = RetentionSettings()
    maps: dict[str, ColumnNames] = {}


@dataclass(frozen=True)
class Config:
    """A configuration as read: where it lies and what it says."""

    path: Path
    sections: Sections

    @property
    def folder(self) -> Path:
        """Relative paths in the file start here."""
        return self.path.parent

    @property
    def database_url(self) -> str:
        """Where everything is stored; a relative SQLite file lies beside the configuration."""
        url = os.environ.get(_URL) or self.sections.database.url
        relative = "sqlite:///"
        if url.startswith(relative) and not url.startswith("sqlite:////"):
            return f"{relative}{self.folder / url.removeprefix(relative)}"
        return url

    @cached_property
    def database(self) -> "Database":
        """The database, at head. Raises SchemaOutdated where it is not, or its tables are not."""
        from db.schema import require_head
        from db.session import Database

        found = Database(self.database_url)
        require_head(found)
        return found

    @cached_property
    def panel(self) -> "Panel":
        """The judges and their rules."""
        from judges.panel import parse

        allow_fake = os.environ.get("TIEBREAK_ALLOW_FAKE") == "1"
        given = self.sections
        sections = {"panel": given.panel, "judge": given.judge, "limits": given.limits}
        with unechoed(sections):
            return parse(sections, beside=self.folder, allow_fake=allow_fake)

    @property
    def generators(self) -> "tuple[GeneratorConfig, ...]":
        """The models that write responses. Raises UnknownName where there is none."""
        from judges.generation import parse

        with unechoed({"generator": self.sections.generator}):
            found = parse(self.sections.generator)
        if not found:
            raise UnknownName(
                f"{self.path.name} has no [[generator]]; add one with name, provider and model"
            )
        return found

    def generator(self, name: str | None) -> "GeneratorConfig":
        """One of them, the first without a name. Raises UnknownName."""
        for one in self.generators:
            if name in (None, one.name):
                return one
        names = [one.name for one in self.generators]
        raise UnknownName(f"generator {name!r} is not configured; there are {names}")

    @property
    def files(self) -> FileLimits:
        """The `[files]` section."""
        return self.sections.files

    def column_map(self, said: list[str], kind: str) -> "ColumnMap":
        """What `--map` says, or the `[maps.NAME]` it names, for files of this kind of rows.

        Raises UnknownName for a name that is none, and BadInput for what is no mapping.
        """
        from db.imports.choosing import readable
        from db.imports.mapping import parse_map

        maps, known = self.sections.maps, readable(kind)
        if len(said) == 1 and "=" not in said[0]:
            if said[0] not in maps:
                raise UnknownName(
                    f"--map {said[0]!r} is no mapping and no [maps.{said[0]}] of {self.path.name}; "
                    f"there {'is' if len(maps) == 1 else 'are'} {', '.join(maps) or 'none'}"
                )
            return parse_map(maps[said[0]].said, known)
        return parse_map(said, known)

    def inbox_options(self, kind: str) -> "ImportOptions":
        """How the inbox's files of this kind are read. Raises UnknownName and BadInput for a
        `[cycle] map` that names no mapping of such files.
        """
        from db.imports.options import ImportOptions

        cycle = self.sections.cycle
        named: Mapping[Any, str] = cycle.map
        name = named.get(kind)
        try:
            columns = None if name is None else self.column_map([name], kind)
        except BadInput as error:
            raise type(error)(f"[cycle] map of {kind}: {error}") from None
        return ImportOptions(
            limits=self.files,
            columns=columns,
            ignore=cycle.ignore,
            keep=cycle.keep if kind in ("pairs", "candidates") else (),
        )

    @property
    def review(self) -> ReviewSettings:
        """The `[review]` section."""
        return self.sections.review

    @property
    def training(self) -> TrainerSettings:
        """The `[training]` section, its folder made absolute."""
        training = self.sections.training
        return training.model_copy(update={"folder": self.folder / training.folder})

    @property
    def retention(self) -> RetentionSettings:
        """The `[retention]` section."""
        return self.sections.retention

    @property
    def gate(self) -> GateSettings:
        """The `[gate]` section."""
        return self.sections.gate

    @property
    def cycle(self) -> CycleSettings:
        """The `[cycle]` section, its folders made absolute."""
        cycle = self.sections.cycle
        folders = {name: self.folder / getattr(cycle, name) for name in FOLDERS}
        return cycle.model_copy(update=folders)


def load(path: str | Path | None = None) -> Config:
    """Read the configuration named, else TIEBREAK_CONFIG, else ./tiebreak.toml.

    Raises UnknownName where there is none and BadInput with one sentence for what is wrong in it.
    """
    file = Path(path or os.environ.get("TIEBREAK_CONFIG") or FILE).absolute()
    if not file.is_file():
        raise UnknownName(f"there is no configuration {str(file)!r}; run `tiebreak init` first")
    given = read_toml(file)
    with unechoed(given):
        try:
            return Config(file, Sections.model_validate(given))
        except ValidationError as error:
            raise BadInput(f"{file.name}: {one_sentence(error, Sections)}") from None
