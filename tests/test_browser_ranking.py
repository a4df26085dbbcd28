"""Putting responses in order in a real Chromium, without touching the mouse."""

import pytest
from app_world import project, served
from browser import chromium, desk, settled
from review_worlds import escalate
from test_review_rankings import prompt_with

from db.models import Ranking
from review.rankings import ask_for_rankings

pytestmark = pytest.mark.browser

COLOURS = ["Red is warm.", "Blue is calm.", "Green is fresh."]


def test_an_order_is_built_stored_and_taken_back_by_keys_alone(tmp_path):
    database = project(tmp_path)
    ids, pairs = prompt_with(database, COLOURS, [(0, 1), (1, 2)], "Which colour?")
    escalate(database, pairs)
    assert ask_for_rankings(database).rankings == 1
    with served(tmp_path) as address, chromium() as browser:
        page = browser.new_page()
        desk(page, address)
        shown = page.locator(".tb-side .tb-text").all_inner_texts()

        def order(says):
            page.wait_for_function(
                "says => document.querySelector('.st-key-verdict .tb-bar b')?.innerText === says",
                arg=says,
            )
            settled(page)

        for key, says in (("3", "3"), ("t", "3 ="), ("1", "3 = 1"), ("2", "3 = 1 > 2")):
            page.keyboard.press(key)
            order(says)
        assert "best, equal" in page.locator(".tb-side h2").first.inner_text().lower()
        page.keyboard.press("z")
        order("3 = 1")
        page.keyboard.press("2")
        order("3 = 1 > 2")
        page.keyboard.press("Enter")
        page.get_by_text("Nothing waits for you").wait_for()
        settled(page)
        assert "You answered 1 " in page.inner_text("body")
        page.keyboard.press("u")
        page.wait_for_selector(".tb-pair")
        order("nobody yet")
        for key, says in (("1", "1"), ("2", "1 > 2"), ("3", "1 > 2 > 3")):
            page.keyboard.press(key)
            order(says)
        page.keyboard.press("Enter")
        page.get_by_text("Nothing waits for you").wait_for()
    number = {text: one for one, text in zip(ids, COLOURS, strict=True)}
    first, second, third = (number[text.strip()] for text in shown)
    with database.read() as session:
        assert [r.groups for r in session.query(Ranking).order_by(Ranking.id)] == [
            [[third, first], [second]],
            [[first], [second], [third]],
        ]
