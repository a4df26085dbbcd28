"""The review app: `python -m streamlit run app/main.py`. Sign-in, then the pages of one's role."""

import streamlit as st

from app.views import room, signin
from review.roles import Action, may

_PAGES = (
    ("views/annotate.py", "Review", Action.REVIEW),
    ("views/guideline.py", "Guideline", None),
    ("views/mine.py", "My work", Action.REVIEW),
    ("views/adjudicate.py", "Adjudicate", Action.ADJUDICATE),
    ("views/progress.py", "Quality", Action.SEE_QUALITY),
    ("views/judges.py", "Judges", Action.SEE_DATA),
    ("views/data.py", "Data", Action.SEE_DATA),
    ("views/costs.py", "Costs", Action.SEE_DATA),
    ("views/people.py", "People", Action.MANAGE),
)


def main() -> None:
    """One run of the script: who is here, which page, and the page."""
    st.set_page_config(page_title="Tiebreak", layout="wide", initial_sidebar_state="collapsed")
    room.dress()
    with room.trouble():
        st.session_state["person"] = signin.enter()
        role = st.session_state["person"].role
        pages = [
            st.Page(path, title=title)
            for path, title, action in _PAGES
            if action is None or may(role, action)
        ]
        st.navigation(pages, position="top").run()


main()
