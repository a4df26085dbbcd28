"""Ranking several candidates: keys place them best first, T makes the next an equal.

Leaves out the texts (`desk`) and the screen around (`annotate`).
"""

from collections.abc import Callable

import streamlit as st

from app.views import room
from db.errors import LeaseLost, TiebreakError
from review.queue import Claim
from review.rankings import Draft, rank

_PLACES = ("best", "second", "third", "fourth", "fifth")


def notes(claim: Claim) -> tuple[str, ...]:
    """What stands beside each response's name: its place in the order so far."""
    groups = _draft(claim).groups
    place = {one: n for n, group in enumerate(groups) for one in group}
    shared = {one for group in groups if len(group) > 1 for one in group}
    return tuple(
        "" if one not in place else _PLACES[place[one]] + (", equal" if one in shared else "")
        for one in claim.candidate_ids
    )


def buttons(claim: Claim, lost: Callable[[Claim, str], None]) -> None:
    """The order so far and the keys that build it; `lost` is told why a claim is over."""
    draft = _draft(claim)
    number = {candidate: n for n, candidate in enumerate(claim.candidate_ids, start=1)}
    so_far = " &gt; ".join(" = ".join(f"{number[c]}" for c in group) for group in draft.groups)
    error = st.session_state.pop(f"ranking-error-{claim.lease_id}", None)
    if error:
        st.warning(error)
    equal = bool(st.session_state.get(f"equal-{claim.lease_id}"))
    left = len(number) - len(draft.placed)
    asks = (
        "Enter stores it"
        if not left
        else f"press the number of its equal, {left} left"
        if equal
        else f"press the number of the {'next best' if draft.groups else 'best'}, {left} left"
    )
    st.html(
        f'<div class="tb-bar" role="status"><span>Order: <b>{so_far or "nobody yet"}'
        f"{' =' if equal else ''}</b></span><span>{asks}</span></div>"
    )
    with st.container(horizontal=True, gap="small", key=f"row-{claim.lease_id}"):
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
        _button("Equal to the last", "T", claim, _equal, not draft.groups or not left)
        _button("One back", "Z", claim, _back, not draft.groups)
        _button("Store this order", "Enter", claim, lambda one: _store(one, lost), bool(left))


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
    if st.session_state.pop(f"equal-{claim.lease_id}", False):
        return  # the last step was to say that an equal follows
    st.session_state[f"draft-{claim.lease_id}"] = _draft(claim).without_last()


def _store(claim: Claim, lost: Callable[[Claim, str], None]) -> None:
    groups = _draft(claim).groups
    try:
        rank(room.database(), claim.lease_id, room.person().id, groups, room.settings())
    except LeaseLost as error:
        lost(claim, str(error))
    except TiebreakError as error:
        st.session_state[f"ranking-error-{claim.lease_id}"] = str(error)
    else:
        st.session_state.pop(f"draft-{claim.lease_id}", None)
