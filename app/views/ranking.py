"""Ranking several candidates: keys place them best first, T makes the next an equal.

Leaves out the texts (`texts`) and the screen around (`annotate`).
"""

from collections.abc import Callable

import streamlit as st

from app.views import page
from app.views.screen import screen
from db.errors import LeaseLost, TiebreakError
from review.deciding import Ordered
from review.draft import Draft, Groups
from review.html import render
from review.queue import Claim
from review.rankings import build, rank

_PLACES = ("best", "second", "third", "fourth", "fifth")


def notes(claim: Claim) -> tuple[str, ...]:
    """What stands beside each response's name: its place in the order so far."""
    groups = claim.draft.groups
    place = {one: n for n, group in enumerate(groups) for one in group}
    shared = {one for group in groups if len(group) > 1 for one in group}
    return tuple(
        "" if one not in place else _PLACES[place[one]] + (", equal" if one in shared else "")
        for one in claim.candidate_ids
    )


def in_signs(groups: Groups) -> str:
    """An order in one line: 3 = 1 > 2."""
    return " > ".join(" = ".join(f"{one}" for one in group) for group in groups)


def buttons(claim: Claim) -> None:
    """The order so far and the keys that build it; the form keeps what is typed beside it."""
    draft, lease = claim.draft, claim.lease_id
    number = {candidate: n for n, candidate in enumerate(claim.candidate_ids, start=1)}
    _so_far(draft, number)
    left = len(number) - len(draft.placed)
    with st.form(f"form-{lease}", border=False, enter_to_submit=False):
        with st.container(horizontal=True, gap="small", key=f"row-{lease}"):
            for candidate, n in number.items():
                st.form_submit_button(
                    f"Response {n}",
                    key=f"place{n}-{lease}",
                    shortcut=str(n),
                    width="stretch",
                    disabled=candidate in draft.placed,
                    on_click=_step,
                    args=(claim, lambda order, one=candidate: order.then(one)),
                )
            equal = ("Equal to the last", "T", not draft.groups or not left, Draft.with_equal)
            back = ("One back", "Z", not draft.groups, Draft.without_last)
            for label, key, disabled, step in (equal, back):
                st.form_submit_button(
                    label,
                    key=f"{label}-{lease}",
                    shortcut=key,
                    width="stretch",
                    disabled=disabled,
                    on_click=_step,
                    args=(claim, step),
                )
            st.form_submit_button(
                "Store this order",
                key=f"store-{lease}",
                shortcut="Enter",
                width="stretch",
                disabled=bool(left),
                on_click=_store,
                args=(claim,),
                type="primary",
            )
        with st.expander(
            "Add a reason :gray[A]", expanded=bool(screen().kept_text), key=f"reason-{lease}"
        ):
            st.text_area(
                "In your own words (Esc, then Enter, stores it with the order)",
                value=screen().kept_text,
                key=f"text-{lease}",
                height=80,
                max_chars=5000,
            )


def _so_far(draft: Draft, number: dict[int, int]) -> None:
    order = in_signs(tuple(tuple(number[one] for one in group) for group in draft.groups))
    left = len(number) - len(draft.placed)
    asks = (
        "Enter stores it"
        if not left
        else f"press the number of its equal, {left} left"
        if draft.equal
        else f"press the number of the {'next best' if draft.groups else 'best'}, {left} left"
    )
    st.html(render("app.views/order.html.j2", order=order, equal=draft.equal, asks=asks))


def _typed(claim: Claim) -> str:
    return str(st.session_state.get(f"text-{claim.lease_id}") or "")


def _step(claim: Claim, step: Callable[[Draft], Draft]) -> None:
    _attempt(claim, lambda: build(page.database(), claim.lease_id, page.person().id, step))


def _store(claim: Claim) -> None:
    def both() -> None:
        me = page.person().id
        groups = build(page.database(), claim.lease_id, me, lambda order: order).groups
        rank(page.database(), claim.lease_id, me, groups, page.settings(), rationale=_typed(claim))
        screen().stored(Ordered(claim.lease_id))

    _attempt(claim, both)


def _attempt(claim: Claim, act: Callable[[], object]) -> None:
    try:
        act()
    except LeaseLost as error:
        screen().lose(claim, str(error), _typed(claim))
    except TiebreakError as error:
        screen().notice = str(error)
