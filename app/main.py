"""The review app: `python -m streamlit run app/main.py`. Sign-in, then the pages of one's role."""

import streamlit as st

from app.views import page, signin
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
    page.apply_styles()
    with page.error_boundary():
        st.session_state["person"] = signin.enter()
        role = st.session_state["person"].role
        open_to_me = [action is None or may(role, action) for _, _, action in _PAGES]
        pages = [  # a page that is not open is known all the same, and says so itself
            st.Page(
                path,
                title=title,
                default=n == open_to_me.index(True),
                visibility="visible" if open_to_me[n] else "hidden",
            )
            for n, (path, title, _) in enumerate(_PAGES)
        ]
        st.navigation(pages, position="top").run()


main()
