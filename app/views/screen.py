"""What this browser shows besides the held pair; a reload finds what matters of it again."""

from dataclasses import dataclass

import streamlit as st

from app.views import page
from review import deciding
from review.deciding import Decision, Ordered
from review.queue import Claim


@dataclass
class Screen:
    """Where the person is; `mode` and `last` are found again in the database."""

    mode: str = "work"  # work, skip, flag, why, taught, reveal, lost
    begun: bool = False
    view: str = "Text"
    guideline: bool = False
    help: bool = False
    last: Decision | Ordered | None = None
    notice: str | None = None
    lost: Claim | None = None
    kept_text: str = ""
    kept_reasons: tuple[str, ...] = ()

    def lose(self, claim: Claim, why: str, text: str = "", reasons: tuple[str, ...] = ()) -> None:
        """Say that a claim is over, and keep what was typed."""
        self.mode, self.lost, self.notice = "lost", claim, why
        self.kept_text, self.kept_reasons = text, reasons

    def stored(self, last: Decision | Ordered) -> None:
        """Go on after an answer: what was typed went with it."""
        self.last, self.mode = last, after(last)
        self.kept_text, self.kept_reasons = "", ()


def screen() -> Screen:
    """This browser's screen."""
    if "screen" not in st.session_state:
        last = latest()
        st.session_state["screen"] = Screen(mode=after(last), last=last)
    found: Screen = st.session_state["screen"]
    return found


def latest() -> Decision | Ordered | None:
    """The person's last answer that can still be taken back."""
    return deciding.latest(page.database(), page.person().id, page.settings())


def after(last: Decision | Ordered | None) -> str:
    """What follows an answer: the practice pair's lesson, the question why, or the next pair."""
    if not isinstance(last, Decision):
        return "work"
    return "taught" if last.practice else "why" if last.asks_rationale else "work"
