"""Pictures: each with one line that says what it shows, and its data to take away.

The charts are Streamlit's own, which tell their figures to the pointer and grow to the whole
screen; only the square of agreement is the one of the report.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from review.html import render
from review.report.shapes import Heat

Rows = Sequence[dict[str, Any]]
_GREY = "#8a8f8c"  # seen on light ground and on dark


def picture(title: str, reading: str, chart: Any, rows: Rows, name: str) -> None:
    """A titled chart of Altair's or a Heat, its one-line reading, and a download of its rows."""
    with st.container(border=True):
        st.subheader(title)
        st.text(reading)
        if isinstance(chart, Heat):
            st.html(render("review.report/heat.html.j2", heat=chart))
        else:
            st.altair_chart(chart, width="stretch")
        download(rows, name)


def square(rows: Rows, value: str) -> tuple[list[str], list[list[float | None]]]:
    """Names, and a square of values of rows with `one` and `other`; None where a row is missing."""
    names = sorted({row[side] for row in rows for side in ("one", "other")})
    found = {(row["one"], row["other"]): float(row[value]) for row in rows}
    return names, [[found.get((one, other)) for other in names] for one in names]


def nothing(title: str, why: str) -> None:
    """In place of a picture there is nothing to draw for."""
    with st.container(border=True):
        st.subheader(title)
        st.text(why)


def download(rows: Rows, name: str) -> None:
    """The rows as CSV."""
    st.download_button(
        "Download the data",
        as_csv(rows),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv-{name}",
        type="tertiary",
    )


def as_csv(rows: Rows) -> str:
    """CSV with a header; a cell that a spreadsheet would run gets an apostrophe before it."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _harmless(value: Any) -> Any:
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value


def intervals(rows: Rows, *, y: str, x: str = "share", colour: str | None = None) -> Any:
    """Points with their intervals, one line a row, on a scale of shares."""
    base = alt.Chart(pd.DataFrame(list(rows))).encode(
        y=alt.Y(y, title=None, sort=None, axis=alt.Axis(labelLimit=260)),
        tooltip=list(rows[0]),
    )
    if colour:
        base = base.encode(color=_colour(colour, rows), yOffset=alt.YOffset(colour))
    shares = alt.Scale(zero=False, nice=True)
    axis = alt.Axis(format=".0%", title=None, tickCount=6)
    grey = alt.Undefined if colour else _GREY
    rule = base.mark_rule(strokeWidth=2, opacity=0.55, color=grey)
    return alt.layer(
        rule.encode(x=alt.X("low", scale=shares, axis=axis), x2="high"),
        base.mark_circle(size=90, opacity=1).encode(x=alt.X(x, scale=shares, axis=axis)),
    ).properties(height=60 + (15 if colour else 26) * len(rows))


def _colour(name: str, rows: Rows) -> Any:
    """A colour for each value, its legend below, where a narrow screen has room for whole names."""
    long = max(len(str(row[name])) for row in rows) > 14
    legend = alt.Legend(orient="bottom", columns=1 if long else 2, labelLimit=250 if long else 105)
    return alt.Color(name, title=None, legend=legend)


def calibration(rows: Rows) -> Any:
    """How often the consensus is right against how sure it is, with the line of honesty."""
    data = pd.DataFrame(list(rows))
    line = pd.DataFrame({"sure": [0.5, 1.0], "right": [0.5, 1.0]})
    axis = alt.Axis(format="%")
    x = alt.X("sure", title="how sure", axis=axis, scale=alt.Scale(domain=[0.5, 1]))
    y = alt.Y("right", title="how often right", axis=axis, scale=alt.Scale(domain=[0, 1]))
    bars = alt.Chart(data).encode(x=x, tooltip=list(rows[0]))
    return alt.layer(
        alt.Chart(line).mark_line(strokeDash=[5, 5], opacity=0.6, color="#8a8a85").encode(x=x, y=y),
        bars.mark_rule(strokeWidth=2, opacity=0.55, color=_GREY).encode(
            y=alt.Y("low", title=None), y2="high"
        ),
        bars.mark_circle(opacity=1).encode(y=y, size=alt.Size("pairs", legend=None)),
    )


def lines(rows: Rows, *, x: str, y: str, colour: str | None = None, form: str = "") -> Any:
    """A line for each colour over time or share."""
    temporal = x in ("day", "week")
    made = (
        alt.Chart(pd.DataFrame(list(rows)))
        .mark_line(point=True, strokeWidth=2.5)
        .encode(
            x=alt.X(
                f"{x}:{'T' if temporal else 'Q'}",
                title=None if temporal else x,
                axis=alt.Axis(format="%d %b" if temporal else "%"),
            ),
            y=alt.Y(y, axis=_figures(form), scale=alt.Scale(zero=form != "%")),
            tooltip=list(rows[0]),
        )
    )
    return made.encode(color=_colour(colour, rows)) if colour else made


def _figures(form: str) -> Any:
    return alt.Axis(format=form) if form else alt.Axis()


def limit(chart: Any, value: float) -> Any:
    """The chart with a dashed line across it."""
    line = alt.Chart(pd.DataFrame({"limit": [value]}))
    return alt.layer(chart, line.mark_rule(strokeDash=[5, 5], color=_GREY).encode(y="limit"))


def band(rows: Rows, *, x: str, y: str) -> Any:
    """A line of shares over shares, in the band of its interval (`low`, `high`)."""
    base = alt.Chart(pd.DataFrame(list(rows))).encode(
        x=alt.X(x, title=x, axis=alt.Axis(format="%")), tooltip=list(rows[0])
    )
    shares = alt.Scale(zero=False, nice=True)
    percent = alt.Axis(format="%")
    return alt.layer(
        base.mark_area(opacity=0.22).encode(
            y=alt.Y("low", title=None, axis=percent, scale=shares), y2="high"
        ),
        base.mark_line(point=True, strokeWidth=2.5).encode(y=alt.Y(y, axis=percent, scale=shares)),
    )


def bars(rows: Rows, *, x: str, y: str, colour: str | None = None, form: str = "") -> Any:
    """Bars, stacked by colour."""
    kind = "T" if x == "day" else "N"
    made = (
        alt.Chart(pd.DataFrame(list(rows)))
        .mark_bar(cornerRadiusEnd=3, width=14 if kind == "T" else alt.Undefined)
        .encode(
            x=alt.X(
                f"{x}:{kind}",
                title=None,
                axis=alt.Axis(format="%d %b") if kind == "T" else alt.Axis(labelAngle=-30),
            ),
            y=alt.Y(y, axis=_figures(form)),
            tooltip=list(rows[0]),
        )
    )
    return made.encode(color=_colour(colour, rows)) if colour else made
