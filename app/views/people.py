"""People: roles, skills and pauses, and the pairs somebody holds right now."""

from typing import Any

import streamlit as st

from app.views import page
from db.errors import TiebreakError
from db.vocabulary import Role
from review import people, queue
from review.boards.people import held_now
from review.people import Person
from review.roles import Action


def main() -> None:
    """Draw the page."""
    page.allowed(Action.MANAGE)
    with page.error_boundary():
        everyone = people.everyone(page.database(), page.person().id)
        st.header("People")
        if "people_error" in st.session_state:
            st.warning(st.session_state.pop("people_error"))
        st.dataframe(
            [
                {
                    "name": one.name,
                    "role": str(one.role),
                    "skills": ", ".join(one.domains),
                    "paused": one.paused_reason or "",
                }
                for one in everyone
            ],
            hide_index=True,
        )
        names = {one.name: one for one in everyone}
        chosen = names[st.selectbox("Change", list(names))]
        _change(chosen)
        _held()


def _change(one: Person) -> None:
    with st.form(f"person-{one.id}", enter_to_submit=False):
        roles = list(Role)
        role = st.selectbox("Role", roles, index=roles.index(one.role), format_func=str)
        skills = st.text_input("Skills, with commas between", ", ".join(one.domains))
        if one.paused_reason:
            resume = st.checkbox(f"Resume work (paused: {one.paused_reason})")
            pause = ""
        else:
            resume = False
            pause = st.text_input("Pause, because")
        if st.form_submit_button("Save", type="primary"):
            values: dict[str, Any] = {
                "role": role,
                "domains": tuple(skills.split(",")),
                "resume": resume,
                "pause": pause or None,
            }
            _attempt(lambda: people.change(page.database(), page.person().id, one.id, **values))
            st.rerun()


def _held() -> None:
    held = held_now(page.database(), page.person().id)
    st.subheader("Pairs in somebody's hands")
    if not held:
        st.text("Nobody holds a pair right now.")
    for lease in held:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{lease.annotator}, task {lease.task_id}, until {lease.expires_at:%H:%M} UTC")
            st.button(
                "Release",
                key=f"release-{lease.lease_id}",
                on_click=_release,
                args=(lease.lease_id,),
            )


def _release(lease_id: str) -> None:
    _attempt(lambda: queue.release_for(page.database(), page.person().id, lease_id))


def _attempt(act: Any) -> None:
    try:
        act()
    except TiebreakError as error:
        st.session_state["people_error"] = str(error)


if __name__ == "__main__":
    main()
