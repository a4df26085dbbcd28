"""The annotator's screen in a real Chromium: every trap a key, a reload or a text can set."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from app_world import (
    add_runs,
    add_texts,
    free_port,
    project,
    queue_of,
    served,
    with_panel,
    with_practice,
)
from browser import (
    chromium,
    desk,
    first_words,
    listens,
    press,
    press_and_wait,
    press_for,
    settled,
)
from review_worlds import escalate

from db.models import ContentFlag, Lease, Rationale, Review
from db.types import now
from db.vocabulary import Choice, LeaseStatus, TaskKind

pytestmark = pytest.mark.browser

HOSTILE = """# Not a heading of yours
<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">
It costs $5 and $10 -> nothing :+1: :red[really] :material/home: ~~no~~
![see](http://127.0.0.1:9/pixel.png) [click](javascript:window.pwned=3)
<style>.tb-side{display:none}</style> $\\frac{1}{ unclosed \u202eecalp gnorw\u202c zero\u200bwidth
```
never closed
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One app, one browser and one database for the file; each test signs in as somebody else."""
    folder = tmp_path_factory.mktemp("desk")
    database = project(folder)
    pairs = queue_of(database, 120)
    with_panel(database, pairs[-1:])
    with chromium() as browser, served(folder) as address:
        yield address, browser, database


@pytest.fixture
def page(world):
    opened = world[1].new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


def said_by(database, name):
    with database.read() as session:
        rows = session.query(Review).join(Review.annotator).filter_by(name=name)
        return rows.order_by(Review.id).all()


def wait_for(count, look):
    for _ in range(100):
        found = look()
        if len(found) >= count:
            return found
        time.sleep(0.1)
    return look()


def test_t1_t2_fast_presses_on_one_pair_store_one_answer(world, page):
    address, _, database = world
    desk(page, address, "Fast")
    page.wait_for_timeout(400)  # the dwell of this project is 0.3 s
    listens(page, "2")
    for _ in range(3):
        page.keyboard.press("2")
    wait_for(1, lambda: said_by(database, "Fast"))
    page.wait_for_timeout(700)
    assert len(said_by(database, "Fast")) == 1


def test_t1_a_key_held_down_votes_once(world, page):
    address, _, database = world
    desk(page, address, "Held")
    page.wait_for_timeout(400)
    listens(page, "4")
    for _ in range(50):  # a held key repeats about 30 times a second
        page.keyboard.down("4")
        page.wait_for_timeout(30)
    page.keyboard.up("4")
    page.wait_for_timeout(700)
    assert len(said_by(database, "Held")) == 1


def test_t3_to_t6_what_is_typed_goes_with_the_answer_and_stays_with_its_pair(world, page):
    address, _, database = world
    desk(page, address, "Typist")
    page.keyboard.press("a")
    page.wait_for_function("() => document.activeElement.tagName === 'TEXTAREA'")
    box = page.get_by_label("In your own words")
    page.keyboard.type("because 1 + 2 = 3")
    box.press("2")  # T3: a digit typed is text
    box.press("Enter")  # T4: no submit by Enter
    box.press("Control+Enter")
    page.wait_for_timeout(600)
    assert said_by(database, "Typist") == []
    page.keyboard.press("Escape")  # T6: Esc brings the keys back
    press_and_wait(page, "5")
    (review,) = wait_for(1, lambda: said_by(database, "Typist"))
    assert review.rationale == "because 1 + 2 = 32"
    page.get_by_text("Add a reason").click()
    assert page.get_by_label("In your own words").input_value() == ""  # T5


def test_t7_a_hostile_response_neither_runs_nor_fetches_nor_changes(world, page, tmp_path):
    database = project(tmp_path / "hostile")
    big = "x" * 1_000_000 + " the end"
    pairs = add_texts(
        database, [("Judge this <b>text</b>", HOSTILE, HOSTILE + "more"), ("Long", big, "s")]
    )
    escalate(database, pairs)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with served(tmp_path / "hostile") as address:
        desk(page, address)
        shown = page.locator(".tb-text").first.inner_text()
        assert "It costs $5 and $10 -> nothing :+1: :red[really] :material/home:" in shown
        assert "<script>window.pwned = 1</script>" in shown
        assert "U+202E" in shown
        assert "U+200B" in shown
        assert page.locator(".tb-text img, .tb-text script, .tb-text style").count() == 0
        assert page.locator(".tb-text a[href^='javascript']").count() == 0
        assert page.locator(".tb-side").count() == 2
        press_for(page, "w", ".tb-raw")
        written = page.locator(".tb-raw").first.text_content()
        for letter in "\u202e\u202c\u200b":
            written = written.replace(f"U+{ord(letter):04X}", letter)
        assert written.rstrip("\n") in (HOSTILE.rstrip("\n"), (HOSTILE + "more").rstrip("\n"))
        press_for(page, "w", ".tb-text:not(:has(.tb-raw))")
        press_and_wait(page, "1")
        page.wait_for_selector("text=more letters: the raw view shows them all")
        assert page.evaluate("window.pwned") is None
    assert not [
        url
        for url in asked
        if "pixel" in url or not url.startswith((address, "ws:", "data:", "blob:"))
    ]


def test_t8_a_reload_keeps_the_pair(world, page):
    address, _, database = world
    desk(page, address, "Reloader")
    before = first_words(page)
    page.reload()
    page.wait_for_selector(".tb-pair")
    assert first_words(page) == before
    with database.read() as session:
        held = session.query(Lease).filter_by(status=LeaseStatus.ACTIVE).all()
        mine = [one for one in held if one.annotator_id == _id(session, "Reloader")]
        assert len(mine) == 1


def _id(session, name):
    from db.annotators import by_name

    return by_name(session, name).id


def test_twenty_pairs_without_the_mouse_an_undo_a_skip_and_a_flag(world, page):
    address, _, database = world
    desk(page, address, "Keys")
    for number in range(20):
        page.wait_for_timeout(320)
        press_and_wait(page, "12345"[number % 5])
    assert len(said_by(database, "Keys")) == 20
    undone = first_words(page)
    press_and_wait(page, "u")
    assert first_words(page) != undone
    page.wait_for_timeout(320)
    press_and_wait(page, "3")
    press_for(page, "s", "text=Not my field")
    press_and_wait(page, "q")
    press_for(page, "f", "text=Personal data")
    press_and_wait(page, "w")
    with database.read() as session:
        me = _id(session, "Keys")
        skipped = session.query(Lease).filter_by(annotator_id=me, status=LeaseStatus.SKIPPED)
        assert [one.skip_reason for one in skipped.order_by(Lease.ended_at)] == [
            "Not my field",
            "flagged: personal data",
        ]
        assert session.query(ContentFlag).filter_by(annotator_id=me).one().kind == "personal data"
    assert len(said_by(database, "Keys")) == 21  # what was undone stays stored, retracted


@pytest.mark.slow
def test_nothing_of_the_panel_reaches_the_browser_before_the_answer(page, tmp_path):
    database = project(tmp_path / "blind")
    pairs = queue_of(database, 2)
    with_panel(database, pairs)
    frames = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda data: frames.append(bytes(data, "utf8") if isinstance(data, str) else data),
        ),
    )
    with served(tmp_path / "blind") as address:
        desk(page, address)
        assert frames
        assert not [one for one in frames if b"judge-x" in one or b"escalation" in one]
        page.wait_for_timeout(400)
        side = page.locator(".tb-text").first.inner_text()
        press(page, "4" if "Answer A" in side else "2")  # for B: against both judges
        page.wait_for_selector("text=What decided it?")  # asked before the reveal
        page.reload()  # and asked again, until it is answered
        page.wait_for_selector("text=What decided it?")
        settled(page)
        assert not [one for one in frames if b"judge-x" in one]
        page.keyboard.press("a")  # to the text, which is many Tabs away
        page.wait_for_function("() => document.activeElement.tagName === 'TEXTAREA'")
        page.keyboard.type("B is right")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("text=What the panel said")
        press_for(page, "v", "text=Back to work")
        assert [one for one in frames if b"judge-x" in one]
        press_for(page, "b", "text=Add a reason")
    with database.read() as session:
        assert session.query(Rationale).one().text == "B is right"
        assert session.query(Review).one().choice is Choice.B
        assert session.query(Lease).filter(Lease.revealed_at.is_not(None)).count() == 1


def test_a_lost_lease_says_so_and_keeps_what_was_typed(world, page):
    address, _, database = world
    desk(page, address, "Slow")
    page.get_by_text("Add a reason").click()
    page.get_by_label("In your own words").fill("a long thought")
    page.keyboard.press("Escape")
    with database.begin() as session:
        lease = (
            session.query(Lease)
            .filter_by(annotator_id=_id(session, "Slow"), status=LeaseStatus.ACTIVE)
            .one()
        )
        lease.expires_at = now() - timedelta(seconds=1)
    press(page, "1")
    page.wait_for_selector("text=Take it again")  # the old form is still there when this begins
    page.wait_for_selector("[data-testid=stCode] >> text=a long thought")
    press_for(page, "a", ".tb-pair")
    assert page.get_by_label("In your own words").input_value() == "a long thought"
    page.wait_for_timeout(400)
    press(page, "1")
    (review,) = wait_for(1, lambda: said_by(database, "Slow"))
    assert review.rationale == "a long thought"


def test_a_lease_that_ends_while_somebody_types_keeps_the_text_that_was_never_sent(world, page):
    address, _, database = world
    page.clock.install()
    desk(page, address, "Typing")
    page.keyboard.press("a")
    page.wait_for_function("() => document.activeElement.tagName === 'TEXTAREA'")
    page.get_by_role("button", name="Honest").click()
    page.get_by_label("In your own words").fill("half a thought")
    with database.begin() as session:
        mine = {"annotator_id": _id(session, "Typing"), "status": LeaseStatus.ACTIVE}
        session.query(Lease).filter_by(**mine).one().expires_at = now() - timedelta(seconds=1)
    page.clock.fast_forward(30_000)  # the next sign of work
    page.wait_for_selector("text=This pair is no longer yours")
    page.wait_for_selector("[data-testid=stCode] >> text=half a thought")
    page.get_by_text("Honest", exact=True).wait_for()
    settled(page)
    press_for(page, "a", ".tb-pair")
    assert page.get_by_label("In your own words").input_value() == "half a thought"


def test_another_answer_in_a_second_window_is_said_not_to_count(world, page):
    address, browser, database = world
    desk(page, address, "Twice")
    second = browser.new_page()
    desk(second, address, "Twice")
    assert first_words(second) == first_words(page)
    page.wait_for_timeout(320)
    press_and_wait(page, "3")
    press(second, "1")
    second.get_by_text("this answer was not stored").wait_for()
    second.close()
    (review,) = said_by(database, "Twice")
    assert review.choice is Choice.TIE


def test_text_typed_before_handing_on_is_there_when_one_stays(world, page):
    address, _, _ = world
    desk(page, address, "Undecided")
    page.get_by_text("Add a reason").click()
    box = page.get_by_label("In your own words")
    box.fill("half a thought")
    page.keyboard.press("Escape")
    press_for(page, "s", "text=Not my field")
    press(page, "b")
    page.wait_for_selector("text=Not my field", state="detached")
    assert box.input_value() == "half a thought"


@pytest.mark.slow
def test_practice_teaches_before_the_queue(page, tmp_path):
    database = project(tmp_path / "new", "[review]\nmin_dwell_seconds = 0.2\npractice_pairs = 1\n")
    with_practice(database, 1)
    queue_of(database, 1)
    with served(tmp_path / "new") as address:
        page.goto(f"{address}/?name=Newcomer")
        page.get_by_text("How to judge a pair").wait_for()
        press_for(page, "n", ".tb-pair")
        page.wait_for_timeout(300)
        right = "1" if "Right" in page.locator(".tb-text").first.inner_text() else "5"
        press(page, right)
        page.wait_for_selector("text=The same. You said")
        page.reload()  # the lesson stays until it is read
        page.wait_for_selector("text=The same. You said")
        page.get_by_role("button", name="Next pair").wait_for()
        press_for(page, "n", "text=Question number")
        page.reload()
        page.wait_for_selector("text=Question number")
    assert [r.kind for r in said_by(database, "Newcomer")] == [TaskKind.PRACTICE]


@pytest.mark.slow
def test_an_empty_queue_says_what_happened(page, tmp_path):
    database = project(tmp_path / "empty")
    queue_of(database, 1)
    with served(tmp_path / "empty") as address:
        desk(page, address)
        page.wait_for_timeout(400)
        press(page, "3")
        page.wait_for_selector("text=Nothing waits for you")
        page.wait_for_selector(".tb-pair", state="detached")
        press_for(page, "u", ".tb-pair")


@pytest.mark.slow
def test_a_lost_connection_is_said_and_mends_itself(page, tmp_path):
    database = project(tmp_path / "gone")
    queue_of(database, 5)
    port = free_port()
    with served(tmp_path / "gone", port=port) as address:
        desk(page, address)
        before = first_words(page)
        page.get_by_text("Add a reason").click()
        page.get_by_label("In your own words").fill("written before")
    page.wait_for_selector("text=The connection to the server is lost")
    assert page.locator(".tb-offline").bounding_box()["width"] == 1280
    with served(tmp_path / "gone", port=port):
        page.wait_for_selector(".tb-offline", state="detached")
        settled(page)
        assert first_words(page) == before
        assert page.get_by_label("In your own words").input_value() == "written before"
        page.wait_for_timeout(400)
        page.keyboard.press("Escape")
        press_and_wait(page, "2")
    (review,) = said_by(database, "Ada")
    assert review.rationale == "written before"


def test_an_open_address_without_sign_in_is_refused(page, tmp_path):
    project(tmp_path / "open")
    with served(tmp_path / "open", "--server.address", "0.0.0.0") as address:
        page.goto(address)
        page.wait_for_selector("text=Sign-in is not configured")
        assert page.get_by_label("Your name").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(world, tmp_path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    address, browser, _ = world
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    desk(page, address, f"Axe {scheme}")
    page.wait_for_timeout(500)
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    page.screenshot(path=str(Path(tmp_path) / f"{scheme}.png"))
    page.close()
    wrong = {
        violation["id"]: [node["target"] for node in violation["nodes"]]
        for violation in found.response["violations"]
    }
    assert wrong == {}


def test_a_phone_stacks_the_responses_and_shows_every_button(world):
    address, browser, _ = world
    page = browser.new_page(viewport={"width": 390, "height": 844})
    desk(page, address, "Phone")
    one, two = (page.locator(".tb-side").nth(n).bounding_box() for n in (0, 1))
    assert two["y"] >= one["y"] + one["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for key in range(7):
        box = page.locator(".st-key-verdict button").nth(key).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.close()


def test_long_responses_scroll_in_step_and_the_focus_is_seen(page, tmp_path):
    database = project(tmp_path / "long")
    text = "\n\n".join(f"Paragraph {n} with several words in it." for n in range(80))
    escalate(database, add_texts(database, [("Tell me all", text, text[: len(text) // 2])]))
    with served(tmp_path / "long") as address:
        desk(page, address)
        page.evaluate("document.querySelectorAll('.tb-text')[0].scrollTop = 1e6")
        page.wait_for_function(
            "() => { const t = document.querySelectorAll('.tb-text')[1];"
            " return t.scrollTop + t.clientHeight >= t.scrollHeight - 3; }"
        )
        page.locator(".tb-text").first.focus()
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def test_two_agent_runs_are_read_in_turns_with_what_differs_opened(page, tmp_path):
    database = project(tmp_path / "agents")
    escalate(database, add_runs(database))
    with served(tmp_path / "agents") as address:
        desk(page, address)
        turns = page.locator(".tb-prompt .tb-role, .tb-prompt summary").all_inner_texts()
        assert turns == ["Tools: weather", "Developer", "User: ada"]
        first = page.locator(".tb-text").first
        assert first.locator("summary").all_inner_texts() == [
            "Call: weather (c1)",
            "Call: weather (c2)",
        ]
        assert first.locator("blockquote").all_inner_texts() == ["4C", "4C"]
        folded, opened = first.locator("details").all()
        assert folded.get_attribute("open") is None
        assert opened.get_attribute("open") is not None
        assert set(page.locator(".tb-text mark").all_inner_texts()) == {"Rome", "Bari"}
        first.locator("summary").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('.tb-text details').open")
        for key in ("d", "w"):
            press(page, key)
            page.wait_for_function(
                "() => document.querySelector('.tb-text').innerText.includes('call weather (c1)')"
            )


def test_the_name_is_typed_without_a_mouse(world, page):
    page.goto(world[0])
    page.wait_for_function(
        "() => document.activeElement.getAttribute('aria-label') === 'Your name'"
    )
    page.keyboard.type("Nora")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tb-pair")
    assert "name=Nora" in page.url
