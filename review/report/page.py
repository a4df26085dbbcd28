"""The report as one HTML file with pictures: no script, no network, light and dark.

Under each picture stands one line that reads it. Leaves out every figure, which `report` makes, and
the markup, which is in `templates/page.html.j2`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from judges.trust.intervals import Estimate
from review.html import render
from review.report import charts
from review.report.bias_page import leanings
from review.report.charts import Box, Span
from review.report.quality import POINTWISE
from review.report.shapes import Heat, Picture
from review.report.table import Report


@dataclass(frozen=True)
class Section:
    """A titled picture and the line that reads it; no picture where there is nothing to draw."""

    title: str
    read: str
    picture: Picture | None = None


def page(report: Report) -> str:
    """The whole document."""
    measured = (_budget(report), _calibration(report), _reversals(report))
    return render(
        "review.report/page.html.j2",
        report=report,
        table=_table(report),
        rows=[(row, charts.strip(row.agreement)) for row in report.rows],
        measured=[section for section in measured if section is not None],
        biases=_biases(report),
        leanings=leanings(report.biases),
        matrix=_matrix(report),
        heat=_heat(report),
        judges=_judges(report),
        promised_and_spent=(_certificates(report), _spend(report)),
        notes=_notes(report),
    )


def _table(report: Report) -> Section:
    needs = [
        f"{target} needs humans on {share:.1%} of the pairs"
        for target, share in report.human_share_for.items()
        if share is not None
    ]
    read = "; ".join(needs) or "No agreement can be measured before humans have answered"
    return Section(
        "Judge, ensemble, human, hybrid",
        f"{read}. Intervals are 95%, drawn by prompt. A judge's flip between orders counts one "
        "half.",
    )


def _budget(report: Report) -> Section:
    if not report.budget:
        return Section("Quality against human budget", "No pair has a human reference yet.")
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
    return Section("Quality against human budget", read, picture)


def _calibration(report: Report) -> Section | None:
    c = report.calibration
    if not c.n:
        return None
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
    return Section("Calibration", read, picture)


def _reversals(report: Report) -> Section:
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
    alone = [r.judge for r in report.reversals if r.rate.why == POINTWISE]
    if alone:
        read += f" Of {', '.join(alone)} {POINTWISE}."
    high = max((r.rate.high or r.rate.value or 0.0 for r in report.reversals), default=0.0)
    picture = charts.spans(
        rows, limit=0.1, scale=(0.0, min(1.0, max(0.2, high * 1.05))), name="reversals by judge"
    )
    return Section("Reversals by judge", read, picture)


def _biases(report: Report) -> Section:
    clear = [bias.reading for bias in report.biases if bias.alarm]
    return Section(
        "What judges lean to",
        f"{len(clear)} clear biases of {len(report.biases)} looked at, in percentage points with "
        "95% intervals drawn by prompt. Humans are the measure of length and family where enough "
        "of them answered; position needs none: it is read off pairs asked in both orders.",
    )


def _heat(report: Report) -> Heat:
    return charts.heat(report.matrix_names, report.matrix, "share of equal choices")


def _matrix(report: Report) -> Section:
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
    return Section("Who agrees with whom", read)


def _judges(report: Report) -> Section | None:
    e = report.effective
    if e is None:
        return None
    return Section(
        "How many judges there really are",
        f"{report.judges} judges are worth {e.n_eff:.2f} independent ones ({e.basis}): "
        "judges that make the same mistakes count once.",
    )


def _certificates(report: Report) -> Section:
    if not report.certificates:
        said = "No promise was made yet: tiebreak route --target-error 0.05 asks for one."
        return Section("Promised and measured error", said)
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
        unknown = [found.why for found in (made.later_error,) if found.value is None]
        lines += [f"By later answers: no figure, because {why}." for why in unknown]
        lines += [f"{line[:1].upper()}{line[1:]}." for line in made.asked]
    top = max(max(s.high or s.value, s.value) for _, s, _ in rows if s is not None)
    picture = charts.spans(
        rows, scale=(0.0, min(1.0, top * 1.1)), name="promised and measured", form="{:.1%}"
    )
    return Section("Promised and measured error", " ".join(lines), picture)


def _spend(report: Report) -> Section:
    priced = [c for c in report.spend if c.usd_per_1000.value is not None]
    accepted = report.usd_per_accepted
    read = f"${report.spend_total_usd:,.4f} in all; per accepted label " + (
        f"${accepted.value:,.5f}." if accepted.value is not None else f"unknown: {accepted.why}."
    )
    if not priced:
        known = "The votes came without prices (cost_usd), so nothing is known of their cost."
        return Section("Spend on judges", known if report.spend else read)
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
    return Section("Spend on judges, per 1,000 pairs", read, picture)


def _notes(report: Report) -> Sequence[str]:
    figures = [f for r in report.rows for f in (r.pairs_a_day, r.usd_per_1000, r.times_cheaper)]
    return [
        *(f"Assumed: {line}." for line in report.assumptions),
        *(f"A dash stands where {w}." for w in dict.fromkeys(f.why for f in figures if f.why)),
        *(f"Advice: {line}." for line in report.advice),
    ]


def _span(found: Estimate, note: str) -> Span:
    return Span(found.value or 0.0, found.low, found.high, note)
