"""Choosing on the seat map page: one basket, tickets and prices, the best seats, house rules and lost races."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatKind, SeatMap
from seatserver.seatmaps.rules.model import Rules
from tests.browser.conftest import Window, says
from tests.browser.site import Site
from tests.integration.lounge import BEANBAGS, ENFORCED, LOUNGE, TARIFF, WARNED, lounge

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
SOCKETS = re.compile("/ws/showtimes/")


def open_lounge(site: Site, rules: Rules = ENFORCED) -> None:
    """Put the lounge on sale."""
    tariff: dict[str, Any] = msgspec.to_builtins(TARIFF)
    terms = {name: tariff[name] for name in ("ticket_types", "fees")}
    site.put_showtime(LOUNGE, lounge(), rules=msgspec.to_builtins(rules), **terms)


@pytest.fixture
def ann(site: Site, window: Windows) -> Window:
    """A visitor of the lounge."""
    open_lounge(site)
    return visit(site, window)


def visit(site: Site, window: Windows, **context: Any) -> Window:
    visitor = window(site, **context)
    visitor.open_map(LOUNGE)
    return visitor


def unfold(visitor: Window) -> None:
    """Show what of the search is folded away: ticket types, wheelchairs, where."""
    visitor.part("finder").click()


def without_news(site: Site, window: Windows) -> Window:
    """A visitor who is not told what others do, as if everything happened in this moment."""

    def route(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(lambda message: None if says(message, "delta") else route.send(message))

    visitor = window(site)
    visitor.page.route_web_socket(SOCKETS, route)
    visitor.open_map(LOUNGE)
    return visitor


def in_basket(visitor: Window, *names: str) -> None:
    """Wait until these are the basket's tickets."""
    expect(visitor.basket.locator("li strong")).to_have_text(list(names))


def press(visitor: Window, name: str) -> None:
    visitor.page.get_by_role("button", name=name).click()


def area(visitor: Window) -> Locator:
    """The lawn's line in the list of places without numbers."""
    return visitor.page.get_by_role("list", name="Unnumbered places").get_by_role("listitem")


# ---------------------------------------------------------------- one basket


def test_quick_clicks_make_one_basket_that_is_booked_as_a_whole(ann: Window) -> None:
    for label in ("C-1", "C-2", "C-3", "D-1"):
        ann.click(label)  # nobody waits for an answer
    in_basket(ann, "C-1", "C-2", "C-3", "D-1", "D-2")
    ann.click("D-2")
    in_basket(ann, "C-1", "C-2", "C-3")
    press(ann, "Book for €31.50")
    expect(ann.notices).to_contain_text("Booked: C-1, C-2 and C-3.")
    expect(ann.part("bookings").locator("li")).to_have_count(1)


HOLD_BESIDE = """async ([showtime, seats]) => {
  const { token } = JSON.parse(localStorage["seatserver.guest"]);
  const socket = new WebSocket(`ws://${location.host}/ws/showtimes/${showtime}`);
  await new Promise((done) => (socket.onopen = done));
  socket.send(JSON.stringify({ type: "hello", token }));
  socket.send(JSON.stringify({ type: "hold", ref: 1, hold_id: crypto.randomUUID(), seats }));
  await new Promise((done) => (socket.onmessage = ({ data }) => JSON.parse(data).type === "held" && done()));
  socket.close();
}"""
"""A program of the same visitor, which knows nothing of the page's basket."""


def test_what_the_visitor_holds_elsewhere_is_listed_and_can_be_given_back(ann: Window) -> None:
    ann.click("C-1", "C-2")
    in_basket(ann, "C-1", "C-2")
    ann.page.evaluate(HOLD_BESIDE, [LOUNGE, [8]])
    expect(ann.basket).to_contain_text("Held in another window")
    expect(ann.basket.get_by_role("button", name="Book for €31.50")).to_be_enabled()
    ann.basket.locator(".other").get_by_role("button", name="Give back").click()
    expect(ann.basket).not_to_contain_text("Held in another window")
    in_basket(ann, "C-1", "C-2")


