"""Sign-in: an OpenID Connect provider where one is configured, else a name on this machine only."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from app.views import page
from review import people
from review.html import render
from review.people import Person
from trainer.serving.guard import host_of, is_loopback


def provider_configured() -> bool:
    """Whether `.streamlit/secrets.toml` names an identity provider."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def enter() -> Person:
    """Who is here; shows the sign-in screen, and stops, where nobody is yet."""
    if provider_configured():
        return _by_provider()
    address = str(st.get_option("server.address") or "")
    if not is_loopback(address):
        page.notice(
            "Sign-in is not configured",
            f"The app listens on {address or 'every address'}, where others could answer in your "
            "name.",
            what_to_do="Start it with --server.address 127.0.0.1, or configure sign-in: an "
            "[auth] section in .streamlit/secrets.toml.",
        )
        st.stop()
    _require_own_name()
    return _by_name()


def _require_own_name() -> None:
    """Stop where the app is asked by a name that is not this machine's: a page of another site has
    pointed its own name here (DNS rebinding), and would answer as whoever opened it.
    """
    asked = st.context.headers.get("Host")
    if asked is not None and not is_loopback(host_of(asked)):
        page.notice(
            "This is not the app's address",
            f"It was asked as {asked!r}.",
            what_to_do="Open http://127.0.0.1 with the port it was started on.",
        )
        st.stop()


def _by_name() -> Person:
    known = st.session_state.get("person")
    if known is not None:
        st.query_params["name"] = known.name
        return people.known(page.database(), known.id)
    name = st.query_params.get("name", "")
    if not name:
        st.session_state["person"] = people.by_name(page.database(), _ask_name())
        st.rerun()
    return people.by_name(page.database(), name)


def _ask_name() -> str:
    with st.container(key="signin", width=520):
        st.header("Who is reviewing?")
        st.text("Your answers are stored under this name. Use the same one each time.")
        with st.form("name", border=False):
            typed = st.text_input("Your name", max_chars=80, autocomplete="name")
            sent = st.form_submit_button("Begin", type="primary")
        st.html(render("app.views/focus.html.j2"), unsafe_allow_javascript=True)
    if not sent or not typed.strip():
        st.stop()
    return str(typed)


def _by_provider() -> Person:
    if not st.user.is_logged_in:
        with st.container(key="signin", width=520):
            st.header("Sign in to review")
            st.text("Your organisation's sign-in opens and brings you back here.")
            st.button("Sign in", type="primary", on_click=st.login)
        st.stop()
    claims = st.user.to_dict()
    if _too_old(claims.get("iat")):
        st.session_state.pop("person", None)
        st.logout()
        st.stop()
    who = people.claimed(claims)
    known = st.session_state.get("person")
    if known is not None and st.session_state.get("subject") == who.subject:
        return people.known(page.database(), known.id)
    person = people.by_subject(page.database(), who.subject, who.name, who.email, page.settings())
    st.session_state["subject"] = who.subject
    return person


def _too_old(issued_at: object) -> bool:
    """Streamlit's cookie lives for 30 days whatever the token says; ours is the shorter rule."""
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool):
        return True
    issued = datetime.fromtimestamp(issued_at, UTC)
    return datetime.now(UTC) - issued > timedelta(hours=page.settings().sign_in_hours)
