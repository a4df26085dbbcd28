"""The generated pages of the documentation: whole, described, and as new as the code."""

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from app.config import Sections
from app.reference.__main__ import PAGES
from app.reference.settings import SECTIONS, settings_page, undescribed
from app.reference.verbs import verbs_page

ROOT = Path(__file__).resolve().parents[1]


def test_every_setting_is_described() -> None:
    assert undescribed() == []


def test_every_section_of_the_configuration_is_on_the_page() -> None:
    titles = {section.title.strip("[]").split(".")[0] for section in SECTIONS}
    assert set(Sections.model_fields) <= titles


def test_every_model_inside_a_section_is_on_the_page() -> None:
    told = {section.model for section in SECTIONS}
    inner = {
        found
        for section in SECTIONS
        for field in section.model.model_fields.values()
        for found in BaseModel.__subclasses__()
        if found.__name__ in str(field.annotation)
        and found.__module__.split(".")[0] in ("app", "judges", "review", "trainer")
    }
    assert inner - told == set()


def test_every_key_of_the_template_is_on_the_page() -> None:
    template = tomllib.loads(files("app").joinpath("template.toml").read_text("utf-8"))
    page = settings_page()
    for section, given in template.items():
        keys = given[0] if isinstance(given, list) else given
        assert [key for key in keys if f"| `{key}` |" not in page] == [], section


def test_a_setting_without_a_description_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(BaseModel):
        told: int = Field(1, description="said")
        untold: int = 2

    silent = SECTIONS[0].__class__("[silent]", Silent, "for this test")
    monkeypatch.setattr("app.reference.settings.SECTIONS", (silent,))
    assert undescribed() == ["Silent.untold"]
    with pytest.raises(ValueError, match="'untold' has no description"):
        settings_page()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_new_as_the_code(name: str) -> None:
    kept = (ROOT / "docs" / name).read_text("utf-8")
    assert kept == PAGES[name](), f"docs/{name} is stale; run `make reference`"


def test_make_reference_writes_every_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.reference", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, env={"PYTHONPATH": str(ROOT)})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PAGES)


def test_every_verb_has_an_example() -> None:
    chapters = verbs_page().split("\n## ")[1:]
    assert [c.splitlines()[0] for c in chapters if "\n```sh\ntiebreak " not in c] == []