def test_a_partly_failed_booking_reports_what_was_booked_and_what_was_not(ann: Window) -> None:
    ann.click("C-1", "C-2")
    in_basket(ann, "C-1", "C-2")
    ann.page.evaluate(HOLD_BESIDE, [LOUNGE, [8]])
    expect(ann.basket).to_contain_text("Held in another window")
    # The other window gives its seat back at the last moment.
    ann.map.evaluate("""({ client }) => {
        const book = client.book.bind(client);
        let done = 0;
        client.book = async (id) => {
            if (done++ > 0) await client.release(id);
            return book(id);
        };
    }""")
    press(ann, "Book for")
    expect(ann.notices).to_contain_text("Sorry: Your seats have changed")
    expect(ann.notices).to_contain_text("Booked: C-1 and C-2.")


def test_two_windows_of_one_visitor_show_and_change_the_same_basket(site: Site, window: Windows, ann: Window) -> None:
    guest = ann.page.evaluate("localStorage['seatserver.guest']")
    other = window(site)
    other.open("/")
    other.page.evaluate("guest => { localStorage['seatserver.guest'] = guest; }", guest)
    other.open_map(LOUNGE)
    ann.click("C-1")
    in_basket(other, "C-1")
    other.click("C-2")
    in_basket(ann, "C-1", "C-2")
    ann.click("B-1")
    in_basket(other, "B-1", "C-1", "C-2")
    expect(ann.notices).to_be_empty()
    other.basket.get_by_role("button", name="Clear basket").click()
    expect(ann.basket).to_contain_text("Choose a free seat")
    expect(ann.notices).to_be_empty()


# ---------------------------------------------------------------- tickets and prices


def test_the_server_prices_every_ticket_and_says_which_cannot_be_combined(ann: Window) -> None:
    ann.click("C-1", "C-2")
    expect(ann.basket).to_contain_text("€10.00")
    expect(ann.basket.locator(".fees")).to_have_text("Fees€1.00")
    ann.page.get_by_label("Ticket for C-2").select_option("child")
    expect(ann.basket).to_contain_text("Book for €17.00")
    ann.page.get_by_label("Ticket for C-1").select_option("child")
    expect(ann.notices).to_contain_text("Child tickets are sold only together with Adult tickets")
    expect(ann.page.get_by_label("Ticket for C-1")).to_have_value("adult")
    ann.click("C-1")
    expect(ann.notices).to_contain_text("Child tickets are sold only together with Adult tickets")
    expect(ann.basket).to_contain_text("Book for €17.00")


def test_a_seat_offers_only_the_ticket_types_that_are_sold_for_it(ann: Window) -> None:
    ann.click("D-1")
    in_basket(ann, "D-1", "D-2")
    expect(ann.basket.get_by_role("combobox")).to_have_count(0)


# ---------------------------------------------------------------- the best seats


def test_the_best_seats_replace_the_old_ones_and_are_explained(ann: Window) -> None:
    ann.click("A-8")
    in_basket(ann, "A-8")
    area(ann).get_by_role("button", name="One more place").click()
    in_basket(ann, "A-8", "Lawn")
    unfold(ann)
    ann.page.get_by_label("Adult", exact=True).fill("3")
    press(ann, "Find seats")
    expect(ann.notices).to_contain_text("are the best 3 free seats side by side.")
    expect(ann.notices).to_contain_text("from where the view is best")
    expect(ann.basket.locator("li")).to_have_count(4)
    expect(ann.basket.locator("li").last).to_contain_text("Lawn")
    ann.expect_seats(A8="free")
    ann.page.get_by_label("Where").select_option("Sofa")
    ann.page.get_by_label("Adult", exact=True).fill("2")
    press(ann, "Find seats")
    in_basket(ann, "D-1", "D-2", "Lawn")
    ann.page.get_by_label("Adult", exact=True).fill("3")
    press(ann, "Find seats")
    expect(ann.notices).to_contain_text("We couldn’t find 3 free seats together")
    in_basket(ann, "D-1", "D-2", "Lawn")


