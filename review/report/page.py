"""The report as one HTML file with pictures: no script, no network, light and dark.

Under each picture stands one line that reads it. Leaves out every figure, which `report` makes.
"""

from html import escape
from importlib.resources import files

from judges.trust.intervals import Estimate
from review.report import charts
from review.report.bias_page import bias_figure
from review.report.charts import Box, Span
from review.report.cost import Figure
from review.report.table import Report, Row


def page(report: Report) -> str:
    """The whole document."""
    parts = [
        _opening(report), _table(report), _budget(report), _calibration(report),
        _reversals(report), _biases(report), _matrix(report), _judges(report),
        _certificates(report), _spend(report), _notes(report),
    ]  # fmt: skip
    style = files("review").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Tiebreak report</title>\n"
        f"<style>\n{style}</style></head>\n<body><main>\n{''.join(parts)}</main></body></html>\n"
    )


def _opening(report: Report) -> str:
    return (
        "<header><h1>What is true for this project</h1>"
        f"<p>{report.pairs:,} pairs, {report.judges} judges. Pooled by {escape(report.fit)}.</p>"
        f"<p>{escape(report.reference)}.</p></header>\n"
    )


def _table(report: Report) -> str:
    heads = ["", "agreement with the humans", "", "n", "pairs a day", "per 1,000", "cheaper"]
    lines = []
    for row in report.rows:
        kind = "" if row.name.startswith("judge ") else ' class="strong"'
        lines.append(
            f'<tr{kind}><th scope="row">{escape(row.name)}</th>'
            f"<td>{_percent(row.agreement)}</td><td>{_strip(row.agreement)}</td>"
            f"<td>{row.agreement.n:,}</td><td>{_figure(row.pairs_a_day)}</td>"
            f"<td>{_figure(row.usd_per_1000, '${:,.2f}')}</td>"
            f"<td>{_figure(row.times_cheaper, '{:,.1f}×')}</td></tr>" + _fine(row)
        )
    needs = [
        f"{target} needs humans on {share:.1%} of the pairs"
        for target, share in report.human_share_for.items()
        if share is not None
    ]
    read = "; ".join(needs) or "No agreement can be measured before humans have answered"
    head = "".join(f"<th>{name}</th>" for name in heads)
    return _section(
        "Judge, ensemble, human, hybrid",
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>",
        f"{read}. Intervals are 95%, drawn by prompt. A judge's flip between orders counts one "
        "half.",
    )


def _fine(row: Row) -> str:
    """What the agreement is measured on; once is enough for the single judges."""
    if row.name.startswith("judge "):
        return ""
    return (
        f'<tr class="fine"><td></td><td colspan="6">Against {escape(row.against)}. '
        f"Not: {escape(row.not_said)}.</td></tr>"
    )


def _budget(report: Report) -> str:
    if not report.budget:
        return _section("Quality against human budget", "", "No pair has a human reference yet.")
    points = [
        (p.share, _span(p.agreement, f"humans on {p.share:.0%}: {p.agreement}"))
        for p in report.budget
    ]
    floor = min(s.low if s.low is not None else s.value for _, s in points)
    box = Box(y=(min(0.9, max(0.0, int(floor * 10) / 10)), 1.0))
    picture = charts.curve(
        points, box, "share of the pairs given to humans", "agreement", levels=(0.95, 0.98)
    )
    share = report.human_share_for.get("95%")
    read = (
        f"The panel alone agrees on {points[0][1].value:.1%}; least sure pairs first, "
        f"humans on {share:.1%} of them bring 95%. Human answers count as right."
    )
    return _section("Quality against human budget", picture, read)


