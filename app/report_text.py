"""The report as tables for people in a terminal."""

from typing import Any

from app.output import say, table, write
from judges.trust.intervals import Estimate
from review.report.bias import KINDS, Bias, points
from review.report.cost import Figure
from review.report.table import Report


def print_report(report: Report) -> None:
    """The field's table, then what stands beside it."""
    say(f"{report.pairs:,} pairs, {report.judges} judges; {report.fit}.")
    say(f"{report.reference}.")
    write()
    _quality(report)
    _reversals(report)
    _biases(report)
    _trust(report)
    _spend(report)
    for line in report.assumptions:
        say(f"assumed: {line}.")
    for line in report.advice:
        say(f"advice: {line}.")


def print_short(report: Report) -> None:
    """Best judge alone, panel, one human, hybrid: the four rows a newcomer asks for."""
    hybrid = report.rows[-1]
    humans = {"one human alone": "100%", hybrid.name: number(report.human_share, "{:.1%}")}
    rows: list[list[Any]] = [
        [row.name, percent(row.agreement, brief=True), row.agreement.n, humans.get(row.name, "0%")]
        for row in report.rows[report.judges :]
    ]
    columns = ["who decides", "agrees with the experts, 95%", "pairs", "labels by humans"]
    table("Who decides, and how often that agrees with the experts", columns, rows)
    for row in report.rows[report.judges :]:
        if row.agreement.value is None:
            say(f"{row.name}: not measured, because {row.agreement.why}.")
    say(f"{hybrid.name}: {hybrid.against}.")


def percent(found: Estimate, *, brief: bool = False) -> str:
    """A share with its interval, or why there is none; `brief` leaves the reason to the notes."""
    if found.value is None:
        return "–" if brief else f"– ({found.why})"
    if found.low is None or found.high is None:
        return f"{found.value:.1%} ({found.why})"
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def number(found: Figure, form: str = "{:,.0f}") -> str:
    """A figure, or a dash; the reasons are listed once below."""
    return "–" if found.value is None else form.format(found.value)


def _quality(report: Report) -> None:
    rows: list[list[Any]] = [
        [
            row.name.removeprefix("judge "),
            percent(row.agreement, brief=True), row.agreement.n, number(row.pairs_a_day),
            number(row.usd_per_1000, "${:,.2f}"), number(row.times_cheaper, "{:,.1f}x"),
        ]
        for row in report.rows
    ]  # fmt: skip
    columns = [
        "who", "agrees with humans", "n", "pairs/day", "per 1,000", "cheaper"
    ]  # fmt: skip
    table("What is true for this project", columns, rows)
    for row in report.rows[report.judges :]:
        say(f"{row.name}: measured against {row.against}. Not: {row.not_said}.")
    figures = [f for row in report.rows for f in (row.agreement, row.pairs_a_day, row.usd_per_1000)]
    for why in dict.fromkeys(f.why for f in figures if f.value is None):
        say(f"no figure where: {why}.")
    for target, share in report.human_share_for.items():
        if share is not None:
            say(f"{target} agreement would need humans on {share:.1%} of the pairs.")
    write()


def _reversals(report: Report) -> None:
    rows: list[list[Any]] = [
        [
            r.judge, percent(r.rate, brief=True), percent(r.opposite, brief=True),
            "LOW QUALITY" if r.low_quality else "",
        ]
        for r in report.reversals
    ]  # fmt: skip
    columns = ["judge", "answers differ between orders", "a against b", ""]
    table("Reversals (over 10% marks low quality)", columns, rows)
    for why in dict.fromkeys(r.rate.why for r in report.reversals if r.rate.value is None):
        say(f"no figure where: {why}.")
        write()


def _biases(report: Report) -> None:
    by_judge: dict[str, dict[str, Bias]] = {}
    for bias in report.biases:
        by_judge.setdefault(bias.judge, {})[bias.kind] = bias
    rows: list[list[Any]] = [
        [judge, *(points(found[kind].excess) + " !" * found[kind].alarm for kind in KINDS)]
        for judge, found in by_judge.items()
    ]
    if not rows:
        return
    columns = ["judge", "first shown", "longer", "own family"]
    table("Leanings of the judges, in points (! is a clear bias)", columns, rows)
    for bias in report.biases:
        say(f"{bias.reading}.")
    write()


def _trust(report: Report) -> None:
    c = report.calibration
    if c.n:
        say(
            f"calibration on {c.n:,} pairs, hard ones weighing as much as others: ECE {c.ece:.3f}, "
            f"log-loss {c.log_loss:.3f}"
        )
    if report.effective:
        e = report.effective
        say(f"{report.judges} judges are worth {e.n_eff:.2f} independent ones ({e.basis})")
        for value in e.values:
            verdict = "may be dropped" if value.drop else "keep"
            say(f"  {value.judge}: saves {value.gain} of log-loss; {verdict}")
    say(f"agreement of the judges (alpha): {report.alpha_judges}")
    say(f"agreement of the humans (alpha): {report.alpha_humans}")
    if report.human_share.value is not None:
        say(f"{report.delivered:,} labels delivered, {report.human_share.value:.1%} by humans")
    write()
    _promises(report)


def _promises(report: Report) -> None:
    if not report.certificates:
        say("no promise was made yet; `tiebreak route --target-error 0.05` asks for one")
        write()
        return
    rows: list[list[Any]] = [
        [
            made.id,
            made.batch_id,
            "withdrawn" if made.withdrawn else "holds" if made.holds else "nothing promised",
            f"{made.promised:.2%}", percent(made.audit_error, brief=True),
            percent(made.later_error, brief=True),
        ]
        for made in report.certificates
    ]  # fmt: skip
    columns = ["certificate", "batch", "", "promised", "by its audits", "by later answers"]
    table("Promised and measured error", columns, rows)
    for made in report.certificates:
        if made.withdrawn:
            say(f"certificate {made.id} is withdrawn: {made.withdrawn}.")
        for name, found in (("its audits", made.audit_error), ("later answers", made.later_error)):
            if found.value is None:
                say(f"certificate {made.id}, by {name}: no figure, because {found.why}.")
        for line in made.asked:
            say(f"certificate {made.id}: {line}.")
    write()


def _spend(report: Report) -> None:
    rows: list[list[Any]] = [
        [
            cost.judge, cost.order, cost.rules, f"{cost.votes:,}", f"{cost.abstained:,}",
            "–" if cost.usd_per_1000.value is None else f"${cost.usd:,.4f}",
            number(cost.usd_per_1000, "${:,.3f}"),
        ]
        for cost in report.spend
    ]  # fmt: skip
    columns = ["judge", "order", "principles", "votes", "abstained", "spent", "per 1,000 pairs"]
    table("Spend", columns, rows)
    accepted = number(report.usd_per_accepted, "${:,.5f}")
    why = f" ({report.usd_per_accepted.why})" if report.usd_per_accepted.value is None else ""
    say(f"in all ${report.spend_total_usd:,.4f}; per accepted label {accepted}{why}")
