"""The seat map for everyone: by keyboard, with screen readers, by touch, in large type, and when things go wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from seatserver.seatmaps.rules.model import Rules
from tests.browser.conftest import FINGER_PX, SECOND_TAP_S, Window
from tests.browser.site import SHOWTIME, Site
from tests.integration.lounge import LOUNGE, TARIFF, WARNED, lounge
from tests.support.lab import plain_hall

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LARGE = 12_000
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def open_lounge(site: Site, rules: Rules = WARNED) -> None:
    """Put the lounge on sale: it has everything that a seat map can show."""
    terms = msgspec.to_builtins({"ticket_types": TARIFF.ticket_types, "fees": TARIFF.fees, "rules": rules})
    site.put_showtime(LOUNGE, lounge(), **terms)


@pytest.fixture
def ann(site: Site, window: Windows) -> Window:
    """A visitor of the small hall."""
    one = window(site)
    one.open_map()
    return one


def violations(visitor: Window) -> list[str]:
    """What axe finds against WCAG 2.2 AA and good practice, in the shadow tree too."""
    found = Axe().run(visitor.page, options={"runOnly": WCAG}).response["violations"]
    return [f"{one['id']}: {node['html']} {node.get('failureSummary')}" for one in found for node in one["nodes"]]


# ---------------------------------------------------------------- axe


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_axe_finds_no_violation_in_any_view(site: Site, window: Windows, theme: str) -> None:
    open_lounge(site)
    ann, ben = window(site, color_scheme="dark" if theme == "dark" else "light"), window(site)
    for one in (ann, ben):
        one.open_map(LOUNGE)
    ann.map.evaluate("(map, theme) => { map.theme = theme; }", theme)
    assert violations(ann) == []
    ben.click("C-5")
    ann.click("B-2", "D-1")  # leaves a seat over, and a sofa
    ann.expect_seats(B2="mine", D1="mine", C5="held")
    ann.click("C-5")
    expect(ann.notices).to_contain_text("C-5: held by someone else.")
    ann.page.get_by_role("button", name="Compare").click()
    expect(ann.part("offers").locator("li")).not_to_have_count(0)
    assert violations(ann) == []
    ann.part("offers").get_by_role("button", name="Close").click()
    ann.basket.get_by_role("button", name="Book for").click()
    expect(ann.notices).to_contain_text("Booked:")
    assert violations(ann) == []
    site.kill()
    ann.forgives_network = ben.forgives_network = True
    expect(ann.part("frozen")).to_be_visible()
    assert violations(ann) == []


def test_axe_finds_no_violation_on_a_phone_in_german_from_right_to_left(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = window(site, **PHONE)
    ann.open_map(LOUNGE)
    ann.page.evaluate("Object.assign(document.documentElement, { lang: 'de', dir: 'rtl' })")
    ann.map.evaluate("map => map.hold('C-4', 'C-5')")
    ann.expect_seats(C4="mine", C5="mine")
    assert violations(ann) == []
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 390


# ---------------------------------------------------------------- keyboard


def test_seats_can_be_chosen_changed_and_booked_without_a_mouse(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann, ben = window(site), window(site)
    for one in (ann, ben):
        one.open_map(LOUNGE)
    keys = ann.page.keyboard

    def walk_to(what: str, key: str = "Tab") -> None:
        """Press a key until the focus is on something that is called so."""
        inner = """() => {
          const { activeElement } = document;
          const found = activeElement.shadowRoot?.activeElement ?? activeElement;
          return found.ariaLabel || found.labels?.[0]?.textContent || found.textContent;
        }"""
        for _ in range(80):
            if re.search(what, ann.page.evaluate(inner)):
                return
            keys.press(key)
        raise AssertionError(f"{what} was never reached")

    walk_to("Row A, seat 1,")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    walk_to("Row C, seat 4,", "ArrowRight")
    keys.press("Enter")
    ann.expect_seats(C4="mine")
    keys.press("ArrowRight")
    keys.press(" ")
    ann.expect_seats(C5="mine")
    ben.expect_seats(C4="held", C5="held")
    walk_to("Ticket for C-5")
    keys.press("ArrowDown")
    expect(ann.basket).to_contain_text("Book for €17.00")
    walk_to("Give back C-5")
    keys.press("Enter")
    ann.expect_seats(C5="free")
    walk_to("More time")
    keys.press("Enter")
    walk_to("Book for €10.50")
    keys.press("Enter")
    ben.expect_seats(C4="sold")
    expect(ann.notices).to_contain_text("Booked: C-4.")


def test_a_key_held_down_takes_a_seat_once(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open_map()
    ann.cell("B-2").focus()
    ann.page.evaluate("""() => {
      window.heard = [];
      for (const what of ["hold", "release"]) addEventListener(`seat-map-${what}`, () => window.heard.push(what));
    }""")
    ann.page.keyboard.down("Enter")
    ann.expect_seats(B2="mine")
    for _ in range(5):
        ann.page.keyboard.down("Enter")  # that it repeats
    ann.page.keyboard.up("Enter")
    ann.page.keyboard.press("ArrowRight")
    ann.page.keyboard.press("Enter")
    ann.expect_seats(B2="mine", B3="mine")
    assert ann.page.evaluate("window.heard") == ["hold", "hold"]


def test_focus_in_a_notice_that_disappears_does_not_jump_to_the_top(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open_map()
    ann.cell("A-1").focus()  # a wheelchair place, by somebody who has named none
    ann.page.keyboard.press("Enter")
    ann.notices.locator(".actions button").focus()
    ann.map.evaluate("map => map.hold('B-2')")
    expect(ann.notices.locator(".actions button")).to_have_count(0)
    expect(ann.notices.get_by_role("button", name="Close")).to_be_focused()
    expect(ann.notices.get_by_role("button")).to_have_count(0)
    expect(ann.cell("A-1")).to_be_focused()


@pytest.fixture
def holder(make_site: Callable[..., Site], window: Windows) -> Window:
    """Somebody who holds B-2 and can have no more time for it, which a notice says to whoever asks."""
    one = window(make_site(SEATSERVER_HOLD_MS="300000", SEATSERVER_HOLD_TOTAL_MS="300000"))
    one.open_map()
    one.map.evaluate("map => map.hold('B-2')")
    return one


def test_closing_a_notice_whose_button_is_gone_keeps_the_focus_nearby(holder: Window) -> None:
    ann = holder
    ann.basket.get_by_role("button", name="More time").focus()
    ann.page.keyboard.press("Enter")
    close = ann.notices.get_by_role("button", name="Close")
    close.focus()
    ann.map.evaluate("map => map.release()")
    ann.expect_seats(B2="free")
    ann.page.keyboard.press("Enter")
    expect(close).to_have_count(0)
    expect(ann.notices).to_be_focused()


def test_focus_stays_in_a_notice_that_is_shown_again(holder: Window) -> None:
    ann = holder
    more, close = (ann.page.get_by_role("button", name=name) for name in ("More time", "Close"))
    more.click()
    close.focus()
    first = close.element_handle()
    assert first is not None
    more.evaluate("button => button.click()")
    expect(close).to_have_count(1)
    ann.page.wait_for_function("button => !button.isConnected", arg=first)
    expect(close).to_be_focused()
    ann.page.keyboard.press("Enter")
    expect(close).to_have_count(0)


def test_the_best_seats_are_compared_and_held_by_keyboard(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = window(site)
    ann.open_map(LOUNGE)
    ann.page.get_by_role("button", name="Compare").focus()
    ann.page.keyboard.press("Enter")
    offers = ann.part("offers").get_by_role("listitem")
    expect(offers.first.get_by_role("button")).to_be_focused()
    expect(offers.first).to_contain_text("Side by side.")
    ann.page.keyboard.press("Tab")
    chosen = offers.nth(1).locator("strong").text_content()
    ann.page.keyboard.press("Enter")
    expect(ann.part("offers")).to_be_hidden()
    expect(ann.basket.locator("li strong")).to_have_text(re.split(" and |, ", str(chosen)))
    expect(ann.page.get_by_role("button", name="Find seats")).to_be_focused()


def test_an_offer_that_someone_else_took_is_removed(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann, ben = window(site), window(site)
    for one in (ann, ben):
        one.open_map(LOUNGE)
    ann.page.get_by_role("button", name="Compare").click()
    offers = ann.part("offers").locator("strong")
    expect(offers).not_to_have_count(0)
    taken = re.split(" and |, ", str(offers.first.text_content()))
    ben.map.evaluate("(map, labels) => map.hold(...labels)", taken)
    expect(offers.get_by_text(" and ".join(taken), exact=True)).to_have_count(0)


# ---------------------------------------------------------------- screen readers


def test_every_seat_reads_its_row_number_kind_price_and_state(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann, ben = window(site), window(site)
    for one in (ann, ben):
        one.open_map(LOUNGE)
    ben.click("B-2")
    site.change_allocations(LOUNGE, action="block", seats=["C-8"], reason="broken")
    ann.expect_seats(B2="held", C8="blocked")
    told = {
        "A-1": "Row A, seat 1, wheelchair place, Standard, €10.00, free",
        "A-2": "Row A, seat 2, companion seat, Standard, €10.00, free",
        "B-2": "Row B, seat 2, Standard, €10.00, held by someone else",
        "C-8": "Row C, seat 8, Standard, €10.00, not for sale",
        "D-1": "Row D, seat 1, sofa, sold together with D-2, Sofa, €16.00 per seat, free",
    }
    for label, name in told.items():
        expect(ann.cell(label)).to_have_attribute("aria-label", name)
    expect(ann.cell("B-2")).to_have_attribute("aria-disabled", "true")
    ann.cell("B-2").focus()  # a taken seat is reached as well
    ann.page.keyboard.press("Enter")
    expect(ann.spoken).to_contain_text("B-2: held by someone else.")


def test_seats_that_become_the_visitors_are_announced(ann: Window) -> None:
    ann.click("A-3")
    expect(ann.spoken).to_contain_text("A-3 is yours now. 1 ticket, €11.00.")
    ann.click("A-3")
    expect(ann.spoken).to_contain_text("Given back: A-3.")


ANNOUNCER = """async () => {
  const { Announcer } = await import("/static/seat-map/announcer.js");
  const node = document.createElement("p");
  document.body.append(node);
  const said = [];
  new MutationObserver(() => said.push([performance.now(), node.textContent])).observe(node, { childList: true });
  Object.assign(window, { said, announcer: new Announcer(node), taken: 0 });
}"""


def test_announcements_come_at_most_every_five_seconds_and_are_never_outdated(ann: Window) -> None:
    ann.page.clock.install()
    ann.open("/docs")
    ann.stop_the_clock()
    ann.page.evaluate(ANNOUNCER)
    for moment in range(120):
        ann.page.evaluate(
            """moment => {
          if (moment % 20 === 0) announcer.say(`Event ${moment}.`);
          taken += 1;
          announcer.summarise((window.summary ??= () => {
            const text = `${taken} taken.`;
            taken = 0;
            return text;
          }));
        }""",
            moment,
        )
        ann.page.clock.run_for(100)
    ann.page.clock.run_for(10_000)
    said = ann.page.evaluate("window.said")
    moments = [at for at, _ in said]
    assert len(said) in (3, 4)
    assert all(later - earlier >= 5_000 for earlier, later in pairwise(moments))
    words = " ".join(text for _, text in said)
    assert all(f"Event {moment}." in words for moment in range(0, 120, 20))
    assert sum(int(count) for count in re.findall(r"(\d+) taken", words)) == 120


def test_changes_by_others_are_summarised(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.clock.install()
    ann.open_map()
    ann.stop_the_clock()
    site.change_allocations(SHOWTIME, action="block", seats=["B-1", "B-2", "B-3"], reason="a group")
    site.change_allocations(SHOWTIME, action="open", seats=["C-6"], reason="mended")
    ann.expect_seats(B1="blocked", B3="blocked", C6="free")
    ann.page.clock.run_for(30_000)
    expect(ann.spoken).to_have_text("3 more seats are taken. One seat came free. 19 seats are free.")


def test_a_seat_taken_and_freed_again_is_not_announced_as_taken(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.clock.install()
    ann.open_map()
    ann.stop_the_clock()
    for _ in range(3):
        for action, state in (("block", "blocked"), ("open", "free")):
            site.change_allocations(SHOWTIME, action=action, seats=["B-1", "B-2", "B-3"], reason="a group")
            ann.expect_seats(B1=state, B2=state, B3=state)
    site.change_allocations(SHOWTIME, action="block", seats=["B-2"], reason="broken")
    ann.expect_seats(B2="blocked")
    ann.page.clock.run_for(30_000)
    expect(ann.spoken).to_have_text("One more seat is taken. 20 seats are free.")


def test_an_unchanged_room_is_not_announced(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.clock.install()
    ann.open_map()
    ann.stop_the_clock()
    before = ann.spoken.text_content()
    for action, state in (("block", "blocked"), ("open", "free")):
        site.change_allocations(SHOWTIME, action=action, seats=["B-1"], reason="a group")
        ann.expect_seats(B1=state)
    ann.page.clock.run_for(30_000)
    assert ann.spoken.text_content() == before


def test_the_last_minute_and_a_lost_connection_are_announced(make_site: Callable[..., Site], window: Windows) -> None:
    site = make_site(SEATSERVER_HOLD_MS="50000")
    ann = window(site)
    ann.forgives_network = True
    ann.open_map()
    ann.click("A-3")
    expect(ann.spoken).to_contain_text("One minute left for your seats.")
    site.kill()
    expect(ann.spoken).to_contain_text("This map is not live")
    site.start()
    expect(ann.spoken).to_contain_text("The map is live again.")


# ---------------------------------------------------------------- touch, size, motion


def test_a_tap_on_small_seats_zooms_in_first_and_the_next_takes_a_seat(site: Site, window: Windows) -> None:
    site.put_showtime("large", plain_hall(400), prices={"standard": 1000})
    ann = window(site, **PHONE)
    ann.open_map("large")
    at = ann.place("R5-12")
    assert at["width"] < FINGER_PX
    ann.page.touchscreen.tap(at["x"], at["y"])
    expect(ann.part("hall").get_by_role("button", name="Show the whole hall")).to_be_enabled()
    near = ann.place("R5-12")
    assert near["width"] >= FINGER_PX
    assert ann.state("R5-12") == "free"
    time.sleep(SECOND_TAP_S)
    ann.page.touchscreen.tap(near["x"], near["y"])
    expect(ann.basket.locator("li strong")).to_have_text(["R5-12"])
    for button in ann.map.get_by_role("button").all():
        size = button.bounding_box()
        least = 24 if button.get_attribute("class") == "close" else FINGER_PX
        assert size is None or min(size["width"], size["height"]) >= least - 0.5, button.inner_html()


def test_the_docked_basket_never_covers_the_focused_element(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = window(site, **PHONE)
    ann.open_map(LOUNGE)
    ann.map.evaluate("map => map.hold('C-4', 'C-5')")
    ann.expect_seats(C4="mine", C5="mine")
    ann.part("finder").click()
    ann.page.evaluate("scrollTo(0, 0)")
    look = """map => {
      const focused = map.shadowRoot.activeElement;
      const dock = map.shadowRoot.querySelector(".dock");
      if (!focused || dock.contains(focused)) return null;
      return focused.getBoundingClientRect().top < dock.getBoundingClientRect().top;
    }"""
    seen = []
    for _ in range(24):
        ann.page.keyboard.press("Tab")
        seen.append(ann.map.evaluate(look))
    assert True in seen
    assert False not in seen


def test_a_page_at_200_percent_scrolls_in_one_direction_only(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = window(site, viewport={"width": 640, "height": 400}, device_scale_factor=2)
    ann.open_map(LOUNGE)
    ann.click("C-4")
    ann.expect_seats(C4="mine")
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 640
    assert violations(ann) == []


# ---------------------------------------------------------------- when the network goes


def test_going_offline_is_shown_with_its_reason_and_going_online_restores_the_map(site: Site, window: Windows) -> None:
    ann, ben = window(site), window(site)
    ann.forgives_network = True
    for one in (ann, ben):
        one.open_map()
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    ann.page.context.set_offline(True)
    ben.click("B-2")
    ben.expect_seats(B2="mine")
    site.kill()  # a network that is gone says nothing; a server that is gone does
    expect(ann.part("frozen")).to_contain_text(re.compile("connection was lost. Trying again (in [0-9]+ s|now)"))
    ann.click("B-3")
    expect(ann.notices).to_contain_text("The map is not live at the moment")
    ben.forgives_network = True
    site.start()
    ben.expect_status("live")
    assert ann.part("status").get_attribute("data-status") != "live"
    ann.page.context.set_offline(False)
    ann.expect_status("live")
    ann.expect_seats(A3="mine", B2="held", B3="free")
    expect(ann.notices).not_to_contain_text("not live")


# ---------------------------------------------------------------- a large hall


FRAMES = """() => {
  window.frames = [];
  let last = performance.now();
  const step = (now) => {
    window.frames.push(now - last);
    last = now;
    window.counting = requestAnimationFrame(step);
  };
  window.counting = requestAnimationFrame(step);
}"""


def test_a_hall_of_12000_seats_follows_a_hundred_changes_a_second(site: Site, window: Windows) -> None:
    hall = plain_hall(LARGE)
    site.put_showtime("arena", hall, prices={"standard": 1000})
    ann = window(site)
    ann.open_map("arena")
    labels = [f"{seat.row}-{seat.number}" for seat in hall.seats]
    ann.page.evaluate(FRAMES)
    began = time.monotonic()
    for batch in range(40):
        seats = labels[batch * 37 : batch * 37 + 10]
        site.change_allocations("arena", action="block", seats=seats, reason="a wave")
        time.sleep(max(0.0, began + 0.1 * (batch + 1) - time.monotonic()))
    expect(ann.part("signs").locator("li[data-state=blocked] b")).to_have_text("400")
    frames = sorted(ann.page.evaluate("() => { cancelAnimationFrame(window.counting); return window.frames; }"))
    print(f"frames: median {frames[len(frames) // 2]:.1f} ms, 95 % {frames[len(frames) * 95 // 100]:.1f} ms")
    states = ann.map.evaluate("(map, labels) => labels.map((label) => map.seatState(label))", labels)
    taken = {label for batch in range(40) for label in labels[batch * 37 : batch * 37 + 10]}
    assert {label for label, state in zip(labels, states, strict=True) if state == "blocked"} == taken
