"""A real Chromium for tests marked `browser`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from installed import CHROMIUM
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """A Chromium of its own; whoever asks skips where none is installed."""
    program = CHROMIUM.needed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", *options]
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


def listens(page: Page, key: str) -> None:
    """Wait until a button of the page is open to this key; a key pressed before it is lost."""
    page.wait_for_selector(f'button:enabled kbd[aria-label="Shortcut {key}" i]')
    settled(page)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))")


def press(page: Page, key: str) -> None:
    """Press a key once the page listens to it."""
    listens(page, key)
    page.keyboard.press(key)


def press_until(page: Page, key: str, come: Callable[[float], object]) -> None:
    """Press a key, as a person does: again where nothing came of it for ten seconds.

    come: waits so many milliseconds at most for what the key brings.
    """
    press(page, key)
    for _ in range(5):
        try:
            come(10_000)
            break
        except TimeoutError:
            page.keyboard.press(key)
    else:
        come(10_000)
    settled(page)


def press_for(page: Page, key: str, wanted: str) -> None:
    """Press a key and wait for what it brings."""
    press_until(page, key, lambda most: page.wait_for_selector(wanted, timeout=most))


def press_and_wait(page: Page, key: str) -> None:
    """Press a key and wait for another pair, or another screen."""
    listens(page, key)
    before = first_words(page)
    gone = "before => document.querySelector('.tb-prompt')?.innerText !== before"
    press_until(page, key, lambda most: page.wait_for_function(gone, arg=before, timeout=most))
