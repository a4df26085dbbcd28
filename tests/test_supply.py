"""The lock is the tested set: it covers what the project asks for, with hashes and no address."""

import os
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = ("train", "postgres", "auth", "vertex", "dev", "docs")
APART = "torch"
"""Chosen by its build, in constraints.txt."""


def _pins() -> list[Requirement]:
    """Every pin of the lock, its marker with it."""
    heads = re.findall(r"^([A-Za-z0-9].*?) \\$", LOCK, flags=re.MULTILINE)
    return [Requirement(head) for head in heads]


def _asked() -> list[Requirement]:
    listed = list(PROJECT["dependencies"])
    for extra in LOCKED_EXTRAS:
        listed += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in listed]


def test_every_requirement_is_locked_inside_its_range() -> None:
    pins = _pins()
    for asked in _asked():
        locked = [p for p in pins if canonicalize_name(p.name) == canonicalize_name(asked.name)]
        if asked.name == APART:
            assert not locked
            continue
        assert locked, f"{asked.name} is not in requirements.lock: run `make lock`"
        for pin in locked:
            (only,) = pin.specifier
            assert only.operator == "=="
            assert asked.specifier.contains(only.version), f"{asked} but {pin}: run `make lock`"


def test_every_pin_has_hashes_and_no_address_is_named() -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(_pins())
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", LOCK)


def test_torch_is_pinned_apart() -> None:
    (line,) = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pin = Requirement(line)
    (asked,) = (r for r in _asked() if r.name == APART)
    assert pin.name == APART
    assert asked.specifier.contains(next(iter(pin.specifier)).version)


@pytest.mark.skipif(not os.environ.get("CI"), reason="elsewhere newer releases may be tried")
def test_what_is_installed_is_what_is_locked() -> None:
    for pin in _pins():
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            here = version(pin.name)
        except PackageNotFoundError:
            pytest.fail(f"{pin} is locked but not installed: run `make setup`")
        assert pin.specifier.contains(here), f"{pin} is locked, {here} is installed"