def test_the_search_says_when_too_few_seats_are_left(site: Site, ann: Window) -> None:
    best, search = ann.part("best"), ann.part("search")
    expect(best).to_have_attribute("aria-disabled", "false")
    unfold(ann)
    ann.page.get_by_label("Where").select_option("Sofa")
    ann.page.get_by_label("Adult", exact=True).fill("5")
    expect(search).to_contain_text("Only 4 seats are left to choose from.")
    expect(best).to_have_attribute("aria-disabled", "true")
    for role, name in (("combobox", "Where"), ("spinbutton", "Adult")):
        field = ann.page.get_by_role(role, name=name)  # type: ignore[arg-type]  # both are roles
        expect(field).to_have_accessible_description("Only 4 seats are left to choose from.")
    ann.page.get_by_label("Adult", exact=True).press("Enter")  # asks for nothing
    expect(ann.spoken).to_contain_text("Only 4 seats are left to choose from.")
    ann.page.get_by_label("Adult", exact=True).fill("4")
    expect(search).not_to_contain_text("left to choose from")
    expect(best).to_have_attribute("aria-disabled", "false")
    ann.page.get_by_label("Adult", exact=True).fill("2")
    ann.page.get_by_label("Where").select_option("Anywhere")
    seats = [f"{seat.row}-{seat.number}" for seat in lounge().seats]
    site.change_allocations(LOUNGE, action="block", seats=seats, reason="a private party")
    expect(search).to_contain_text("No seat is free at the moment.")
    expect(best).to_have_attribute("aria-disabled", "true")
    expect(ann.part("compare")).to_have_attribute("aria-disabled", "true")
    site.change_allocations(LOUNGE, action="open", seats=["B-1", "B-2"], reason="two could not come")
    expect(search).not_to_contain_text("No seat is free")
    press(ann, "Find seats")
    in_basket(ann, "B-1", "B-2")
    expect(best).to_have_attribute("aria-disabled", "false")  # these two could be chosen again
    expect(ann.part("notice")).to_have_text(re.compile("^B-1 and B-2 are the best 2 free seats"))


def test_offers_whose_seats_are_taken_close_with_a_message_and_can_be_searched_again(site: Site, ann: Window) -> None:
    unfold(ann)
    ann.page.get_by_label("Where").select_option("Standard")
    press(ann, "Compare")
    offers = ann.part("offers").locator("strong")
    expect(offers.first).to_be_visible()
    seats = [f"{seat.row}-{seat.number}" for seat in lounge().seats if seat.row != "D"]
    site.change_allocations(LOUNGE, action="block", seats=seats, reason="a school")
    expect(ann.notices).to_contain_text("The seats of these offers have been taken.")
    expect(ann.part("offers")).to_be_hidden()
    ann.page.get_by_label("Where").select_option("Sofa")
    ann.notices.get_by_role("button", name="Compare").click()
    expect(offers).to_contain_text(["D-1 and D-2"])


def test_offers_close_when_the_visitor_books_in_another_window(site: Site, window: Windows, ann: Window) -> None:
    guest = ann.page.evaluate("localStorage['seatserver.guest']")
    other = window(site)
    other.open("/")
    other.page.evaluate("guest => { localStorage['seatserver.guest'] = guest; }", guest)
    other.open_map(LOUNGE)
    press(ann, "Compare")
    expect(ann.part("offers").locator("strong").first).to_be_visible()
    other.click("A-8")
    in_basket(ann, "A-8")
    expect(ann.part("offers").locator("strong").first).to_be_visible()
    press(other, "Book for")
    expect(ann.part("offers")).to_be_hidden()
    expect(ann.notices).to_contain_text("The offers are closed because you have booked.")


def test_offers_stay_open_when_an_earlier_booking_is_paid(site: Site, ann: Window) -> None:
    ann.click("C-1")
    in_basket(ann, "C-1")
    pay_later = "async ({ client }) => (await client.book([...client.holds.keys()][0], { payLater: true })).booking_id"
    booking = ann.map.evaluate(pay_later)
    expect(ann.part("bookings")).to_contain_text("payment pending")
    press(ann, "Compare")
    offers = ann.part("offers").locator("strong")
    expect(offers.first).to_be_visible()
    headers = {"Authorization": f"Bearer {site.admin_token}"}
    paid = httpx.post(f"{site.url}/api/v1/bookings/{booking}/confirm", headers=headers, trust_env=False)
    assert paid.is_success, paid.text
    expect(ann.part("bookings")).not_to_contain_text("payment pending")
    expect(offers.first).to_be_visible()
    expect(ann.notices).not_to_contain_text("The offers are closed")


