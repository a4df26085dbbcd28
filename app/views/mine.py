"""An annotator's own figures."""

import streamlit as st

from app.views import page
from review import view_model as service
from review.roles import Action


def main() -> None:
    """Draw the figures."""
    page.allowed(Action.REVIEW)
    with page.error_boundary():
        mine = service.own_standing(
            page.database(), page.person().id, page.settings(), today=page.day_began()
        )
        st.header("My work")
        with st.container(horizontal=True):
            st.metric("Today", mine.today, border=True)
            st.metric("Ever", mine.ever, border=True)
            pace = f"{mine.median_seconds:.0f} s" if mine.median_seconds else "none yet"
            st.metric("Median time for a pair", pace, border=True)
            st.metric("Pairs an hour at that pace", mine.an_hour or "none yet", border=True)
        st.text(f"Answers on control pairs that matched the trusted ones: {mine.control}.")
        st.text(f"Your answers when the same pair came twice: {mine.consistency} the same.")
        st.text(f"{mine.waiting} pairs wait in the queue.")


if __name__ == "__main__":
    main()
