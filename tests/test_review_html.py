"""Every template: whatever stands in a name, a domain or a rationale comes out as text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline import cycle_page
from app.views import sanitise
from app.views.turns import Drawn, Turn
from db.cycles import CycleFacts
from db.models import CycleStep, Run
from db.probabilities import Probabilities
from judges.trust.intervals import Estimate
from review.html import render
from review.report.bias import Bias
from review.report.bias_page import leanings
from review.report.charts import Box, Span, curve, heat, spans, strip
from review.report.cost import Figure, JudgeCost
from review.report.facts import CertificateFact
from review.report.page import page
from review.report.panel import Effective, JudgeGain
from review.report.quality import BudgetPoint, Reversal
from review.report.table import Calibration, Report, Row

NASTY = ("<script>alert(1)</script>", '"><img src=x onerror=y>', "'", "{{ 7 * 7 }}", "{% if %}",
         "{#", "</style>", "</title>", "&lt;", "%s", "-->")  # fmt: skip
words = st.lists(
    st.sampled_from(NASTY) | st.text("<>&\"'{}%#/= az", min_size=1), min_size=1, max_size=4
).map("".join)

FOUND = Estimate(0.8, 0.7, 0.9, 40)


class Seen(HTMLParser):
    """The tags with the names of their attributes, and all that is told."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.told: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))
        self.told += [f"\0{value}\0" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def report(said: str) -> str:
    """A report in which every name and every sentence is `said`."""
    price = Figure(1.0)
    no = Estimate(None, None, None, 0, said)
    bias = Bias(said, "length", FOUND, True, True, said, said)
    row = Row(said, FOUND, price, price, Figure(None, said), said, said)
    promise = CertificateFact(1, 1, said, said, 0.05, False, said, FOUND, no)
    return page(
        Report(
            pairs=40, judges=2, fit=said, reference=said,
            rows=(row, replace(row, agreement=no)),
            reversals=(Reversal(said, FOUND, FOUND, True, said),),
            calibration=Calibration((), None, None, None, 0),
            budget=(BudgetPoint(0.0, FOUND), BudgetPoint(1.0, FOUND)),
            human_share_for={"95%": 0.2}, matrix_names=(said, "humans"),
            matrix=((1.0, 0.4), (0.4, None)), alpha_judges=FOUND, alpha_humans=no,
            effective=Effective(1.5, said, (JudgeGain(said, no, 1.0, False),)),
            certificates=(promise,), human_share=price, delivered=40,
            spend=(JudgeCost(said, "ab", said, 10, 0, 1.0, price),), spend_total_usd=1.0,
            usd_per_accepted=Figure(None, said), assumptions=(said,), advice=(said,),
            biases=(bias,),
        )
    )  # fmt: skip


def cycle(said: str, status: str = "done") -> str:
    """A cycle's page in which every name and every sentence is `said`."""
    when = datetime(2026, 1, 2, tzinfo=UTC)

    def step(name: str, figures: dict[str, Any]) -> CycleStep:
        summary: dict[str, Any] = {"line": said, "figures": figures}
        return CycleStep(
            name=name, status=status, summary=summary, started_at=when, finished_at=when
        )

    no = {"value": None, "low": None, "high": None, "why": said}
    verdict = {"verdict": said, "kind": said, "checkpoint": said, "reasons": ["so"], "effect": said}
    steps = [
        step(said, {}),
        step("gate", {"verdicts": [verdict | {"reasons": [said], "effect": None}, verdict]}),
        step("evaluate", {"tables": {said: {"table": {said: {"accuracy": no}}}}}),
    ]
    alarm = {"kind": said, "sentence": said, "look": said}
    past = Run(id=6, started_at=when, summary={"alarms": [alarm], "spent_usd": 1.0})
    return cycle_page.page(
        Run(id=7, started_at=when), steps, CycleFacts([alarm], [said], 1.0), [past]
    )


def shapes(said: str) -> str:
    """Every kind of picture."""
    points = [(0.2, Span(0.5, 0.4, 0.6, said)), (0.8, Span(0.7, note=said))]
    biased = Bias(said, "position", FOUND, True, False, said, said)
    drawn = [
        curve(points, Box(), said, said, levels=(0.5,), diagonal=True),
        curve(points, Box(), said, said, joined=False),
        spans([(said, points[0][1], "mark"), (said, None, "mark")], limit=0.1, name=said),
        strip(replace(FOUND, low=None, why=said), level=0.6),
    ]
    made = [render("review.report/svg.html.j2", picture=picture) for picture in drawn]
    made.append(render("review.report/heat.html.j2", heat=heat([said], [[0.9]], said)))
    made.append(render("review.report/leanings.html.j2", leanings=leanings([biased])))
    return "".join(made)


def pages(said: str) -> str:
    """Every template of the review app that takes a word."""
    safe = sanitise.plain("x")
    shown = Probabilities(0.2, 0.3, 0.5)
    votes = [(said, said, said, said, sanitise.plain(said))]
    kinds: tuple[Drawn, ...] = ("said", "quoted", "folded")
    turns = [(Turn(kind, said, said), safe) for kind in kinds]
    values: dict[str, dict[str, Any]] = {
        "conversation": {"turns": turns},
        "label": {"title": said, "note": said},
        "pair": {"sides": [(said, said, turns)]},
        "today": {"answers": 1, "share": 0.1, "waiting": 1, "pace": said},
        "disputed": {"waiting": 1, "pair": said},
        "order": {"order": said, "equal": True, "asks": said},
        "reasons": {"reasons": [said]},
        "compared": {"compared": [((1, 2), said, shown), ((1, 3), said, None)]},
        "votes": {"votes": votes},
        "together": {"shown": shown, "numbers": (1, 2)},
    }
    return "".join(render(f"app.views/{name}.html.j2", **given) for name, given in values.items())


@pytest.mark.parametrize("draw", [report, cycle, shapes, pages])
@given(said=words)
def test_hostile_words_change_no_tag_and_are_told_as_they_are(
    draw: Callable[[str], str], said: str
) -> None:
    """The tags are those of the harmless word; letter for letter the word stands in the text."""
    seen = Seen(draw(said))
    assert seen.tags == Seen(draw("word")).tags
    assert said in "".join(seen.told)


def test_hostile_words_in_a_failed_step_are_text() -> None:
    html = cycle(NASTY[0], "failed")
    assert f"stopped at “{NASTY[0]}”" in "".join(Seen(html).told)
    assert "<script" not in html


def test_only_markup_passes_as_it_is() -> None:
    made = sanitise.rendered("*x*", "p").html
    for shown, seen in ((made, "<em>x</em>"), ("<em>x</em>", "&lt;em&gt;x&lt;/em&gt;")):
        turns = [(Turn("said", "", "*x*"), shown)]
        assert seen in render("app.views/pair.html.j2", sides=[("1", "", turns)])


def test_a_value_that_is_missing_or_a_template_that_is_not_there_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'note' is undefined"):
        render("app.views/label.html.j2", title="x")
    with pytest.raises(jinja2.TemplateNotFound):
        render("app.views/nothing.html.j2")
