"""Putting responses in order in a real Chromium, without touching the mouse."""

import pytest
from app_world import project, served
from browser import chromium, desk, press_and_wait, press_for, press_until
from review_worlds import add_votes, escalate
from test_review_rankings import prompt_with

from db.models import ContentFlag, Ranking
from db.vocabulary import Choice
from review.rankings import ask_for_rankings

pytestmark = pytest.mark.browser

COLOURS = ["Red is warm.", "Blue is calm.", "Green is fresh."]


ORDER = "says => document.querySelector('.st-key-verdict .tb-bar b')?.innerText === says"


def build(page, key, says):
    """Press a key of the order and wait for what the screen then says it is."""
    press_until(page, key, lambda most: page.wait_for_function(ORDER, arg=says, timeout=most))


@pytest.mark.slow
def test_an_order_is_built_stored_and_taken_back_by_keys_alone(tmp_path):
    database = project(tmp_path)
    ids, pairs = prompt_with(database, COLOURS, [(0, 1), (1, 2)], "Which colour?")
    escalate(database, pairs)
    assert ask_for_rankings(database).rankings == 1
    with chromium() as browser, served(tmp_path) as address:
        page = browser.new_page()
        desk(page, address)
        shown = page.locator(".tb-side .tb-text").all_inner_texts()

        def order(says):
            page.wait_for_function(ORDER, arg=says)

        for key, says in (("3", "3"), ("t", "3 ="), ("1", "3 = 1"), ("2", "3 = 1 > 2")):
            build(page, key, says)
        assert "best, equal" in page.locator(".tb-side h2").first.inner_text().lower()
        build(page, "z", "3 = 1")
        build(page, "t", "3 = 1 =")
        page.reload()  # T8: what is half built is found again
        page.wait_for_selector(".tb-pair")
        order("3 = 1 =")
        build(page, "z", "3 = 1")
        page.get_by_text("Add a reason").click()
        page.get_by_label("In your own words").fill("the first two say the same")
        page.keyboard.press("Escape")
        build(page, "2", "3 = 1 > 2")
        press_for(page, "Enter", "text=Nothing waits for you")
        assert "You answered 1 " in page.inner_text("body")
        press_for(page, "u", ".tb-pair")
        order("nobody yet")
        for key, says in (("1", "1"), ("2", "1 > 2"), ("3", "1 > 2 > 3")):
            build(page, key, says)
        press_for(page, "Enter", "text=Nothing waits for you")
    number = {text: one for one, text in zip(ids, COLOURS, strict=True)}
    first, second, third = (number[text.strip()] for text in shown)
    with database.read() as session:
        assert [r.groups for r in session.query(Ranking).order_by(Ranking.id)] == [
            [[third, first], [second]],
            [[first], [second], [third]],
        ]
        assert session.query(Ranking).first().rationale == "the first two say the same"


@pytest.mark.slow
def test_several_responses_are_flagged_and_revealed_by_keys_like_a_pair(tmp_path):
    database = project(tmp_path)
    for asked in ("Which colour?", "Which colour again?"):
        _, pairs = prompt_with(database, COLOURS, [(0, 1), (1, 2), (2, 0)], asked)
        escalate(database, pairs)
        add_votes(database, pairs[0], {"judge-x": Choice.A, "judge-y": Choice.B})
    ask_for_rankings(database)
    with chromium() as browser, served(tmp_path) as address:
        page = browser.new_page()
        desk(page, address)
        press_for(page, "f", "text=Warn about these texts")
        press_and_wait(page, "q")
        for key, says in (("2", "2"), ("3", "2 > 3"), ("1", "2 > 3 > 1")):
            build(page, key, says)
        press_for(page, "Enter", "text=Nothing waits for you")
        page.reload()
        page.get_by_text("Nothing waits for you").wait_for()
        press_for(page, "v", "text=You said: 2 > 3 > 1")
        said = page.locator(".tb-votes").first.inner_text()
        page.get_by_text("judge by judge").first.click()
        page.get_by_text("judge-x says a").wait_for()
        press_for(page, "b", "text=Nothing waits for you")
    told = [line.split("\t")[:2] for line in said.splitlines()[1:]]
    assert told == [
        ["1 and 2", "2 is better"],
        ["1 and 3", "3 is better"],
        ["2 and 3", "2 is better"],
    ]
    with database.read() as session:
        assert session.query(ContentFlag).one().kind == "unsafe"
