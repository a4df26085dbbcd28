"""A real Chromium for tests marked `browser`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright


def chromium_path() -> str | None:
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def settled(page: Page) -> None:
    """Wait until Streamlit has finished its run."""
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')"
        "?.getAttribute('data-test-script-state') === 'notRunning'"
    )


def desk(page: Page, address: str, name: str = "Ada") -> None:
    """Sign in by name and wait for a pair."""
    page.goto(f"{address}/?name={name}")
    page.wait_for_selector(".tb-pair")
    page.wait_for_function("() => document.querySelector('[data-countdown]').innerText !== '–'")
    settled(page)


def first_words(page: Page) -> str:
    """The prompt on the screen."""
    return page.locator(".tb-prompt").first.inner_text()


def press_for(page: Page, key: str, wanted: str) -> None:
    """Press a key once the page listens to it, and wait for what it brings."""
    settled(page)
    page.keyboard.press(key)
    page.wait_for_selector(wanted)
    settled(page)


def press_and_wait(page: Page, key: str) -> None:
    """Press a key and wait for another pair, or another screen."""
    settled(page)
    before = first_words(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('.tb-prompt')?.innerText !== before", arg=before
    )
    settled(page)
