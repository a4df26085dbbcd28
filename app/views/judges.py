"""Judges: how they fare against humans, how they lean, what they cost, and their generations."""

import streamlit as st

from app.views import pictures, room
from review.board_judges import JudgesBoard, judges_board
from review.roles import Action


@st.cache_data(ttl=300, show_spinner="Reading the votes")
def _board(asking_id: int) -> JudgesBoard:
    return judges_board(room.database(), asking_id)


def main() -> None:
    """Draw the page."""
    room.allowed(Action.SEE_DATA)
    with room.trouble():
        board = _board(room.person().id)
        st.header("Judges")
        if not board.pairs:
            st.text("No judge has voted yet; run `tiebreak judge`.")
            return
        effective = "not measurable yet" if board.effective is None else f"{board.effective:.1f}"
        st.text(
            f"{board.pairs:,} pairs with votes, {board.referenced:,} of them decided by humans. "
            f"Independent judges this panel is worth: {effective}."
        )
        _accuracy(board)
        left, right = st.columns(2, gap="medium")
        with left:
            _calibration(board)
            _matrix(board)
        with right:
            _reversals(board)
            _budget(board)
        _leanings(board)
        _drift(board)
        st.subheader("Cost")
        st.dataframe(board.costs, hide_index=True)
        st.subheader("Generations and their gates")
        if board.generations:
            st.dataframe(board.generations, hide_index=True)
        else:
            st.text("Nothing has been trained yet; run `tiebreak train judge`.")


def _accuracy(board: JudgesBoard) -> None:
    rows = [row for row in board.accuracy if row["share"] is not None]
    if not rows:
        pictures.nothing("Agreement with humans", "No pair with votes is decided by humans yet.")
        return
    best = max(rows, key=lambda row: row["share"])
    pictures.picture(
        "Agreement with humans",
        f"{best['judge']} agrees most: {best['share']:.1%} of {best['pairs']} pairs.",
        pictures.intervals(rows, y="judge"),
        rows,
        "judges-against-humans",
    )
    if board.by_domain:
        worst = min(board.by_domain, key=lambda row: row["share"])
        pictures.picture(
            "The same, by domain",
            f"Weakest: {worst['judge']} in {worst['domain']}, {worst['share']:.1%} of "
            f"{worst['pairs']} pairs.",
            pictures.intervals(board.by_domain, y="domain", colour="judge"),
            board.by_domain,
            "judges-by-domain",
        )


def _calibration(board: JudgesBoard) -> None:
    rows = [
        {
            "sure": found.confidence,
            "right": found.accuracy,
            "low": found.low,
            "high": found.high,
            "pairs": found.pairs,
        }
        for found in board.calibration
    ]
    if not rows:
        why = "It needs a fit and pairs decided by humans."
        pictures.nothing("Is the consensus as sure as it should be?", why)
        return
    total = sum(row["pairs"] for row in rows)
    gap = sum(row["pairs"] * (row["right"] - row["sure"]) for row in rows) / total
    said = "more often right than it says" if gap > 0 else "less often right than it says"
    pictures.picture(
        "Is the consensus as sure as it should be?",
        f"On {total} decided pairs it is {abs(gap):.1%} {said}, on average.",
        pictures.calibration(rows),
        rows,
        "calibration",
    )


def _reversals(board: JudgesBoard) -> None:
    rows = [
        {
            "judge": found.judge,
            "share": found.rate.value,
            "low": found.rate.low,
            "high": found.rate.high,
            "pairs": found.rate.n,
        }
        for found in board.reversals
        if found.rate.value is not None
    ]
    if not rows:
        pictures.nothing("Reversals when the order is exchanged", "No judge was asked both ways.")
        return
    pictures.picture(
        "Reversals when the order is exchanged",
        f"{rows[0]['judge']} contradicts itself most: {rows[0]['share']:.0%} of "
        f"{rows[0]['pairs']} pairs.",
        pictures.intervals(rows, y="judge"),
        rows,
        "reversals",
    )


def _matrix(board: JudgesBoard) -> None:
    others = [row for row in board.matrix if row["one"] != row["other"]]
    if not others:
        pictures.nothing("Agreement between judges", "Fewer than two judges share pairs.")
        return
    most = max(others, key=lambda row: row["same answers"])
    pictures.picture(
        "Agreement between judges",
        f"Closest: {most['one']} and {most['other']}, {most['same answers']:.0%} the same. "
        "Judges that agree too well add little.",
        pictures.heat(board.matrix, x="one", y="other", value="same answers"),
        board.matrix,
        "agreement-of-judges",
    )


def _budget(board: JudgesBoard) -> None:
    if not board.budget:
        why = "It needs a fit and pairs decided by humans."
        pictures.nothing("What asking humans buys", why)
        return
    enough = next((r for r in board.budget if r["agreement"] >= 0.95), board.budget[-1])
    pictures.picture(
        "What asking humans buys",
        f"{board.budget[0]['agreement']:.0%} without them; 95% when they take the least sure "
        f"{enough['share asked']:.0%} of the {enough['pairs']} decided pairs.",
        pictures.lines(board.budget, x="share asked", y="agreement", form="%"),
        board.budget,
        "quality-against-budget",
    )


def _leanings(board: JudgesBoard) -> None:
    rows = [row for row in board.leanings if row["share"] is not None]
    if not rows:
        return
    furthest = max(rows, key=lambda row: abs(row["share"] - 0.5))
    pictures.picture(
        "What judges prefer without being asked to",
        f"Furthest from one half: {furthest['judge']} prefers {furthest['preference']} "
        f"{furthest['share']:.0%} of the time. Longer can be better; first cannot.",
        pictures.intervals(rows, y="judge", colour="preference"),
        rows,
        "leanings",
    )


def _drift(board: JudgesBoard) -> None:
    rows = [row for row in board.weeks if row["first shown"] is not None]
    weeks = sorted({row["week"] for row in rows})
    if len(weeks) < 2:
        why = "It needs votes of two weeks."
        pictures.nothing("From week to week: how often the first shown is preferred", why)
        return
    by_judge = {row["judge"]: {} for row in rows}  # type: dict[str, dict[str, float]]
    for row in rows:
        by_judge[row["judge"]][row["week"]] = row["first shown"]
    moved = {
        name: abs(shares[weeks[-1]] - shares[weeks[-2]])
        for name, shares in by_judge.items()
        if weeks[-1] in shares and weeks[-2] in shares
    }
    most = max(moved, key=lambda name: moved[name]) if moved else None
    reading = f"{most} moved most since last week, by {moved[most]:.1%}." if most else "Too few."
    pictures.picture(
        "From week to week: how often the first shown is preferred",
        reading,
        pictures.lines(rows, x="week", y="first shown", colour="judge", form="%"),
        board.weeks,
        "drift",
    )


if __name__ == "__main__":
    main()
