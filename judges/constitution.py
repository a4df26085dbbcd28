"""The rules judges are given: versioned lists of principles, read from TOML.

Several lists can be in force at once; one that names domains applies only to prompts of those.
The version is the hash of the content, so nobody has to remember to raise a number.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.errors import BadInput, UnknownName
from db.toml import parse_toml, read_toml
from db.validation import one_sentence

_SHIPPED = "constitutions"


class Principle(BaseModel):
    """One rule. `group` gathers related rules in reports (helpfulness, honesty ...)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,59}$",
        description="short name, unique in the constitution: small letters, digits, hyphens",
    )
    group: str = Field(
        min_length=1, description="what it belongs to in reports, e.g. helpfulness, honesty"
    )
    text: str = Field(min_length=10, description="the rule as the judge reads it")


class Chapter(BaseModel):
    """One file of principles; `domains` empty means every prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$", description="short name of this list of rules"
    )
    title: str = Field(description="its name for people; changing it makes no new version")
    domains: tuple[str, ...] = Field(
        default=(), description="domains of the prompts it applies to, in small letters; none: all"
    )
    principle: tuple[Principle, ...] = Field(
        min_length=1, description="the rules, one [[principle]] each"
    )

    def applies(self, domain: str | None) -> bool:
        """Whether a prompt of this domain is judged by this chapter."""
        return not self.domains or (domain or "").casefold() in self.domains


class Constitution(BaseModel):
    """All chapters in force, in the order they were named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chapters: tuple[Chapter, ...]

    @property
    def version(self) -> str:
        """sha256 of everything a judge could read, hex; titles and comments do not count."""
        content = [
            [c.name, sorted(c.domains), [[p.id, p.group, p.text] for p in c.principle]]
            for c in self.chapters
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    @property
    def principles(self) -> tuple[Principle, ...]:
        """Every principle of every chapter."""
        return tuple(p for chapter in self.chapters for p in chapter.principle)

    def for_domain(self, domain: str | None) -> tuple[Principle, ...]:
        """The principles a prompt of this domain is judged by."""
        return tuple(p for c in self.chapters if c.applies(domain) for p in c.principle)

    def only(self, ids: Sequence[str] | None) -> "Constitution":
        """Restricted to some principles (None: all). Raises UnknownName for an unknown id."""
        if ids is None:
            return self
        known = {p.id for p in self.principles}
        for wanted in ids:
            if wanted not in known:
                raise UnknownName(
                    f"principle {wanted!r} is not in the constitution; it has {sorted(known)}"
                )
        kept = (
            c.model_copy(update={"principle": tuple(p for p in c.principle if p.id in ids)})
            for c in self.chapters
        )
        return Constitution(chapters=tuple(c for c in kept if c.principle))

    def without(self, held_out: str) -> "Constitution":
        """Everything but one principle, to see what carries over without being told."""
        self.only([held_out])
        return self.only([p.id for p in self.principles if p.id != held_out])


def shipped() -> list[str]:
    """Names of the constitutions that come with the package."""
    folder = files("judges") / _SHIPPED
    names = [f.name for f in folder.iterdir()]
    return sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml"))


def load(names: Iterable[str], beside: Path | None = None) -> Constitution:
    """Read constitutions by shipped name or by path (relative to `beside`, the config's folder).

    Raises UnknownName for a name that is neither, BadInput for a file that cannot be used.
    """
    chapters = [_chapter(name, beside or Path.cwd()) for name in names]
    seen: dict[str, str] = {}
    for chapter in chapters:
        for principle in chapter.principle:
            if principle.id in seen:
                raise BadInput(
                    f"principle {principle.id!r} is in {seen[principle.id]!r} and again in "
                    f"{chapter.name!r}; give one of them another id"
                )
            seen[principle.id] = chapter.name
    return Constitution(chapters=tuple(chapters))


def _chapter(name: str, beside: Path) -> Chapter:
    if name in shipped():
        given = parse_toml((files("judges") / _SHIPPED / f"{name}.toml").read_text("utf-8"))
    else:
        path = beside / name
        if not path.is_file():
            raise UnknownName(
                f"constitution {name!r} is neither a file nor one of {shipped()}; "
                "name one of these or give the path of a TOML file"
            )
        given = read_toml(path)
    try:
        return Chapter.model_validate(given)
    except ValidationError as error:
        raise BadInput(f"constitution {name!r}: {one_sentence(error, Chapter)}") from None
