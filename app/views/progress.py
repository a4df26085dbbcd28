"""Progress and quality: throughput, agreement, control pairs, hours left."""

from typing import Any

import streamlit as st

from app.views import page, pictures, promises
from review.boards.budget import budget_board
from review.boards.people import PeopleBoard, people_board
from review.boards.sample import freshness
from review.report.charts import heat
from review.roles import Action


@st.cache_data(ttl=60, show_spinner="Counting answers")
def _board(asking_id: int) -> PeopleBoard:
    return people_board(page.database(), asking_id, page.settings())


@st.cache_data(ttl=900, show_spinner="Reading the votes")
def _curve(asking_id: int, newest: int) -> list[dict[str, Any]]:
    return budget_board(page.database(), asking_id)


def main() -> None:
    """Draw the page."""
    page.allowed(Action.SEE_QUALITY)
    with page.error_boundary():
        board = _board(page.person().id)
        st.header("Progress and quality")
        with st.container(horizontal=True):
            st.metric("Waiting", f"{board.waiting:,}", border=True)
            st.metric("Disputed", board.disputed, border=True)
            st.metric("Work left at this pace", _time(board.hours_left), border=True)
            alpha = "undefined" if board.alpha.value is None else f"{board.alpha.value:.2f}"
            st.metric("Agreement (alpha)", alpha, border=True)
        st.text(f"Krippendorff's alpha between people: {board.alpha}. 1 is perfect, 0 is chance.")
        promises.draw()
        _throughput(board)
        _agreement(board)
        _budget()
        _people(board)


def _time(hours: float | None) -> str:
    if hours is None:
        return "no pace yet"
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _throughput(board: PeopleBoard) -> None:
    if not board.days:
        pictures.nothing("Answers a day", "Nobody has answered a task yet.")
        return
    total, hours = sum(d["answers"] for d in board.days), sum(d["hours"] for d in board.days)
    pictures.picture(
        "Answers a day",
        f"{total:,} answers in {_time(hours)} of active work, by person.",
        pictures.bars(board.days, x="day", y="answers", colour="person"),
        board.days,
        "answers-by-day",
    )


def _agreement(board: PeopleBoard) -> None:
    usable = [row for row in board.kappas if row["kappa"] is not None]
    if not usable:
        why = board.kappas[0]["words"] if board.kappas else f"Undefined: {board.alpha.why}."
        pictures.nothing("Agreement between people (Cohen's kappa)", why)
        return
    best, worst = max(usable, key=_kappa), min(usable, key=_kappa)
    mirrored = [row | {"one": row["other"], "other": row["one"]} for row in usable]
    pictures.picture(
        "Agreement between people (Cohen's kappa)",
        f"{best['one']} and {best['other']} agree most ({best['words']}), {worst['one']} and "
        f"{worst['other']} least ({worst['words']}).",
        heat(
            *pictures.square([*usable, *mirrored], "kappa"),
            "Cohen's kappa of every two people",
            form="{:.2f}",
            exact="{:.3f}",
            least=0.0,
        ),
        board.kappas,
        "agreement-of-people",
    )


def _budget() -> None:
    rows = _curve(page.person().id, freshness(page.database()))
    title = "What asking humans buys"
    if not rows:
        pictures.nothing(title, "It needs a fit and pairs decided by humans.")
        return
    enough = next(row for row in rows if row["agreement"] >= 0.95 or row["share asked"] == 1)
    pictures.picture(
        title,
        f"{rows[0]['agreement']:.0%} agreement without them; 95% when they take the least sure "
        f"{enough['share asked']:.0%}. Measured on {rows[0]['pairs']:,} decided pairs, each "
        "standing for all of its route.",
        pictures.band(rows, x="share asked", y="agreement"),
        rows,
        "quality-against-budget",
    )


def _kappa(row: dict[str, float]) -> float:
    return row["kappa"]


def _people(board: PeopleBoard) -> None:
    st.subheader("People")
    if board.people:
        st.dataframe(
            board.people,
            hide_index=True,
            column_config={"median seconds": st.column_config.NumberColumn(format="%.0f s")},
        )
    else:
        st.text("Nobody has answered a task yet.")
    for title, rows in (
        ("Tasks", board.tasks),
        ("Warnings about contents", board.flags),
        ("Why pairs were handed on", [{"reason": r, "times": n} for r, n in board.skips]),
    ):
        if rows:
            st.subheader(title)
            st.dataframe(rows, hide_index=True)


if __name__ == "__main__":
    main()
