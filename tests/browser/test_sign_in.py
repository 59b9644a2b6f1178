"""Staff sign in, in a browser: with a password, a passkey or an OpenID provider, to the live view, and out again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Window
from tests.browser.site import Site
from tests.support.openid import TOKEN, Provider

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
PASSWORD = "vierzehn blaue Ziegel"
BOSS, USHER = "boss@rex.example", "usher@rex.example"
REFUSED = ("400", "401", "403", "429", "503")
"""What the browser itself reports about an answer that the page expects."""


def ask(site: Site, path: str, body: Any = None, method: str = "POST") -> Any:
    """Ask the server as an administrator."""
    headers = {"Authorization": f"Bearer {site.admin_token}"}
    answer = httpx.request(method, f"{site.url}/api/v1/{path}", json=body, headers=headers, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def hire(site: Site) -> dict[str, str]:
    """A boss and an usher; their ids by their e-mail."""
    people = ((BOSS, "Berta Boss", "admin"), (USHER, "Uli Usher", "usher"))
    return {
        email: ask(site, "users", {"name": name, "email": email, "roles": [role], "password": PASSWORD})["id"]
        for email, name, role in people
    }


def forgive_refusals(window: Window) -> None:
    window.complaints[:] = [text for text in window.complaints if not any(code in text for code in REFUSED)]


def enter(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def refused(page: Page) -> Locator:
    return page.get_by_role("alert")


def expect_readable(page: Page) -> None:
    assert Axe().run(page).response["violations"] == []


def kept_by(page: Page) -> str:
    """What any script of the page can read."""
    return str(page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])"))


def expect_how_to_begin(ann: Window) -> None:
    """Before there is anybody who could sign in, the page says how to add the first user."""
    ann.open("/sign-in")
    expect(ann.page.get_by_role("status")).to_contain_text("seatserver user add EMAIL --name NAME --role admin")


def test_staff_sign_in_with_a_password_and_out_again(make_site: Callable[..., Site], window: Windows) -> None:
    site = make_site()
    ann = window(site)
    page = ann.page
    ann.open("/ops")
    expect(page.get_by_label("Operator’s token")).to_be_focused()
    expect(page.get_by_role("link", name="Sign in with your account")).to_be_hidden()

    expect_how_to_begin(ann)
    ids = hire(site)

    # Whoever is not signed in finds the way from the live view, and one clear sentence for whatever is wrong.
    ann.open("/ops")
    page.get_by_role("link", name="Sign in with your account").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect_readable(page)
    enter(page, "Boss@rex.example", "a wrong word or two")
    expect(refused(page)).to_have_text("E-mail and password do not match. Please check both.")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    enter(page, BOSS)
    page.wait_for_url("**/ops")
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    assert "eyJ" not in kept_by(page), "no script of this page or another one finds a token"
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-state", "live")

    # Other roles end the tokens, but not the session.
    roles = {"name": "Berta Boss", "email": BOSS, "roles": ["admin", "usher"]}
    with page.expect_response(lambda answer: answer.url.endswith("/sign-in/renew")):
        ask(site, f"users/{ids[BOSS]}", roles, "PUT")
    with page.expect_response(lambda answer: answer.url.endswith("/admin/house") and answer.ok):
        pass
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    expect(refused(page)).to_be_hidden()

    # The page notices when the session is ended elsewhere.
    ask(site, f"users/{ids[BOSS]}/sign-out")
    expect(refused(page)).to_have_text("Your session has ended. Please sign in again.")
    page.get_by_role("link", name="Sign in with your account").click()
    enter(page, BOSS)
    page.wait_for_url("**/ops")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("Operator’s token")).to_be_focused()
    page.reload()
    expect(page.get_by_label("Operator’s token")).to_be_focused()

    # Somebody without that scope stays at their account.
    ann.open("/sign-in")
    enter(page, USHER)
    expect(page.get_by_text("You are signed in as Uli Usher.")).to_be_visible()
    expect(page.get_by_role("link", name="Open the live view")).to_be_hidden()
    expect_readable(page)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("uli usher at the till")
    page.get_by_role("button", name="Change password").click()
    expect(refused(page)).to_contain_text("too easy to guess")
    page.get_by_label("New password").fill("drei Kamele rudern weit")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password has changed")
    ask(site, f"users/{ids[USHER]}/disable")
    enter(page, USHER, "drei Kamele rudern weit")
    expect(refused(page)).to_have_text("This account is disabled. Please ask an administrator.")
    for _ in range(40):  # five at once are let through, then one in a while
        enter(page, "nobody@rex.example")
        expect(page.get_by_label("Password", exact=True)).to_have_value("")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
        if "too many" in (refused(page).text_content() or ""):
            break
    expect(refused(page)).to_have_text(re.compile(r"There were too many attempts\. Please wait \d+ s, and try again\."))
    forgive_refusals(ann)


def test_no_address_takes_a_signed_in_user_elsewhere(make_site: Callable[..., Site], window: Windows) -> None:
    site = make_site()
    hire(site)
    ann = window(site, locale="de-DE", viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = ann.page
    ann.open("/sign-in?next=https://evil.example&return_to=//evil.example#https://evil.example")
    page.get_by_label("E-Mail").fill(BOSS)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()
    page.wait_for_url("**/ops")
    assert not [address for address in ann.requests if "evil.example" in address and "/sign-in" not in address]
    ann.open("/sign-in")
    expect(page.get_by_text("Sie sind angemeldet als Berta Boss.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a phone"
    expect_readable(page)
    forgive_refusals(ann)


def test_staff_sign_in_with_a_passkey_of_their_own(make_site: Callable[..., Site], window: Windows) -> None:
    site = make_site(SEATSERVER_PUBLIC_URL="http://localhost:{port}")
    hire(site)
    site.url = site.url.replace("127.0.0.1", "localhost")
    ann = window(site)
    page = ann.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    verified = {"isUserVerified": True, "automaticPresenceSimulation": True}
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, **verified}})["authenticatorId"]

    ann.open("/sign-in")
    enter(page, USHER)
    page.get_by_label("Name of the device").fill("Phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey was added.")
    expect(page.get_by_role("button", name="Remove the passkey Phone")).to_be_visible()
    page.get_by_label("Name of the device").fill("Phone again")
    page.get_by_role("button", name="Add a passkey").click()
    expect(refused(page)).to_contain_text("The passkey was not used.")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out everywhere.")

    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("You are signed in as Uli Usher.")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()

    # The device has to have checked who holds it.
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(refused(page)).to_contain_text("The passkey was not used.")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})

    # A copy of the passkey has signed less often than the passkey.
    [kept] = devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    devtools.send("WebAuthn.addCredential", {"authenticatorId": device, "credential": {**kept, "signCount": 0}})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(refused(page)).to_have_text("This passkey is not known here. Please sign in in another way.")
    forgive_refusals(ann)


def test_staff_sign_in_with_an_openid_provider(make_site: Callable[..., Site], window: Windows) -> None:
    with Provider() as google:
        names = {f"SEATSERVER_{name.upper()}": str(value) for name, value in google.settings().items()}
        site = make_site(SEATSERVER_PUBLIC_URL="http://localhost:{port}", **names)
        hire(site)
        site.url = site.url.replace("127.0.0.1", "localhost")  # so that the provider is another site
        google.person |= {"email": USHER, "name": "Uli"}
        ann = window(site)
        page = ann.page
        ann.open("/sign-in")
        with_google = page.get_by_role("button", name="Sign in with Google")
        expect_readable(page)
        with_google.click()
        expect(page.get_by_text("You are signed in as Uli Usher.")).to_be_visible()
        assert page.url == f"{site.url}/sign-in", "the code does not stay in the address"
        page.reload()
        expect(page.get_by_text("You are signed in as Uli Usher.")).to_be_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(with_google).to_be_visible()

        # Whatever goes wrong is told on the page, and the password still works.
        google.denies = True
        with_google.click()
        expect(refused(page)).to_have_text("Google has not signed you in. You can try again, or use your password.")
        google.denies = False
        google.person["sub"] = "somebody else"
        with_google.click()
        expect(refused(page)).to_have_text("Nobody here has the e-mail that Google names. Please ask an administrator.")
        ann.open("/sign-in?code=of-a-stranger&state=of-a-stranger")
        expect(refused(page)).to_contain_text("Please sign in again.")
        google.instead[TOKEN] = lambda request: request.answer(b"", 502)
        with_google.click()
        expect(refused(page)).to_have_text("Google cannot be reached. Please try again later, or use your password.")
        expect_readable(page)
        enter(page, BOSS)
        page.wait_for_url("**/ops")
        forgive_refusals(ann)