def test_a_visitor_whose_offer_is_taken_is_told_and_holds_no_other_by_mistake(
    site: Site, window: Windows, ann: Window
) -> None:
    ben = visit(site, window)
    press(ann, "Compare")
    offers = ann.part("offers").get_by_role("listitem")
    looked_at = ann.map.locator("[role=gridcell][data-state=asking]")
    gone = str(offers.last.locator("strong").text_content())
    offers.last.get_by_role("button").focus()
    offers.first.get_by_role("button").hover()
    expect(looked_at).to_have_count(2)
    ben.map.evaluate("(map, labels) => map.hold(...labels)", re.split(" and |, ", gone))
    expect(ann.part("offers").get_by_text(gone, exact=True)).to_have_count(0)
    expect(ann.part("offers").get_by_role("heading")).to_be_focused()
    expect(ann.spoken).to_contain_text("The offer you were looking at has been taken.")
    expect(looked_at).to_have_count(2)
    ann.page.keyboard.press("Enter")
    expect(offers.first).to_be_visible()
    expect(ann.basket).to_contain_text("Choose a free seat")
    site.change_allocations(LOUNGE, action="block", seats=free_seats(ann), reason="a school")
    expect(ann.part("offers")).to_be_hidden()
    expect(ann.part("search")).to_be_focused()


def free_seats(visitor: Window) -> list[str]:
    """Labels of the lounge's seats that are free."""
    labels = [f"{seat.row}-{seat.number}" for seat in lounge().seats]
    return [label for label in labels if visitor.state(label) in ("free", "asking")]


def test_a_wheelchair_place_needs_a_wheelchair_and_allows_its_companion_seat(ann: Window) -> None:
    ann.click("A-2")
    expect(ann.notices).to_contain_text("A-2 is a companion seat")
    ann.click("A-1")
    expect(ann.notices).to_contain_text("A-1 is a wheelchair place")
    press(ann, "One of us uses a wheelchair")
    in_basket(ann, "A-1")
    wheelchairs = ann.page.get_by_label("Wheelchairs", exact=True)
    expect(wheelchairs).to_have_value("1")
    ann.click("A-2", "A-3")
    in_basket(ann, "A-1", "A-2", "A-3")
    ann.page.reload()
    in_basket(ann, "A-1", "A-2", "A-3")
    expect(wheelchairs).to_have_value("1")
    unfold(ann)
    press(ann, "Clear basket")
    wheelchairs.fill("0")
    ann.click("A-1")
    expect(ann.notices).to_contain_text("A-1 is a wheelchair place")
    wheelchairs.fill("3")
    people = ann.page.get_by_label("Adult", exact=True).first
    expect(people).to_have_js_property("validationMessage", "There are more wheelchairs than people.")
    people.fill("0")
    expect(people).to_have_js_property("validationMessage", "Choose the number of people.")
    people.fill("3")
    expect(people).to_have_js_property("validationMessage", "")


def test_a_companion_seat_clicked_alone_can_be_taken_with_its_wheelchair_place(
    site: Site, window: Windows, ann: Window
) -> None:
    ben = visit(site, window)
    ann.click("A-3")
    expect(ann.notices).to_contain_text("A-3 is a companion seat")
    press(ann, "Take A-1 too, for our wheelchair")
    in_basket(ann, "A-1", "A-3")
    expect(ann.page.get_by_label("Wheelchairs", exact=True)).to_have_value("1")
    expect(ann.notices).to_be_empty()
    ben.expect_seats(A1="held")
    ben.click("A-2")
    expect(ben.notices).to_contain_text("A-2 is a companion seat")
    expect(ben.notices.locator(".actions")).to_have_count(0)  # there is no place left that it could go with


def test_a_companion_seat_for_one_wheelchair_keeps_the_others_in_the_party(ann: Window) -> None:
    unfold(ann)
    ann.page.get_by_label("Wheelchairs", exact=True).fill("2")
    ann.click("A-3")
    press(ann, "Take A-1 too, for our wheelchair")
    in_basket(ann, "A-1", "A-3")
    expect(ann.page.get_by_label("Wheelchairs", exact=True)).to_have_value("2")


