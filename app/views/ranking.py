"""Ranking three or four candidates: keys place them best first, T makes the next an equal."""

from collections.abc import Callable

import streamlit as st

from app.views import desk, room
from db.errors import TiebreakError
from review import desk as service
from review.queue import Claim
from review.rankings import Draft, rank


def draw(claim: Claim) -> dict[str, str]:
    """The candidates side by side and the order so far; returns their formulas."""
    item = service.item(room.database(), claim)
    place = claim.lease_id[:8]
    math = desk.conversation(item, place) | desk.responses(item, place, "Text")
    draft = _draft(claim)
    number = {candidate: n for n, candidate in enumerate(claim.candidate_ids, start=1)}
    so_far = " > ".join(" = ".join(f"{number[c]}" for c in group) for group in draft.groups)
    with st.container(key="verdict"):
        error = st.session_state.pop("ranking_error", None)
        if error:
            st.warning(error)
        equal = bool(st.session_state.get(f"equal-{claim.lease_id}"))
        st.html(
            '<div class="tb-bar"><span>Best first: '
            f"<b>{so_far or 'nothing placed yet'}{' =' if equal else ''}</b></span></div>"
        )
        with st.container(horizontal=True, gap="small"):
            for candidate, n in number.items():
                st.button(
                    f"Response {n}",
                    key=f"place{n}-{claim.lease_id}-{len(draft.placed)}",
                    shortcut=str(n),
                    width="stretch",
                    disabled=candidate in draft.placed,
                    on_click=_place,
                    args=(claim, candidate),
                )
            _button("Equal to the last", "T", claim, _equal, not draft.groups)
            _button("One back", "Z", claim, _back, not draft.groups)
            done = len(draft.placed) == len(number)
            _button("Store this order", "Enter", claim, _store, not done)
    return math


def _button(
    label: str, key: str, claim: Claim, act: Callable[[Claim], None], disabled: bool
) -> None:
    st.button(
        label,
        key=f"{label}-{claim.lease_id}",
        shortcut=key,
        width="stretch",
        disabled=disabled,
        on_click=act,
        args=(claim,),
        type="primary" if key == "Enter" else "secondary",
    )


def _draft(claim: Claim) -> Draft:
    found: Draft = st.session_state.setdefault(f"draft-{claim.lease_id}", Draft())
    return found


def _place(claim: Claim, candidate: int) -> None:
    equal = bool(st.session_state.pop(f"equal-{claim.lease_id}", False))
    st.session_state[f"draft-{claim.lease_id}"] = _draft(claim).then(candidate, equal=equal)


def _equal(claim: Claim) -> None:
    key = f"equal-{claim.lease_id}"
    st.session_state[key] = not st.session_state.get(key, False)


def _back(claim: Claim) -> None:
    st.session_state[f"draft-{claim.lease_id}"] = _draft(claim).without_last()


def _store(claim: Claim) -> None:
    groups = _draft(claim).groups
    try:
        rank(room.database(), claim.lease_id, room.person().id, groups, room.settings())
    except TiebreakError as error:
        st.session_state["ranking_error"] = str(error)
    else:
        st.session_state.pop(f"draft-{claim.lease_id}", None)
