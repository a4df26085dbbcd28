"""Judges: how they fare against humans, how they lean, what they cost, and their generations."""

import streamlit as st

from app.views import costs, page, pictures
from review.boards.judges import JudgesBoard, judges_board
from review.boards.sample import freshness
from review.report.charts import heat
from review.report.quality import POINTWISE
from review.roles import Action


@st.cache_data(ttl=900, show_spinner="Reading the votes")
def _board(asking_id: int, newest: int) -> JudgesBoard:
    return judges_board(page.database(), asking_id)


def main() -> None:
    """Draw the page."""
    page.allowed(Action.SEE_DATA)
    with page.error_boundary():
        newest = freshness(page.database())
        board = _board(page.person().id, newest)
        st.header("Judges")
        if not board.pairs:
            st.text(
                "No judge's votes count."
                if board.silent
                else "No judge has voted yet; run `tiebreak judge`."
            )
            _probes(board)
            return
        effective = "not measurable yet" if board.effective is None else f"{board.effective:.1f}"
        part = f" Measured on {board.pairs:,} of them." if board.pairs < board.voted else ""
        st.text(
            f"{board.voted:,} pairs with votes.{part} Decided by humans: {board.referenced:,}. "
            f"Independent judges this panel is worth: {effective}."
        )
        if board.accidents:
            st.subheader("Answers without a verdict")
            st.text(
                "Cut off, refused or unreadable: they are no judgements and count for nothing. "
                "`tiebreak judge --retry-abstains all` asks them again."
            )
            st.dataframe(board.accidents, hide_index=True)
        _probes(board)
        _accuracy(board)
        left, right = st.columns(2, gap="medium")
        with left:
            _calibration(board)
            _matrix(board)
        with right:
            _reversals(board)
        _leanings(board)
        _drift(board)
        st.subheader("Cost")
        st.dataframe(costs.board_of(page.person().id, newest).judges, hide_index=True)
        st.subheader("Generations and their gates")
        if board.generations:
            st.dataframe(board.generations, hide_index=True)
        else:
            st.text("Nothing has been trained yet; run `tiebreak train judge`.")


def _probes(board: JudgesBoard) -> None:
    """Who falls for what, and who is kept from voting by it."""
    if not (board.probes or board.silent):
        return
    st.subheader("Probes")
    for name, why in board.silent.items():
        st.text(f"{name} is asked and does not vote: {why}. This panel requires a probe.")
    if board.probes:
        st.text(
            "Flips under a change whose effect is known, beside those under a placebo of like "
            "size, on the same pairs. The difference of the rates stands in points with its "
            "interval. `tiebreak probe JUDGE` asks."
        )
        st.dataframe(board.probes, hide_index=True)


def _accuracy(board: JudgesBoard) -> None:
    rows = [row for row in board.accuracy if row["share"] is not None]
    if not rows:
        pictures.nothing("Agreement with humans", "No pair with votes is decided by humans yet.")
        return
    best = max(rows, key=lambda row: row["share"])
    pictures.picture(
        "Agreement with humans",
        f"Agrees most: {best['judge']}, {best['share']:.1%} of {best['pairs']} pairs. People were "
        "asked about the hard ones above all; `tiebreak report` weighs them for all pairs.",
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
        alone = bool(board.reversals) and all(r.rate.why == POINTWISE for r in board.reversals)
        why = POINTWISE if alone else "no judge was asked in both orders"
        pictures.nothing("Reversals when the order is exchanged", f"{why[:1].upper()}{why[1:]}.")
        return
    most = max(rows, key=lambda row: row["share"] or 0.0)
    said = f"{most['judge']} contradicts itself most: {most['share']:.0%} of {most['pairs']} pairs."
    pictures.picture(
        "Reversals when the order is exchanged",
        said if most["share"] else "No judge contradicts itself.",
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
        f"Closest: {most['one']} and {most['other']}, the same on {most['same answers']:.0%} of "
        f"{most['pairs']:,} pairs. Judges that agree too well add little.",
        heat(*pictures.square(board.matrix, "same answers"), "share of equal answers"),
        board.matrix,
        "agreement-of-judges",
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
    title = "Drift: how unlike the weeks before each week's votes are"
    rows = board.weeks
    if not rows:
        why = "It needs 50 pairs of one judge in a week, and 50 before it."
        pictures.nothing(title, why)
        return
    newest = max(row["week"] for row in rows)
    now = max((row for row in rows if row["week"] == newest), key=lambda row: row["drift"])
    rang = now["drift"] > 1
    pictures.picture(
        title,
        f"{now['judge']} stands out most in the newest week, at {now['drift']:.1f} of the limit"
        f"{': its votes have changed' if rang else ''}. Above 1 is rarer than 1 week in 100.",
        pictures.limit(pictures.lines(rows, x="week", y="drift", colour="judge"), 1.0),
        rows,
        "drift",
    )


if __name__ == "__main__":
    main()
