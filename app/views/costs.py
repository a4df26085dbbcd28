"""Costs: what was spent, on whom, when, and for what."""

from dataclasses import asdict

import streamlit as st

from app.views import page, pictures
from review.boards.data import CostsBoard, costs_board
from review.boards.sample import freshness
from review.roles import Action

_COLUMNS = {
    "spent": ("spent so far", "$%.2f"),
    "a_week": ("a week", "$%.2f"),
    "this_month": ("this month", "$%.2f"),
    "month_end": ("by the month's end", "$%.2f"),
    "per_1000_pairs": ("per 1,000 pairs", "$%.4f"),
    "per_accepted": ("per accepted label", "$%.4f"),
}


@st.cache_data(ttl=900, show_spinner="Adding up")
def board_of(asking_id: int, newest: int) -> CostsBoard:
    """The money, added up anew when there is a newer vote."""
    return costs_board(page.database(), asking_id)


def main() -> None:
    """Draw the page."""
    page.allowed(Action.SEE_DATA)
    with page.error_boundary():
        board = board_of(page.person().id, freshness(page.database()))
        st.header("Costs")
        with st.container(horizontal=True):
            st.metric("Spent", f"${board.spent:,.2f}", border=True)
            each = "none yet" if board.per_accepted is None else f"${board.per_accepted:.4f}"
            st.metric("Per accepted label", each, border=True)
            pair = "none yet" if board.per_pair is None else f"${1000 * board.per_pair:,.2f}"
            st.metric("Next 1,000 pairs at this price", pair, border=True)
        if not board.judges:
            st.text("No judge has been asked yet; `tiebreak estimate` says what it would cost.")
            return
        _forecast(board)
        _spend(board)
        st.subheader("By judge and order")
        st.dataframe(
            board.judges,
            hide_index=True,
            column_config={
                "usd": st.column_config.NumberColumn(format="$%.4f"),
                "usd_per_1000": st.column_config.NumberColumn("per 1,000 votes", format="$%.4f"),
            },
        )
        pictures.download(board.judges, "spend-by-judge")


def _forecast(board: CostsBoard) -> None:
    rows = [asdict(one) for one in board.forecast.judges]
    with st.container(border=True):
        st.subheader("What this month will cost")
        cap = page.configuration().sections.cycle.max_usd
        kept = f" The weekly cycle may spend ${cap:,.2f} at most." if cap is not None else ""
        st.text(board.forecast.sentence() + kept)
        st.dataframe(
            rows,
            hide_index=True,
            column_config={
                "judge": "judge",
                **{
                    name: st.column_config.NumberColumn(title, format=form)
                    for name, (title, form) in _COLUMNS.items()
                },
            },
        )
        pictures.download(rows, "cost-forecast")


def _spend(board: CostsBoard) -> None:
    if board.spent == 0:
        why = "Every vote so far came from judges that cost nothing, or was recorded elsewhere."
        pictures.nothing("Spend by day", why)
        return
    dearest = max(board.judges, key=lambda row: row["usd"])
    pictures.picture(
        "Spend by day",
        f"{dearest['judge']} ({dearest['order']}) cost most: ${dearest['usd']:.2f} of "
        f"${board.spent:.2f}.",
        pictures.bars(board.days, x="day", y="usd", colour="judge", form="$.2f"),
        board.days,
        "spend-by-day",
    )


if __name__ == "__main__":
    main()
