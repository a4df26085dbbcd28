"""The guideline for annotators: the project's own, or the short one that comes with Tiebreak."""

from pathlib import Path

import streamlit as st

from app.views import page


def text() -> str:
    """The guideline as markdown, written by the project's own people."""
    own = page.settings().guideline
    if own is None:
        return (Path(__file__).parent / "guideline.md").read_text(encoding="utf-8")
    path = page.configuration().folder / own
    if not path.is_file():
        return f"The guideline {str(path)!r} named in tiebreak.toml is not there."
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    with page.error_boundary():
        st.markdown(text())
