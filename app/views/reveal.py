"""What the panel said about an answered pair: votes by judge and order, reasons, probabilities."""

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from app.views import desk, room
from app.views.sanitise import visible
from db.panel import PanelVote
from db.vocabulary import Choice, Order
from review import desk as service
from review.verdict import verdict

_LONGEST = 4_000


def in_words(choice: Choice, b_first: bool, strength: int | None = None) -> str:
    """A stored choice in the words of the screen."""
    return verdict(choice, strength, False, b_first=b_first).label


def draw(lease_id: str, *, on_back: Callable[..., None], args: tuple[Any, ...]) -> None:
    """The whole reveal of one answered pair, and the way back to work."""
    found = service.reveal(room.database(), lease_id, room.person().id)
    mine = verdict(found.choice, found.strength, found.both_bad, b_first=found.b_first)
    st.subheader(f"You said: {mine.label}")
    if found.control:
        st.text("This one was a check, drawn without regard to what the panel said.")
    elif found.reasons:
        chips = "".join(
            f'<span class="tb-chip">{escape(str(reason).replace("_", " "))}</span>'
            for reason in found.reasons
        )
        st.html(f'<div><span class="tb-role">Why a person was asked</span><br>{chips}</div>')
    if found.p is not None:
        probabilities(found.p, found.b_first)
    votes_table(found.votes, found.b_first)
    place = f"v{lease_id[:7]}"
    math = desk.conversation(found.item, place) | desk.responses(found.item, place, "Text")
    with st.container(key="verdict"):
        st.button(
            "Back to work",
            key="reveal-back",
            shortcut="B",
            on_click=on_back,
            args=args,
            type="primary",
        )
    desk.attend(f"reveal-{lease_id}", math=math, expires="", idle=0)


def probabilities(p: tuple[float, float, float], b_first: bool) -> None:
    """What all votes together say, in the order of the screen."""
    one, tie, two = (p[2], p[1], p[0]) if b_first else p
    st.html(
        '<div class="tb-bar"><span>All votes together: '
        f"<b>{one:.0%}</b> for Response 1, <b>{tie:.0%}</b> equally good, <b>{two:.0%}</b> for "
        "Response 2</span></div>"
    )


def votes_table(votes: tuple[PanelVote, ...], b_first: bool) -> None:
    """Every vote, in the words and the order of the screen."""
    if not votes:
        st.text("No judge has voted on this pair.")
        return
    shown = {Order.AB: "2, 1" if b_first else "1, 2", Order.BA: "1, 2" if b_first else "2, 1"}
    rows = "".join(_row(vote, b_first, shown.get(vote.order, "not recorded")) for vote in votes)
    st.html(
        '<table class="tb-votes"><thead><tr><th>Judge</th><th>Read</th><th>Said</th><th>Sure</th>'
        f"<th>Because</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(vote: PanelVote, b_first: bool, order: str) -> str:
    said = (vote.rationale or vote.abstain_reason or "")[:_LONGEST]
    sure = "" if vote.confidence is None else f"{vote.confidence:.0%}"
    cells = (escape(vote.judge), order, in_words(vote.choice, b_first, vote.strength), sure)
    plain = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr>{plain}<td class="tb-plain">{visible(escape(said))}</td></tr>'
