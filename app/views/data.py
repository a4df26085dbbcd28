"""Data: browse and filter pairs, one pair's whole history, exports and their cards."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from app.pair_history import pair_history
from app.views import page, pictures, texts
from db.vocabulary import Source
from review.boards.data import domains, exports, pairs_page
from review.roles import Action
from review.view_model import Item

_PAGE = 50


def main() -> None:
    """Draw the page."""
    page.allowed(Action.SEE_DATA)
    with page.error_boundary():
        st.header("Data")
        browse, history, exported = st.tabs(["Pairs", "One pair", "Exports"])
        with browse:
            _browse()
        with history:
            _history()
        with exported:
            _exports()


def _browse() -> None:
    me = page.person().id
    with st.container(horizontal=True, vertical_alignment="bottom"):
        domain = st.selectbox("Domain", domains(page.database(), me), index=None, placeholder="any")
        source = st.selectbox(
            "Label from", [str(s) for s in Source], index=None, placeholder="anything"
        )
        waiting = st.toggle("Only what waits for people")
        after = st.number_input("From pair", min_value=1, value=1, step=_PAGE)
    rows = pairs_page(
        page.database(),
        me,
        after=int(after) - 1,
        limit=_PAGE,
        domain=domain,
        source=source,
        waiting=waiting,
    )
    if not rows:
        st.text("No pair matches; change the filter.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        height=560,
        column_config={
            "p_a": st.column_config.NumberColumn(format="%.2f"),
            "prompt": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption(f"{len(rows)} pairs, {rows[0]['pair']} to {rows[-1]['pair']}.")
    pictures.download(rows, "pairs")


def _history() -> None:
    key = st.text_input(
        "Pair", placeholder="its number, its pair_id at import, or 8 letters of its hash"
    ).strip()
    if not key:
        st.text("Why is this label what it is? Name a pair.")
        return
    with page.error_boundary(), page.database().read() as session:
        found = pair_history(session, key)
        _story(asdict(found), found.humans_line)


def _story(found: dict[str, Any], humans: str) -> None:
    pair = found["pair"]
    names = ", ".join(str(name) for name in pair["names"])
    st.text(f"Pair {pair['id']} {names} {pair['domain'] or ''}")
    item = Item(pair["prompt"], (pair["response_a"], pair["response_b"]))
    math = texts.conversation(item, "h") | texts.responses(item, "h", "Text")
    texts.attend("history", math=math, expires="", idle=0)
    st.caption("Response 1 is A, Response 2 is B.")
    if found["reviews"] or found["adjudications"]:
        st.text(humans[:1].upper() + humans[1:])
    if found["gold"]:
        st.text(f"Gold: {found['gold']}. Never trained on.")
    if found["consensus"]:
        shares = found["consensus"].pop("contributions", None) or {}
        st.subheader("Consensus")
        st.dataframe([found["consensus"]], hide_index=True)
        if shares:
            st.text("What moved it, in log-odds for A")
            ranked = sorted(shares.items(), key=lambda one: -abs(one[1]))
            st.dataframe([{"from": k, "log-odds": v} for k, v in ranked], hide_index=True)
    for title in ("votes", "flags", "routes", "reviews", "adjudications", "preferences", "events"):
        if found[title]:
            st.subheader(title.capitalize())
            st.dataframe(found[title], hide_index=True)


def _exports() -> None:
    rows = exports(page.database(), page.person().id)
    if not rows:
        st.text("Nothing is exported yet; run `tiebreak export DIR`.")
        return
    st.dataframe(rows, hide_index=True)
    chosen = st.selectbox("Card of", [row["name"] for row in rows])
    folder = next(Path(row["folder"]) for row in rows if row["name"] == chosen)
    card = folder / "README.md"
    if card.is_file():
        st.code(card.read_text(encoding="utf-8"), language=None, wrap_lines=True)
    else:
        st.text(f"The folder {str(folder)!r} is not on this machine any more.")


if __name__ == "__main__":
    main()
