"""The adjudicator's screen: a disputed pair with everything known, and the binding answer."""

import streamlit as st

from app.views import page, reveal, texts
from db.errors import TiebreakError
from review.adjudicating import adjudicate
from review.boards.disputes import Dispute, dispute, disputes
from review.html import render
from review.roles import Action
from review.verdict import Verdict, answer, verdict

_SCALE = [v for v in Verdict if v is not Verdict.CANNOT]


def main() -> None:
    """Draw the page."""
    page.allowed(Action.ADJUDICATE)
    with page.error_boundary():
        waiting = disputes(page.database(), page.person().id)
        if not waiting:
            page.notice(
                "Nothing is disputed",
                "Reviews that disagree after the last person was asked wait here.",
            )
            return
        found = dispute(page.database(), page.person().id, waiting[0], page.settings())
        if found is None:
            st.rerun()
        else:
            _draw(found, len(waiting))


def _draw(found: Dispute, waiting: int) -> None:
    st.html(render("app.views/disputed.html.j2", waiting=waiting, pair=found.pair_id))
    place = f"a{found.task_id}"
    math = texts.conversation(found.item, place) | texts.responses(found.item, place, "Text")
    st.subheader("What people said")
    columns = st.columns(max(len(found.sides), 1), gap="medium")
    for column, side in zip(columns, found.sides, strict=False):
        said = side.said
        word = verdict(said.choice, said.strength, said.both_bad, b_first=False)
        with column, st.container(border=True):
            st.text(f"{said.annotator}: {word.label}")
            st.text(side.rationale or "No reason given.")
            took = f", {side.seconds:.0f} s" if side.seconds is not None else ""
            st.caption(f"{said.at:%d %b %H:%M} UTC{took}")
            st.caption(f"Control pairs: {side.record}")
    st.subheader("What the panel said")
    if found.p is not None:
        reveal.probabilities(found.p, b_first=False)
    reveal.votes_table(found.votes, b_first=False)
    _answer(found)
    texts.attend(f"adjudicate-{found.task_id}", math=math, expires="", idle=0)


def _answer(found: Dispute) -> None:
    if "adjudication_error" in st.session_state:
        st.warning(st.session_state.pop("adjudication_error"))
    with (
        st.container(key="verdict"),
        st.form(f"bind-{found.task_id}", border=False, enter_to_submit=False),
    ):
        st.text_area(
            "Why (needed)",
            key=f"bind-why-{found.task_id}",
            height=70,
            placeholder="The reason, for the people who disagreed",
        )
        with st.container(horizontal=True, gap="small"):
            for option in _SCALE:
                st.form_submit_button(
                    option.label,
                    key=f"bind{option}-{found.task_id}",
                    shortcut=str(option),
                    width="stretch",
                    on_click=_bind,
                    args=(found.task_id, option),
                )


def _bind(task_id: int, said: Verdict) -> None:
    given = answer(said, b_first=False)
    reason = str(st.session_state.get(f"bind-why-{task_id}") or "")
    try:
        adjudicate(
            page.database(),
            task_id,
            page.person().id,
            given.choice,
            reason,
            strength=given.strength,
            both_bad=given.both_bad,
        )
    except TiebreakError as error:
        kept = f" You had written: {reason.strip()!r}." if reason.strip() else ""
        st.session_state["adjudication_error"] = f"{error}.{kept}"


if __name__ == "__main__":
    main()
