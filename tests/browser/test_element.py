"""`<seat-map>` on a page: what the page can set, listen to and style, and what the element makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Route, expect

from seatserver.access.tokens import Tokens
from seatserver.config import Settings
from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site
from tests.integration.lounge import ENFORCED, LOUNGE, TARIFF, lounge

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
ELEMENT = f'<seat-map showtime="{SHOWTIME}"></seat-map>'

COUNT_LISTENERS = """{
  window.listening = new Set();
  const { addEventListener } = window;
  window.addEventListener = function (name, act, options) {
    if (name === "resize") {
      window.listening.add(act);
      options?.signal?.addEventListener("abort", () => window.listening.delete(act));
    }
    return addEventListener.call(this ?? window, name, act, options);
  };
}"""


@pytest.fixture
def ann(site: Site, window: Windows) -> Window:
    """A visitor of a page with the element in it, live."""
    return embedded(site, window)


def embedded(site: Site, window: Windows, html: str = ELEMENT, **context: Any) -> Window:
    visitor = window(site, **context)
    visitor.embed(html)
    visitor.expect_status("live")
    return visitor


def set_attribute(visitor: Window, name: str, value: str) -> None:
    visitor.map.evaluate("(map, [name, value]) => map.setAttribute(name, value)", [name, value])


# ---------------------------------------------------------------- what a page hears and asks


def test_two_lines_of_html_make_a_seat_map_that_reports_events_to_its_page(ann: Window) -> None:
    [ready] = ann.told("ready")
    assert (ready["showtime"]["title"], len(ready["layout"]["seats"])) == ("The Long Night", 22)
    assert ann.told("status")[-1] == {"status": "live", "reason": ""}
    ann.click("A-3", "D-1")
    ann.expect_seats(A3="mine", D1="mine", D2="mine")
    first, second = ann.wait_until_told("hold", 2)
    assert (first["seats"], first["basket"]["totalMinor"]) == (["A-3"], 1100)
    assert (second["seats"], second["basket"]["totalMinor"]) == (["D-1", "D-2"], 4300)
    assert second["basket"]["lines"][0] == {"seat": "A-3", "area": None, "ticket": "standard", "priceMinor": 1100}
    ann.click("A-3")
    [given] = ann.wait_until_told("release")
    assert (given["seats"], given["basket"]["seats"]) == (["A-3"], ["D-1", "D-2"])
    ann.basket.get_by_role("button", name="Book for €32.00").click()
    [booked] = ann.wait_until_told("booked")
    assert (booked["seats"], booked["status"], booked["totalMinor"]) == (["D-1", "D-2"], "confirmed", 3200)
    assert ann.map.evaluate("map => map.basket") is None
    assert ann.told("release") == [given]


def test_a_page_can_hold_reveal_and_release_seats_itself(ann: Window) -> None:
    ann.map.evaluate("map => map.hold('B-2', 'B-3', 'no such seat')")
    ann.expect_seats(B2="mine", B3="mine")
    assert ann.map.evaluate("map => map.basket.seats") == ["B-2", "B-3"]
    box = ann.map.evaluate("map => { map.reveal('B-2'); return map.boxOf('B-2').width; }")
    assert box > 0
    ann.map.evaluate("map => map.release()")
    ann.expect_seats(B2="free", B3="free")
    assert ann.map.evaluate("map => [map.seatState('Z-9'), map.boxOf('Z-9')]") == [None, None]


def test_a_refusal_names_every_seat_with_its_reason(site: Site, window: Windows) -> None:
    ann, ben = embedded(site, window), embedded(site, window)
    ann.click("A-3")
    ben.expect_seats(A3="held")
    ben.map.evaluate("map => map.hold('A-2', 'A-3')")
    [refused] = ben.wait_until_told("refused")
    assert (refused["code"], refused["seats"]) == ("refused", [{"seat": "A-3", "reason": "held"}])
    assert refused["message"] == "A-3 is being held by someone else."
    assert ben.told("hold") == []


def test_a_page_that_takes_payments_is_told_when_the_visitor_checks_out(site: Site, window: Windows) -> None:
    ann = embedded(site, window, f'<seat-map showtime="{SHOWTIME}" checkout="page"></seat-map>')
    ann.click("A-3")
    ann.basket.get_by_role("button", name="Check out for €11.00").click()
    [checkout] = ann.wait_until_told("checkout")
    assert checkout["basket"]["seats"] == ["A-3"]
    assert len(checkout["basket"]["holds"]) == 1
    ann.expect_seats(A3="mine")
    set_attribute(ann, "checkout", "")
    expect(ann.basket.get_by_role("button", name="Book for €11.00")).to_be_visible()


def test_expired_seats_are_announced_and_can_be_taken_again(make_site: Callable[..., Site], window: Windows) -> None:
    ann = embedded(make_site(SEATSERVER_HOLD_MS="4000", SEATSERVER_HOLD_TOTAL_MS="40000"), window)
    ann.click("A-3")
    [expired] = ann.wait_until_told("expired")
    assert expired == {"seats": ["A-3"], "areas": [], "reason": "expired"}
    assert ann.told("release") == []
    ann.notices.get_by_role("button", name="Take it again").click()
    ann.expect_seats(A3="mine")
    assert [told["seats"] for told in ann.wait_until_told("hold", 2)] == [["A-3"], ["A-3"]]


def test_a_visitor_who_held_a_seat_too_long_is_told_when_to_retry_and_offered_another(
    make_site: Callable[..., Site], window: Windows
) -> None:
    ann = embedded(make_site(SEATSERVER_HOLD_MS="4000", SEATSERVER_HOLD_TOTAL_MS="4000"), window)
    ann.click("A-3")
    ann.wait_until_told("expired")
    ann.notices.get_by_role("button", name="Take it again").click()
    expect(ann.notices).to_contain_text(
        "You have held A-3 as long as possible. If nobody else takes it, you can hold it again from"
    )
    ann.notices.get_by_role("button", name="nearest").click()
    [held] = [told["seats"] for told in ann.wait_until_told("hold", 2)][1:]
    assert held != ["A-3"]


# ---------------------------------------------------------------- what a page sets


def test_another_showtime_is_shown_when_the_attribute_changes(site: Site, window: Windows, ann: Window) -> None:
    site.put_showtime(LOUNGE, lounge(), **msgspec.to_builtins({"ticket_types": TARIFF.ticket_types, "rules": ENFORCED}))
    set_attribute(ann, "showtime", LOUNGE)
    expect(ann.part("prices")).to_contain_text("Lawn")
    ann.expect_status("live")
    ann.expect_seats(C8="free")
    assert len(ann.told("ready")) == 2


def test_properties_set_before_the_script_loads_take_effect(site: Site, window: Windows) -> None:
    ann = window(site)
    early = """<script>
      const map = document.createElement("seat-map");
      map.strings = { yourSeats: "Your places" };
      map.token = async () => (await (await fetch("/api/v1/guests", { method: "POST" })).json()).token;
      map.setAttribute("showtime", "tonight");
      document.body.append(map);
    </script>"""
    ann.embed(early)
    ann.expect_status("live")
    expect(ann.basket).to_contain_text("Your places")
    assert ann.page.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]") == []
    assert ann.map.evaluate("map => map.getAttribute('token')") is None


def test_a_rejected_token_is_reported_and_ends_the_attempts(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.embed(f'<seat-map showtime="{SHOWTIME}" token="forged"></seat-map>')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text("This map is not live: the server does not know you.")
    expect(ann.part("frozen").get_by_role("button", name="Try again")).to_be_visible()


def test_a_moved_element_stays_connected_and_a_removed_one_disconnects(ann: Window) -> None:
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    ann.map.evaluate(
        "map => { const home = document.createElement('main'); document.body.append(home); home.append(map); }"
    )
    assert ann.map.evaluate("map => map.status") == "live"
    assert len(ann.told("ready")) == 1
    assert ann.map.evaluate("map => { const { client } = map; map.remove(); window.old = map; return client.status; }")
    ann.page.evaluate("() => new Promise((done) => setTimeout(done))")
    assert ann.page.evaluate("window.old.client") is None
    ann.page.evaluate("document.body.append(window.old)")
    ann.expect_seats(A3="mine")


def test_an_element_removed_while_loading_stops_listening_to_the_window(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.add_init_script(COUNT_LISTENERS)
    held: list[Route] = []
    ann.page.route("**/api/v1/showtimes/*", lambda route: held.append(route))
    ann.embed(ELEMENT)
    ann.wait_until(lambda: held)
    assert ann.page.evaluate("window.listening.size") > 0
    ann.map.evaluate("map => map.remove()")
    ann.wait_until(lambda: ann.page.evaluate("window.listening.size") == 0)
    for route in held:
        route.continue_()


def test_a_showtime_that_fails_to_load_is_reported_and_retried(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.forgives_network = True
    ann.page.route("**/api/v1/showtimes/*", lambda route: route.abort())
    ann.embed(ELEMENT)
    expect(ann.map).to_contain_text("This showtime cannot be shown: the server does not answer.")
    assert ann.wait_until_told("error")[0]["code"] is None
    ann.page.unroute("**/api/v1/showtimes/*")
    ann.expect_status("live")


def test_an_element_without_a_showtime_says_what_is_missing(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.embed("<seat-map></seat-map>")
    expect(ann.map).to_contain_text("This showtime cannot be shown: no showtime is named.")


def test_a_changed_hall_is_loaded_again(site: Site, window: Windows) -> None:
    site.put_showtime(LOUNGE, lounge(), **msgspec.to_builtins({"ticket_types": TARIFF.ticket_types}))
    other = httpx.get(f"{site.url}/api/v1/showtimes/{LOUNGE}", trust_env=False).json()["layout_hash"]
    ann = window(site)
    seen: list[str] = []

    def outdated(route: Route) -> None:
        """The first answer names the hall of before."""
        seen.append(route.request.url)
        answer = route.fetch()
        body = {**answer.json(), "layout_hash": other} if len(seen) == 1 else answer.json()
        route.fulfill(response=answer, json=body)

    ann.page.route(f"**/api/v1/showtimes/{SHOWTIME}", outdated)
    ann.embed(ELEMENT)
    ann.wait_until_told("ready", 2)
    ann.expect_status("live")
    ann.expect_seats(D1="free")
    assert len(seen) == 2


# ---------------------------------------------------------------- language and direction


def test_a_german_page_gets_german_texts_and_german_number_formats(ann: Window) -> None:
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    ann.page.evaluate("document.documentElement.lang = 'de'")
    expect(ann.basket.get_by_role("button", name=re.compile("Für 11,00\\s€ buchen"))).to_be_visible()
    expect(ann.part("frame")).to_have_attribute("lang", "de")
    expect(ann.part("status")).to_have_text("Live")
    ann.click("B-2")
    expect(ann.basket.locator("li")).to_have_count(2)
    assert "Row" not in str(ann.map.evaluate("map => map.shadowRoot.textContent"))
    set_attribute(ann, "lang", "en")
    expect(ann.basket.get_by_role("button", name="Book for €22.00")).to_be_visible()


def test_any_text_can_be_replaced_even_by_a_function_or_in_another_language(ann: Window) -> None:
    ann.map.evaluate("""map => {
      map.lang = "pl";
      map.strings = {
        yourSeats: "Twoje miejsca",
        tickets: { one: "{count} bilet", few: "{count} bilety", many: "{count} biletów", other: "{count} biletu" },
        book: ({ total }) => `Kup za ${total}`,
      };
    }""")
    ann.click("B-1", "B-2")
    expect(ann.basket).to_contain_text("2 bilety")
    expect(ann.basket.get_by_role("button", name=re.compile("Kup za 22,00"))).to_be_visible()
    ann.click("C-1", "C-2", "C-3")
    expect(ann.basket).to_contain_text("5 biletów")
    expect(ann.part("frame")).to_have_attribute("lang", "pl")
    set_attribute(ann, "lang", "fi")
    ann.map.evaluate("map => { map.strings = {}; }")
    expect(ann.basket).to_contain_text("5 tickets")
    expect(ann.part("frame")).to_have_attribute("lang", "en")


def test_from_right_to_left_everything_is_mirrored_except_the_hall(ann: Window) -> None:
    def sides() -> tuple[float, float]:
        basket, hall = ann.basket.bounding_box(), ann.part("hall").bounding_box()
        assert basket is not None
        assert hall is not None
        return basket["x"], hall["x"]

    basket, hall = sides()
    assert hall < basket
    ann.page.evaluate("document.documentElement.dir = 'rtl'")
    ann.wait_until_drawn()
    basket, hall = sides()
    assert basket < hall
    left, right = ann.map.evaluate("map => [map.boxOf('A-1').x, map.boxOf('A-6').x]")
    assert left < right
    ann.click("A-2", "A-3")
    expect(ann.basket.locator("li strong")).to_have_text(["\u2068A\u2069-\u20682\u2069", "\u2068A\u2069-\u20683\u2069"])
    assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---------------------------------------------------------------- looks


def color(visitor: Window, part: str, name: str = "backgroundColor") -> str:
    found: str = visitor.part(part).evaluate("(node, name) => getComputedStyle(node)[name]", name)
    return found


def test_themes_follow_the_visitor_or_the_page(site: Site, window: Windows) -> None:
    white, dark, black = "rgb(255, 255, 255)", "rgb(28, 26, 35)", "rgb(0, 0, 0)"
    ann = embedded(site, window, color_scheme="light")
    assert color(ann, "basket") == white
    ann.page.emulate_media(color_scheme="dark")
    assert color(ann, "basket") == dark
    for theme, ground in {"light": white, "dark": dark, "contrast": black, "auto": dark}.items():
        set_attribute(ann, "theme", theme)
        assert (theme, color(ann, "basket")) == (theme, ground)
    ann.page.emulate_media(color_scheme="light", contrast="more")
    assert (color(ann, "basket"), color(ann, "basket", "borderTopColor")) == (white, black)


def test_a_page_has_the_last_word_on_colours_and_parts(site: Site, window: Windows) -> None:
    ann = window(site)
    style = """<style>
      seat-map { --seat-map-surface: #ffeecc; --seat-map-height: 333px; }
      seat-map::part(basket) { border-width: 7px; }
    </style>"""
    ann.embed(ELEMENT, head=style)
    ann.expect_status("live")
    ann.wait_until_drawn()
    assert color(ann, "basket") == "rgb(255, 238, 204)"
    assert color(ann, "basket", "borderTopWidth") == "7px"
    assert ann.part("hall").evaluate("hall => hall.clientHeight") == 333
    corner = """hall => {
      const canvas = hall.querySelector("canvas");
      const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 1, canvas.height - 2, 1, 1, 0, 0, 1, 1);
      return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    assert ann.part("hall").evaluate(corner) == [255, 238, 204, 255]
    ann.page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    ann.page.add_style_tag(content="seat-map { --seat-map-surface: #aabbcc; }")
    ann.map.evaluate("map => map.refresh()")
    ann.wait_until_drawn()
    assert ann.part("hall").evaluate(corner) == [170, 187, 204, 255]


def test_two_elements_on_one_page_are_two_windows_of_one_visitor(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.embed(ELEMENT + ELEMENT)
    for one in ann.map.all():
        expect(one.locator("[part~=status]")).to_have_attribute("data-status", "live")
    first, second = ann.map.all()
    first.evaluate("map => map.hold('B-2')")
    expect(second.locator("[part~=basket] li strong")).to_have_text(["B-2"])


def test_the_element_loads_only_its_own_files_and_the_public_api(site: Site, window: Windows) -> None:
    ann = embedded(site, window)
    paths = {url.removeprefix(site.url) for url in ann.requests if url.startswith("http")}
    assert all(path.startswith(("/static/", "/api/v1/", "/embedding")) for path in paths)


@pytest.mark.parametrize("path", ["guests", "theatres"])
def test_a_request_that_is_never_answered_is_repeated(site: Site, window: Windows, path: str) -> None:
    ann = window(site)
    ann.page.add_init_script("""{
      const { timeout } = AbortSignal;
      AbortSignal.timeout = (ms) => timeout.call(AbortSignal, Math.min(ms, 1000)); // nobody waits so long here
    }""")
    unanswered: list[Route] = []

    def lose_the_first(route: Route) -> None:
        if unanswered:
            route.continue_()
        else:
            unanswered.append(route)

    ann.page.route(f"**/api/v1/{path}", lose_the_first)
    ann.embed(ELEMENT)
    ann.expect_status("live")
    assert len(unanswered) == 1


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_visitor_whose_clock_is_wrong_is_the_same_guest_after_a_reload(
    site: Site, window: Windows, hours: int
) -> None:
    ann = window(site)
    ann.page.add_init_script(f"const {{ now }} = Date; Date.now = () => now() + {hours * 3_600_000};")
    ann.open_map()
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    ann.page.reload()
    ann.expect_status("live")
    ann.expect_seats(B2="mine")


def test_a_guest_whose_token_cannot_be_renewed_becomes_a_new_guest(
    site: Site, settings: Settings, window: Windows
) -> None:
    ann = window(site)
    ann.open_map()
    stale = Tokens(settings).mint("guest:of-old", ["watch", "hold"], -60)
    guest = {"token": stale, "user_id": "guest:of-old"}
    ann.page.evaluate("guest => { localStorage['seatserver.guest'] = JSON.stringify(guest); }", guest)
    ann.page.reload()
    ann.expect_status("live")
    assert ann.map.evaluate("map => map.client.welcome.user") != "guest:of-old"


def test_bookings_are_shown_to_their_owner_and_no_ticket_link_is_stored(
    site: Site, settings: Settings, window: Windows
) -> None:
    ann = embedded(site, window)
    bookings = ann.part("bookings")
    link = bookings.get_by_role("link", name="Show ticket")
    first, second = (Tokens(settings).mint(name, ["watch", "hold", "book"], 600) for name in ("first", "second"))

    def become(user: str, token: str) -> None:
        ann.map.evaluate("(map, token) => { map.token = token; }", token)
        ann.page.wait_for_function(
            "user => document.querySelector('seat-map').client?.welcome?.user === user", arg=user
        )
        ann.expect_status("live")

    become("first", first)
    ann.click("A-3")
    ann.basket.get_by_role("button", name="Book for €11.00").click()
    expect(bookings).to_contain_text("A-3")
    secret = str(link.get_attribute("href"))
    assert "#" in secret or "?" in secret, "the link is all that its owner needs"
    set_attribute(ann, "lang", "de")
    expect(bookings.get_by_role("link")).to_have_attribute("href", secret)
    set_attribute(ann, "lang", "en")
    key = re.split("[#?]", secret)[1]
    kept = ann.page.evaluate("JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)])")
    assert key not in kept and "A-3" not in kept
    become("second", second)
    expect(bookings).to_be_hidden()
    ann.expect_seats(A3="sold")
    become("first", first)
    expect(bookings).to_contain_text("A-3")
    ann.expect_seats(A3="booked")
    assert link.get_attribute("href") == secret, "the server tells its owner again"


def test_an_element_outside_the_page_says_that_it_shows_nothing(ann: Window) -> None:
    status = ann.map.evaluate("""async (map) => {
      map.remove();
      await new Promise((done) => setTimeout(done));
      return map.status;
    }""")
    assert status == "loading"


def test_a_seat_in_an_unknown_state_is_not_shown_as_free(ann: Window) -> None:
    ann.map.evaluate("""({ client }) => {
      client.states[1] = 6;
      client.dispatchEvent(new CustomEvent("change", { detail: [1] }));
    }""")
    ann.expect_seats(A2="unknown")
    expect(ann.cell("A-2")).to_have_attribute("aria-disabled", "true")
