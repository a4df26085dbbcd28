"""When models end, by what their vendors have announced: shipped as data, by a model's name."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from db.vocabulary import Provider
from judges.judge_config import JudgeConfig
from judges.prices import undated

SOON = timedelta(days=60)
"""Before a model's last day it is said. By hand: as long as a vendor's notice is at least."""


def ends() -> Mapping[str, date]:
    """The last day of each model that has one, priced or not."""
    found: dict[str, date] = _table()["ends"]
    return found


def no_judges() -> Mapping[str, str]:
    """Names in the vendors' lists that nobody can ask for a verdict, and why."""
    found: dict[str, str] = _table()["no_judges"]
    return found


def end_of(model: str) -> date | None:
    """The last day of a model, also under a dated name; None where none is announced."""
    return ends().get(model) or ends().get(undated(model))


def is_over(day: date | None, today: date) -> bool:
    """Whether a model's last day is there."""
    return day is not None and day <= today


def is_near(day: date | None, today: date) -> bool:
    """Whether a model ends soon, and has not ended."""
    return day is not None and today < day <= today + SOON


def ended(judges: Iterable[JudgeConfig], today: date) -> list[str]:
    """The names of judges whose model has ended at its vendor."""
    return [judge.name for judge in judges if is_over(_last_day(judge), today)]


def endings(judges: Iterable[JudgeConfig], today: date) -> list[str]:
    """A sentence for each judge whose model has ended, or does within SOON, at its vendor."""
    told = []
    for judge in judges:
        day = _last_day(judge)
        if day is None or not (is_over(day, today) or is_near(day, today)):
            continue
        left = (day - today).days
        when = f"ends on {day}, in {left} days" if left > 1 else f"ends on {day}, tomorrow"
        told.append(
            f"model {judge.model!r} of judge {judge.name!r} "
            f"{f'ended on {day}' if left <= 0 else when}; give it another, and "
            f"`tiebreak judges bridge {judge.name}` compares the two on pairs that it has judged"
        )
    return told


def _last_day(judge: JudgeConfig) -> date | None:
    """Of a judge's model, at its vendor; clouds and other servers have days of their own."""
    at_vendor = judge.provider in (Provider.ANTHROPIC, Provider.OPENAI) and judge.via is None
    return end_of(judge.model or "") if at_vendor else None


@cache
def _table() -> Any:
    return tomllib.loads((files("judges") / "lifetimes.toml").read_text(encoding="utf-8"))
