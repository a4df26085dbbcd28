"""Sign-in by OpenID Connect, against a provider that runs in the test."""

import pytest
from app_world import QUICK, free_port, project, queue_of, served
from browser import chromium, settled
from oidc_provider import provider, secrets

from db.models import Annotator
from db.vocabulary import Role

pytestmark = pytest.mark.browser

REBINDING = "--host-resolver-rules=MAP evil.example 127.0.0.1"
ADA = {"sub": "u-1", "name": "Ada L.", "email": "ada@example.org", "email_verified": True}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signin")
    database = project(folder, QUICK + 'admins = ["root@example.org"]\n')
    queue_of(database, 3)
    port = free_port()
    with chromium(REBINDING) as browser, provider() as identity:
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "secrets.toml").write_text(
            secrets(identity.issuer, f"http://127.0.0.1:{port}"), encoding="utf-8"
        )
        with served(folder, port=port) as address:
            yield address, browser, database, identity


@pytest.fixture
def page(world):
    context = world[1].new_context()
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def sign_in(page, address):
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()


def people(database):
    with database.read() as session:
        return {one.name: one for one in session.query(Annotator)}


@pytest.mark.slow
def test_a_newcomer_signs_in_as_an_annotator_and_a_name_in_the_address_is_nothing(world, page):
    address, _, database, identity = world
    identity.claims, identity.age = ADA, 0
    page.goto(f"{address}/?name=Root")
    page.wait_for_selector("text=Sign in to review")
    assert page.locator(".tb-pair").count() == 0
    sign_in(page, address)
    page.wait_for_selector(".tb-pair")
    settled(page)
    assert "/authorize" in identity.asked
    assert "/token" in identity.asked
    found = people(database)
    assert "Root" not in found
    assert found["Ada L."].role is Role.ANNOTATOR
    assert found["Ada L."].subject == f"{identity.issuer}|u-1"
    assert page.get_by_role("link", name="People").count() == 0


def test_who_the_configuration_names_is_an_admin_if_the_address_is_verified(world, page):
    address, browser, database, identity = world
    identity.claims = {
        "sub": "u-2",
        "name": "Root",
        "email": "root@example.org",
        "email_verified": True,
    }
    sign_in(page, address)
    page.wait_for_selector("text=People")
    assert people(database)["Root"].role is Role.ADMIN
    identity.claims = {"sub": "u-3", "name": "Eve", "email": "root@example.org"}
    other = browser.new_context().new_page()
    sign_in(other, address)
    other.wait_for_selector(".tb-pair")
    assert people(database)["Eve"].role is Role.ANNOTATOR
    other.context.close()


def test_an_old_token_is_asked_again_though_the_cookie_lives_on(world, page):
    address, _, _, identity = world
    identity.claims, identity.age = ADA, 13 * 3600  # sign_in_hours is 12
    sign_in(page, address)
    page.wait_for_selector("text=Sign in to review")
    assert page.locator(".tb-pair").count() == 0


def test_a_name_pointed_at_this_machine_gets_no_page(world, tmp_path):
    """DNS rebinding: the browser believes that the app is a page of another site."""
    queue_of(project(tmp_path), 1)
    with served(tmp_path) as own:
        opened = world[1].new_context().new_page()
        opened.set_default_timeout(60_000)
        opened.goto(own.replace("127.0.0.1", "evil.example") + "/?name=Root")
        opened.wait_for_selector("text=This is not the app's address")
        assert opened.locator(".tb-pair").count() == 0
        opened.goto(own + "/?name=Ada")
        opened.wait_for_selector(".tb-pair")
        opened.context.close()
