"""What every page shares: the database, the settings, who is here, and what to show on trouble."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import streamlit as st

from app.config import Config, load
from db.errors import NotAllowed, TiebreakError, Unavailable
from db.session import Database
from review.html import render
from review.people import Person
from review.queue import Paused
from review.roles import Action, may
from review.settings import ReviewSettings


@st.cache_resource(show_spinner=False)
def configuration() -> Config:
    """The project's configuration, read once."""
    return load()


def database() -> Database:
    """The project's database, at head."""
    return configuration().database


def settings() -> ReviewSettings:
    """The `[review]` section."""
    return configuration().review


def person() -> Person:
    """Who is signed in; the sign-in screen stops the page before this is asked in vain."""
    found: Person = st.session_state["person"]
    return found


def day_began() -> datetime:
    """Midnight of the machine's own day."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def apply_styles() -> None:
    """The style every page wears, and the word it has when the server is gone."""
    st.html(render("app.views/styles.html.j2"))
    with st.container(key="wires"):
        st.html(render("app.views/connection.html.j2"), unsafe_allow_javascript=True)


def notice(title: str, words: str, *, what_to_do: str | None = None) -> None:
    """One quiet screen that says what happened and what to do."""
    with st.container(key="notice"):
        st.header(title)
        st.text(words)
        if what_to_do:
            st.text(what_to_do)


@contextmanager
def error_boundary() -> Iterator[None]:
    """Turn an error of the services into a screen, with a way on."""
    try:
        yield
    except Paused as error:
        notice("Your work is paused", str(error), what_to_do="Nothing you did is lost.")
        _again()
    except Unavailable as error:
        notice(
            "The database does not answer",
            str(error),
            what_to_do="What you sent before is stored. Try again in a moment, or call an admin.",
        )
        _again()
    except NotAllowed as error:
        notice("This is not open to you", str(error))
        _again()
    except TiebreakError as error:
        notice("This did not work", str(error))
        _again()


def _again() -> None:
    st.button("Try again", key="again", shortcut="T")


def allowed(action: Action) -> None:
    """Stop the page, saying why, where the person's role does not include the action."""
    if may(person().role, action):
        return
    notice(
        "This page is not open to you",
        f"You are signed in as {person().name} with the role {person().role}, "
        f"which may not {action}.",
        what_to_do="Ask an admin for another role, or go back to your queue.",
    )
    st.stop()