def _calibration(report: Report) -> str:
    c = report.calibration
    if not c.n:
        return ""
    points = [
        (
            b.confidence,
            Span(b.accuracy, b.low, b.high,
                 f"{b.pairs} pairs said {b.confidence:.0%}, {b.accuracy:.0%} were right"),
        )
        for b in c.bins
    ]  # fmt: skip
    floor = min(0.5, *(int(b.low * 10) / 10 for b in c.bins))
    box = Box(x=(0.5, 1.0), y=(floor, 1.0))
    picture = charts.curve(
        points, box, "confidence of the consensus", "share that was right",
        joined=False, diagonal=True,
    )  # fmt: skip
    off = sum(not b.low <= b.confidence <= b.high for b in c.bins)
    read = (
        f"Expected calibration error {c.ece:.3f}, log-loss {c.log_loss:.3f}, Brier {c.brier:.3f} "
        f"on {c.n:,} pairs; {off} of {len(c.bins)} bins miss the dashed line beyond doubt. "
        "Pairs that were reviewed because they are hard weigh here as much as audited ones."
    )
    return _section("Calibration", picture, read)


def _reversals(report: Report) -> str:
    rows = [
        (
            r.judge,
            None if r.rate.value is None else _span(r.rate, f"{r.judge}: {r.rate}"),
            "warn" if r.low_quality else "mark",
        )
        for r in report.reversals
    ]
    marked = [r.judge for r in report.reversals if r.low_quality]
    read = (
        f"Over 10% marks low quality: {', '.join(marked)}. Ask such judges in both orders only, "
        "replace them, or review more."
        if marked
        else "No judge contradicts itself on more than 10% of the pairs."
    )
    high = max((r.rate.high or r.rate.value or 0.0 for r in report.reversals), default=0.0)
    picture = charts.spans(
        rows, limit=0.1, scale=(0.0, min(1.0, max(0.2, high * 1.05))), name="reversals by judge"
    )
    return _section("Reversals by judge", picture, read)


def _biases(report: Report) -> str:
    if not report.biases:
        return ""
    clear = [bias.reading for bias in report.biases if bias.alarm]
    read = (
        f"{len(clear)} clear biases of {len(report.biases)} looked at, in percentage points with "
        "95% intervals drawn by prompt. Humans are the measure of length and family where enough "
        "of them answered; position needs none, as both orders are asked."
    )
    body = f'<p class="read">{escape(read)}</p>{bias_figure(report.biases)}'
    return f"<section><h2>What judges lean to</h2>{body}</section>\n"


def _matrix(report: Report) -> str:
    picture = charts.heat(report.matrix_names, report.matrix, "share of equal choices")
    humans = {
        name: value
        for name, value in zip(report.matrix_names, report.matrix[-1], strict=True)
        if value is not None and name != report.matrix_names[-1]
    }
    nearest = max(humans, key=lambda name: humans[name], default=None)
    read = (
        f"Share of equal choices (a, b or tie). Judges among each other: α {report.alpha_judges}; "
        f"humans among each other: α {report.alpha_humans}."
    )
    if nearest:
        read += f" Nearest to the humans: {nearest}, {humans[nearest]:.1%}."
    return _section("Who agrees with whom", picture, read)


def _judges(report: Report) -> str:
    e = report.effective
    if e is None:
        return ""
    picture = ""
    if e.values:
        lines = "".join(
            f'<tr><th scope="row">{escape(v.judge)}</th><td>{escape(str(v.gain))}</td>'
            f"<td>{v.n_eff_without:.2f}</td><td>{'may be dropped' if v.drop else 'keep'}</td></tr>"
            for v in e.values
        )
        picture = (
            '<div class="wide"><table><thead><tr><th></th><th>log-loss it saves</th>'
            f"<th>n_eff without it</th><th></th></tr></thead><tbody>{lines}</tbody></table></div>"
        )
    read = (
        f"{report.judges} judges are worth {e.n_eff:.2f} independent ones ({e.basis}): "
        "judges that make the same mistakes count once."
    )
    return _section("How many judges there really are", picture, read)


