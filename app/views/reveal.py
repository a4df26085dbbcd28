"""What the panel said about an answered pair: votes by judge and order, reasons, probabilities."""

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from app.views import page, ranking, texts
from app.views.sanitise import visible
from db.panel import PanelVote
from db.probabilities import Probabilities
from db.vocabulary import Choice, Order
from review import view_model as service
from review.reveal_order import Compared, reveal_order
from review.verdict import verdict

_LONGEST = 4_000


def in_words(choice: Choice, b_first: bool, strength: int | None = None) -> str:
    """A stored choice in the words of the screen."""
    return verdict(choice, strength, False, b_first=b_first).label


def draw(lease_id: str, *, on_back: Callable[..., None], args: tuple[Any, ...]) -> None:
    """The whole reveal of one answered pair, and the way back to work."""
    found = service.reveal(page.database(), lease_id, page.person().id)
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
    _texts(found.item, lease_id, on_back, args)


def draw_order(lease_id: str, *, on_back: Callable[..., None], args: tuple[Any, ...]) -> None:
    """The reveal of an order over candidates, two by two, and the way back to work."""
    found = reveal_order(page.database(), lease_id, page.person().id)
    st.subheader(f"You said: {ranking.in_signs(found.groups)}")
    if not found.compared:
        st.text("No judge was asked to compare any two of these.")
    rows = "".join(_compared(two) for two in found.compared)
    st.html(
        '<table class="tb-votes"><thead><tr><th>Compared</th><th>You said</th>'
        f"<th>All votes together</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    for two in found.compared:
        if two.votes:
            with st.expander(f"Responses {two.one} and {two.two}, judge by judge"):
                votes_table(two.votes, two.b_first, (two.one, two.two))
    _texts(found.item, lease_id, on_back, args)


def _compared(two: Compared) -> str:
    numbers = (two.one, two.two)
    together = "no fit yet" if two.p is None else _shares(two.p, two.b_first, numbers)
    mine = _numbered(in_words(two.choice, two.b_first), numbers)
    return f"<tr><td>{two.one} and {two.two}</td><td>{mine}</td><td>{together}</td></tr>"


def _texts(
    item: service.Item, lease_id: str, on_back: Callable[..., None], args: tuple[Any, ...]
) -> None:
    place = f"v{lease_id[:7]}"
    math = texts.conversation(item, place) | texts.responses(item, place, "Text")
    with st.container(key="verdict"):
        st.button(
            "Back to work",
            key="reveal-back",
            shortcut="B",
            on_click=on_back,
            args=args,
            type="primary",
        )
    texts.attend(f"reveal-{lease_id}", math=math, expires="", idle=0)


def probabilities(p: Probabilities, b_first: bool) -> None:
    """What all votes together say, in the order of the screen."""
    shares = _shares(p, b_first, (1, 2))
    st.html(f'<div class="tb-bar"><span>All votes together: {shares}</span></div>')


def _shares(p: Probabilities, b_first: bool, numbers: tuple[int, int]) -> str:
    shown = p.mirrored() if b_first else p
    return (
        f"<b>{shown.p_a:.0%}</b> for Response {numbers[0]}, <b>{shown.p_tie:.0%}</b> equally good, "
        f"<b>{shown.p_b:.0%}</b> for Response {numbers[1]}"
    )


def _numbered(words: str, numbers: tuple[int, int]) -> str:
    """Words about Response 1 and Response 2, of the two responses that bear these numbers."""
    return words.translate({ord("1"): str(numbers[0]), ord("2"): str(numbers[1])})


def votes_table(
    votes: tuple[PanelVote, ...], b_first: bool, numbers: tuple[int, int] = (1, 2)
) -> None:
    """Every vote, in the words and the order of the screen.

    numbers: what the two responses are called there.
    """
    if not votes:
        st.text("No judge has voted on this pair.")
        return
    forth, back = (f"{numbers[0]}, {numbers[1]}", f"{numbers[1]}, {numbers[0]}")
    read = {Order.AB: back if b_first else forth, Order.BA: forth if b_first else back}
    rows = "".join(
        _row(vote, _numbered(in_words(vote.choice, b_first, vote.strength), numbers), read)
        for vote in votes
    )
    st.html(
        '<table class="tb-votes"><thead><tr><th>Judge</th><th>Read</th><th>Said</th><th>Sure</th>'
        f"<th>Because</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(vote: PanelVote, said: str, read: dict[Order, str]) -> str:
    why = (vote.rationale or vote.abstain_reason or "")[:_LONGEST]
    sure = "" if vote.confidence is None else f"{vote.confidence:.0%}"
    cells = (escape(vote.judge), read.get(vote.order, "not recorded"), said, sure)
    plain = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr>{plain}<td class="tb-plain">{visible(escape(why))}</td></tr>'