def test_companion_seats_of_two_rows_come_with_two_wheelchair_places(site: Site, window: Windows) -> None:
    kinds = [SeatKind.WHEELCHAIR, SeatKind.COMPANION, SeatKind.STANDARD]
    hall = SeatMap.build(
        name="Two rows",
        categories=[Category(key="seat", name="Seat", color="#009e73")],
        screen=Screen(x=1, y=0, width=4),
        seats=[
            Seat(row=row, number=str(x + 1), x=x, y=y, category="seat", kind=kind)
            for y, row in enumerate("AB", start=2)
            for x, kind in enumerate(kinds)
        ],
    )
    site.put_showtime("two-rows", hall, prices={"seat": 900})
    ann = window(site)
    ann.open_map("two-rows")
    ann.map.evaluate("map => map.hold('A-2', 'B-2')")
    press(ann, "Take A-1 and B-1 too, for our wheelchairs")
    in_basket(ann, "A-1", "A-2", "B-1", "B-2")
    expect(ann.page.get_by_label("Wheelchairs", exact=True)).to_have_value("2")


# ---------------------------------------------------------------- refusals that help


def test_a_gap_is_refused_with_the_stranded_seat_and_an_allowed_choice(ann: Window) -> None:
    ann.click("B-2")
    expect(ann.notices).to_contain_text("B-1 would be left over and hard to sell")
    press(ann, "Take B-1 instead")
    in_basket(ann, "B-1")
    expect(ann.notices).to_be_empty()
    ann.click("B-2", "B-3")
    in_basket(ann, "B-1", "B-2", "B-3")
    ann.click("B-1")
    expect(ann.notices).to_contain_text("B-1 would be left over and hard to sell")
    in_basket(ann, "B-1", "B-2", "B-3")


def test_rules_that_only_warn_say_so_in_the_basket(site: Site, window: Windows) -> None:
    open_lounge(site, WARNED)
    ann = visit(site, window)
    ann.click("B-2")
    expect(ann.basket).to_contain_text("B-1 would be left over and hard to sell")
    ann.click("B-1")
    in_basket(ann, "B-1", "B-2")
    expect(ann.basket).not_to_contain_text("left over")


def test_the_loser_of_a_race_can_take_the_nearest_seats_instead(site: Site, window: Windows, ann: Window) -> None:
    ben = without_news(site, window)
    ann.click("C-1", "C-2")
    in_basket(ann, "C-1", "C-2")
    ben.click("B-1")
    in_basket(ben, "B-1")
    ben.click("C-1")
    expect(ben.notices).to_contain_text("C-1 is being held by someone else")
    in_basket(ben, "B-1")
    press(ben, "Hold the nearest instead")
    expect(ben.notices).to_contain_text("instead.")
    expect(ben.basket.locator("li")).to_have_count(2)
    expect(ben.basket).to_contain_text("B-1")
    expect(ben.basket).not_to_contain_text("C-1")


