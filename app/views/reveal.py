"""What the panel said about an answered pair: votes by judge and order, reasons, probabilities."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.views import page, ranking, texts
from app.views.sanitise import plain
from db.panel import PanelVote
from db.probabilities import Probabilities
from db.vocabulary import Choice, Order
from review import view_model as service
from review.html import render
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
        reasons = [str(reason).replace("_", " ") for reason in found.reasons]
        st.html(render("app.views/reasons.html.j2", reasons=reasons))
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
    compared = [_compared(two) for two in found.compared]
    st.html(render("app.views/compared.html.j2", compared=compared))
    for two in found.compared:
        if two.votes:
            with st.expander(f"Responses {two.one} and {two.two}, judge by judge"):
                votes_table(two.votes, two.b_first, (two.one, two.two))
    _texts(found.item, lease_id, on_back, args)


def _compared(two: Compared) -> tuple[tuple[int, int], str, Probabilities | None]:
    numbers = (two.one, two.two)
    mine = _numbered(in_words(two.choice, two.b_first), numbers)
    return numbers, mine, None if two.p is None else _on_screen(two.p, two.b_first)


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


def _begin(text: str) -> str:
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]} ... ({more:,} more letters)"


def probabilities(p: Probabilities, b_first: bool) -> None:
    """What all votes together say, in the order of the screen."""
    shown = _on_screen(p, b_first)
    st.html(render("app.views/together.html.j2", shown=shown, numbers=(1, 2)))


def _on_screen(p: Probabilities, b_first: bool) -> Probabilities:
    return p.mirrored() if b_first else p


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
    rows = [
        (
            vote.judge,
            read.get(vote.order, "not recorded"),
            _numbered(in_words(vote.choice, b_first, vote.strength), numbers),
            "" if vote.confidence is None else f"{vote.confidence:.0%}",
            plain(_begin(vote.rationale or vote.abstain_reason or "")),
        )
        for vote in votes
    ]
    st.html(render("app.views/votes.html.j2", votes=rows))
