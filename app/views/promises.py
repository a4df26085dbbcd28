"""Promises on the progress page: audits answered, work left, and the button that ends the wait."""

import streamlit as st

from app.pipeline.promises import Promise, promises, standing_lines
from app.pipeline.route import route_pairs
from app.views import page
from db.batches import get_batch
from review.roles import Action, may
from review.routing.router import RouteOptions


@st.cache_data(ttl=60, show_spinner="Reading the promises")
def _stand(asking_id: int) -> list[Promise]:
    with page.database().read() as session:
        return promises(session)


def draw() -> None:
    """How each promise stands; nothing where none was asked for."""
    stand = _stand(page.person().id)
    if not stand:
        return
    st.subheader("Promises")
    for line in standing_lines(stand):
        st.text(line)
    waiting = [promise for promise in stand if promise.state == "waiting"]
    if waiting and may(page.person().role, Action.CERTIFY):
        _button(waiting)
    if "certified" in st.session_state:
        st.text(st.session_state.pop("certified"))


def _button(waiting: list[Promise]) -> None:
    missing = sum(promise.audits - promise.answered for promise in waiting)
    if missing:
        st.text(
            f"Certify now makes the promise with what is answered: the {missing:,} open audits "
            "then count as wrong. Where that certifies nothing, nothing is changed."
        )
    if st.button("Certify now", key="certify"):
        with st.spinner("Making the certificate"):
            st.session_state["certified"] = _certify(waiting[-1].batch_id)
        _stand.clear()
        st.rerun()


def _certify(batch_id: int) -> str:
    """As the verb does it, under the promise of this batch."""
    config = page.configuration()
    with config.database.read() as session:
        asked = dict(get_batch(session, batch_id).policy)
    done = route_pairs(
        config.database,
        config.panel,
        RouteOptions.of(asked),
        config.review,
        by_domain=bool(asked.get("by_domain")),
        certify_now=True,
    )
    return done.summary