def test_a_requested_seat_changes_at_once_and_changes_back_when_refused(
    site: Site, window: Windows, ann: Window
) -> None:
    ben = window(site)
    kept_back: list[Callable[[], None]] = []

    def route(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def to_page(message: str | bytes) -> None:
            if says(message, "delta"):
                return  # ben sees no news
            if says(message, "refused"):
                kept_back.append(lambda: route.send(message))
            else:
                route.send(message)

        server.on_message(to_page)

    ben.page.route_web_socket(SOCKETS, route)
    ben.open_map(LOUNGE)
    ann.click("C-1")
    in_basket(ann, "C-1")
    ben.click("C-1")
    ben.expect_seats(C1="asking")
    ben.wait_until(lambda: kept_back)
    expect(ben.notices).to_be_empty()
    kept_back[0]()
    ben.expect_seats(C1="free")  # as ben's map has it, without news
    expect(ben.notices).to_contain_text("C-1 is being held by someone else.")
    expect(ben.notices).to_contain_text("Someone else was a moment faster.")


def test_a_message_about_a_seat_disappears_when_it_is_no_longer_true(site: Site, window: Windows, ann: Window) -> None:
    ben = visit(site, window)
    ben.click("C-1")
    ann.expect_seats(C1="held")
    ann.click("C-1")
    expect(ann.notices).to_contain_text("C-1: held by someone else.")
    ben.expect_seats(C1="mine")  # what is asked for is not given back
    ben.click("C-1")
    ann.expect_seats(C1="free")
    expect(ann.notices).to_be_empty()


def test_a_message_about_a_taken_seat_disappears_with_the_next_choice(site: Site, window: Windows, ann: Window) -> None:
    ben = visit(site, window)
    ben.click("C-1")
    ann.expect_seats(C1="held")
    ann.click("C-1")
    expect(ann.notices).to_contain_text("C-1: held by someone else.")
    ann.click("B-1")
    in_basket(ann, "B-1")
    expect(ann.notices).to_be_empty()


def test_a_repeated_refusal_is_shown_once(ann: Window) -> None:
    ann.click("A-1")
    expect(ann.part("notice")).to_have_count(1)
    watch = """notices => {
      window.most = 1;
      const count = () => { window.most = Math.max(window.most, notices.children.length); };
      new MutationObserver(count).observe(notices, { childList: true });
      return notices.firstChild;
    }"""
    first = ann.notices.evaluate_handle(watch)
    ann.click("A-1")
    ann.page.wait_for_function("notice => !notice.isConnected", arg=first)
    expect(ann.part("notice")).to_have_count(1)
    assert ann.page.evaluate("window.most") == 1
    press(ann, "One of us uses a wheelchair")
    in_basket(ann, "A-1")
    expect(ann.part("notice")).to_have_count(0)


def test_seats_kept_for_another_channel_look_blocked_and_say_why(site: Site, ann: Window) -> None:
    site.change_allocations(LOUNGE, action="allocate", channel="box-office", seats=["C-7", "C-8"], reason="guests")
    ann.expect_seats(C7="allocated", C8="allocated")
    expect(ann.part("signs").locator("li[data-state=blocked]")).to_have_text("Not for sale 2")
    ann.click("C-7")
    expect(ann.cell("C-7")).to_have_attribute("aria-label", re.compile("not sold here"))
    expect(ann.notices).to_contain_text("C-7: not sold here.")


def test_a_sofa_shows_its_price_per_seat(ann: Window) -> None:
    prices = ann.part("prices").get_by_role("listitem")
    expect(prices.filter(has_text="Sofa")).to_contain_text("€16.00 per seat")
    expect(prices.filter(has_text="Standard")).not_to_contain_text("per seat")
    at = ann.place("D-1")
    ann.page.mouse.move(at["x"], at["y"])
    expect(ann.part("tip")).to_have_text("D-1 · sofa, sold together with D-2 · Sofa · €16.00 per seat · free")


def test_the_legend_counts_nothing_until_the_seats_are_known(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = window(site)
    silent: list[WebSocketRoute] = []
    ann.page.route_web_socket(SOCKETS, lambda socket: silent.append(socket))
    ann.open(f"/showtimes/{LOUNGE}")
    ann.wait_until(lambda: silent)
    ann.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    counts = ann.part("signs").locator("b").or_(ann.part("prices").locator("span.quiet")).all()
    assert counts
    for count in counts:
        expect(count).to_be_hidden()


def test_the_legend_explains_the_symbols_of_this_hall(ann: Window) -> None:
    signs = ann.part("signs")
    expect(signs).to_contain_text("Wheelchair place")
    expect(signs).to_contain_text("Companion seat")
    ann.open_map()  # a hall with wheelchair places only
    expect(signs).to_contain_text("Wheelchair place")
    expect(signs).not_to_contain_text("Companion")


def test_a_hold_that_a_block_ends_is_announced(site: Site, ann: Window) -> None:
    ann.click("C-1", "C-2")
    in_basket(ann, "C-1", "C-2")
    site.change_allocations(LOUNGE, action="block", seats=["C-2"], reason="broken")
    expect(ann.notices).to_contain_text("The cinema took")
    ann.expect_seats(C1="free", C2="blocked")


# ---------------------------------------------------------------- places without numbers


def test_places_of_an_area_are_chosen_by_buttons_and_counted_live(site: Site, window: Windows, ann: Window) -> None:
    ben = visit(site, window)
    more = area(ann).get_by_role("button", name="One more place in Lawn")
    more.focus()
    for _ in range(3):
        ann.page.keyboard.press("Enter")
    in_basket(ann, "Lawn", "Lawn", "Lawn")
    expect(area(ann).locator("output")).to_have_text("3")
    expect(area(ben)).to_contain_text(f"{BEANBAGS - 3} left")
    ann.page.get_by_label("Ticket for Lawn").last.select_option("child")
    expect(ann.basket).to_contain_text("Book for €19.50")
    area(ann).get_by_role("button", name="One fewer place in Lawn").click()
    in_basket(ann, "Lawn", "Lawn")
    expect(area(ben)).to_contain_text(f"{BEANBAGS - 2} left")
    for _ in range(BEANBAGS - 2):
        area(ben).get_by_role("button", name="One more place").click()
    expect(area(ann)).to_contain_text("full")
    expect(area(ann).get_by_role("button", name="One more place")).to_have_attribute("aria-disabled", "true")
    press(ann, "Book for")
    expect(ann.notices).to_contain_text("Booked: 2 × Lawn.")


def test_a_place_that_was_just_taken_is_refused_with_its_reason(site: Site, window: Windows, ann: Window) -> None:
    ben = without_news(site, window)
    for _ in range(BEANBAGS):
        area(ann).get_by_role("button", name="One more place").click()
    expect(area(ann).locator("output")).to_have_text(str(BEANBAGS))
    area(ben).get_by_role("button", name="One more place").click()
    expect(ben.notices).to_contain_text("Lawn is full.")


def test_a_hall_with_only_an_area_can_be_sold(site: Site, window: Windows) -> None:
    field = GeneralArea(key="field", name="Field", category="field", capacity=50, x=0, y=3, width=10, height=5)
    hall = SeatMap.build(
        name="Open air",
        categories=[Category(key="field", name="Field", color="#009e73")],
        screen=Screen(x=0, y=0, width=8),
        seats=[],
        general_areas=[field],
    )
    site.put_showtime("open-air", hall, prices={"field": 900})
    ann = window(site)
    ann.open_map("open-air")
    expect(ann.part("search")).to_be_hidden()
    ann.part("hall").locator("canvas").click(position={"x": 300, "y": 300})
    ann.page.keyboard.press("Enter")
    press(ann, "Book for €9.00")
    expect(ann.notices).to_contain_text("Booked: 1 × Field.")


def test_a_full_hall_does_not_ask_the_visitor_to_choose(site: Site, window: Windows) -> None:
    hall = SeatMap.build(
        name="Loft",
        categories=[Category(key="seat", name="Seat", color="#009e73")],
        screen=Screen(x=0, y=0, width=8),
        seats=[Seat(row="A", number="1", x=0, y=2, category="seat")],
        general_areas=[GeneralArea(key="rug", name="Rug", category="seat", capacity=1, x=0, y=4, width=3, height=2)],
    )
    site.put_showtime("loft", hall, prices={"seat": 900})
    ann, ben = window(site), window(site)
    for visitor in (ann, ben):
        visitor.open_map("loft")
    expect(ann.basket).to_contain_text("Choose a free seat to hold it.")
    ben.click("A-1")
    ann.expect_seats(A1="held")
    expect(ann.basket).to_contain_text("Choose a free seat to hold it.")
    press(ben, "One more place in Rug")
    expect(ann.basket).to_contain_text("All seats are taken.")
    in_basket(ben, "A-1", "Rug")
    ben.click("A-1")
    expect(ann.basket).to_contain_text("Choose a free seat to hold it.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_a_narrow_phone(site: Site, window: Windows, scheme: str) -> None:
    open_lounge(site)
    ann = visit(site, window, viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    ann.page.get_by_role("button", name="Find seats").tap()
    expect(ann.basket.get_by_role("button", name="Book")).to_be_in_viewport(ratio=1)
    expect(ann.basket.locator(".sum")).to_have_text("2 tickets €21.00")
    expect(ann.basket.locator(".fees")).to_be_hidden()
    ann.part("opener").tap()
    for what in (".fees", ".total", "li >> nth=0", "li >> nth=1"):
        expect(ann.basket.locator(what)).to_be_in_viewport(ratio=1)
    for name in ("More time", "Clear basket", "Book"):
        expect(ann.basket.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    ann.part("opener").tap()
    top = ann.part("hall").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 740 / 2
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 360


def test_longer_german_texts_fit_a_narrow_phone_too(site: Site, window: Windows) -> None:
    open_lounge(site)
    ann = visit(site, window, viewport={"width": 320, "height": 740}, has_touch=True)
    ann.map.evaluate("map => { map.lang = 'de'; }")
    ann.part("finder").tap()
    for name in ("Plätze finden", "Vergleichen"):
        expect(ann.page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