def _certificates(report: Report) -> str:
    if not report.certificates:
        said = "No promise was made yet: tiebreak route --target-error 0.05 asks for one."
        return _section("Promised and measured error", "", said)
    rows: list[tuple[str, Span | None, str]] = []
    lines = []
    for made in report.certificates:
        standing = "holds" if made.holds else "no promise"
        if made.withdrawn:
            standing = f"withdrawn: {made.withdrawn}"
        note = f"certificate {made.id}"
        rows.append((f"{note} promised", Span(made.promised, note="promised"), "soft"))
        for name, found in (("audits", made.audit_error), ("later", made.later_error)):
            span = None if found.value is None else _span(found, f"{note}, {name}: {found}")
            over = span is not None and span.value > made.promised
            rows.append((f"measured: {name}", span, "warn" if over else "mark"))
        lines.append(f"{note} ({standing}): {made.sentence}")
    top = max(max(s.high or s.value, s.value) for _, s, _ in rows if s is not None)
    picture = charts.spans(
        rows, scale=(0.0, min(1.0, top * 1.1)), name="promised and measured", form="{:.1%}"
    )
    return _section("Promised and measured error", picture, " ".join(lines))


def _spend(report: Report) -> str:
    priced = [c for c in report.spend if c.usd_per_1000.value is not None]
    accepted = report.usd_per_accepted
    read = f"${report.spend_total_usd:,.4f} in all; per accepted label " + (
        f"${accepted.value:,.5f}." if accepted.value is not None else f"unknown: {accepted.why}."
    )
    if not priced:
        known = "The votes came without prices (cost_usd), so nothing is known of their cost."
        return _section("Spend on judges", "", known if report.spend else read)
    rows = [
        (
            f"{c.judge} {c.order}",
            Span(c.usd_per_1000.value or 0.0, note=f"{c.votes:,} votes, principles {c.rules}"),
            "mark",
        )
        for c in priced
    ]
    top = max(span.value for _, span, _ in rows)
    picture = charts.spans(
        rows, scale=(0.0, max(top * 1.1, 0.001)), name="dollars per 1,000 pairs", form="${:,.3f}"
    )
    return _section("Spend on judges, per 1,000 pairs", picture, read)


def _notes(report: Report) -> str:
    points = [f"Assumed: {line}." for line in report.assumptions]
    figures = [f for r in report.rows for f in (r.pairs_a_day, r.usd_per_1000, r.times_cheaper)]
    points += [f"A dash stands where {w}." for w in dict.fromkeys(f.why for f in figures if f.why)]
    points += [f"Advice: {line}." for line in report.advice]
    items = "".join(f"<li>{escape(point)}</li>" for point in points)
    return f"<section><h2>Notes</h2><ul>{items}</ul></section>\n"


def _section(title: str, picture: str, read: str) -> str:
    figure = f"<figure>{picture}</figure>" if picture else ""
    line = f'<p class="read">{escape(read)}</p>'
    return f"<section><h2>{escape(title)}</h2>{figure}{line}</section>\n"


def _span(found: Estimate, note: str) -> Span:
    return Span(found.value or 0.0, found.low, found.high, note)


def _percent(found: Estimate) -> str:
    if found.value is None:
        return f'<span class="why" title="{escape(found.why)}">– {escape(found.why)}</span>'
    if found.low is None or found.high is None:
        return f"{found.value:.1%}"
    return f"{found.value:.1%} <small>{found.low:.1%} to {found.high:.1%}</small>"


def _figure(found: Figure, form: str = "{:,.0f}") -> str:
    if found.value is None:
        return f'<span class="why" title="{escape(found.why)}">–</span>'
    return form.format(found.value)


def _strip(found: Estimate) -> str:
    """The interval as a strip from 50 to 100%."""
    if found.value is None:
        return ""
    x = [min(max((v - 0.5) * 2, 0.0), 1.0) * 112 + 4 for v in (
        found.value, found.low if found.low is not None else found.value,
        found.high if found.high is not None else found.value,
    )]  # fmt: skip
    body = [charts.line(4, 9, 116, 9, "grid"), charts.line(x[1], 9, x[2], 9, "whisker")]
    body.append(charts.dot(x[0], 9, "mark", str(found), 4))
    return f'<span class="strip">{charts.svg(120, 18, body, str(found))}</span>'
