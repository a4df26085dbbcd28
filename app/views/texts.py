"""Draws the texts of a pair: the conversation, two responses side by side, and their views."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.views import sanitise
from app.views.turns import Turn, beside, turns
from review.html import render
from review.view_model import Item

_LONG_PROMPT = 1500

_Drawing = list[tuple[Turn, str]]  # turns with their HTML


@st.cache_data(show_spinner=False, max_entries=400)
def _rendered(text: str, place: str) -> sanitise.Rendered:
    return sanitise.rendered(text, place)


@st.cache_data(show_spinner=False, max_entries=100)
def _difference(one: str, two: str) -> tuple[str, str]:
    return sanitise.difference(one, two)


@st.cache_data(show_spinner=False, max_entries=400)
def _written(text: str) -> str:
    return sanitise.written(text)


@st.cache_data(show_spinner=False, max_entries=100)
def _raw(text: str) -> str:
    return sanitise.raw(text)


def conversation(item: Item, place: str) -> dict[str, str]:
    """The whole prompt, a multi-turn one as turns; returns its formulas."""
    said, math = _drawn(turns(item.prompt, "Prompt"), f"{place}-p")
    with st.expander("Prompt", expanded=True) if len(item.prompt) > _LONG_PROMPT else nullcontext():
        st.html(render("app.views/conversation.html.j2", turns=said))
    return math


def _whole(text: str, shown: str) -> _Drawing:
    """A text that is drawn in one piece."""
    return [(Turn("said", "", text), shown)]


def _drawn(said: Sequence[Turn], place: str) -> tuple[_Drawing, dict[str, str]]:
    """Every turn with its HTML, and the formulas among them."""
    found: _Drawing = []
    math: dict[str, str] = {}
    for number, turn in enumerate(said):
        if turn.drawn == "said":
            made = _rendered(turn.text, f"{place}{number}")
            math |= made.math
            found.append((turn, made.html))
        elif turn.other:
            found.append((turn, _difference(turn.text, turn.other)[0]))
        else:
            found.append((turn, _written(turn.text)))
    return found, math


def responses(item: Item, place: str, view: str, notes: Sequence[str] = ()) -> dict[str, str]:
    """The responses side by side, in the order of the screen; returns their formulas.

    notes: a word beside the name of each response.
    """
    names = [f"Response {number}" for number in range(1, len(item.responses) + 1)]
    math: dict[str, str] = {}
    bodies: list[_Drawing] = []
    if view == "Raw":
        bodies = [_whole(text, _raw(text)) for text in item.responses]
    elif view == "Diff" and len(item.responses) == 2:
        both = zip(item.responses, _difference(*item.responses), strict=True)
        bodies = [_whole(text, shown) for text, shown in both]
    else:
        for number, side in enumerate(beside([turns(text) for text in item.responses])):
            said, more = _drawn(side, f"{place}-r{number}-")
            bodies.append(said)
            math |= more
    sides = list(zip(names, notes or [""] * len(names), bodies, strict=True))
    st.html(render("app.views/pair.html.j2", sides=sides))
    return math


@cache
def _component() -> Any:
    source = (Path(__file__).parent / "desk.js").read_text(encoding="utf-8")
    return st.components.v2.component("tiebreak_desk", js=source)


@dataclass(frozen=True)
class Beat:
    """A sign of work: seconds of it since the last one, and what is typed and not sent yet."""

    seconds: float
    text: str
    reasons: tuple[str, ...]


def attend(key: str, *, math: dict[str, str], expires: str, idle: float) -> Beat | None:
    """Formulas, scrolling in step, Esc and the countdown; a sign of work when some was seen."""
    seen = _component()(
        key=key,
        data={"math": math, "expires": expires, "idle": idle, "every": 20},
        on_beat_change=lambda: None,
    )
    if seen.beat is None:
        return None
    told = seen.beat
    return Beat(float(told["seconds"]), str(told["text"]), tuple(map(str, told["reasons"])))
