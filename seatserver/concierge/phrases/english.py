"""The concierge's English."""

from __future__ import annotations

from collections.abc import Sequence

from seatserver.concierge.phrases.money import money
from seatserver.concierge.reasons import Part, Reasons
from seatserver.concierge.wishes.model import Depth, Doubt, Side, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.errors import SeatServerError
from seatserver.money import digits_of

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
DEPTHS = {
    Depth.FIRST: "in the first row", Depth.FRONT: "in the front", Depth.MIDDLE: "in the middle rows",
    Depth.BACK: "at the back", Depth.LAST: "in the last row",
}  # fmt: skip
SIDES = {Side.LEFT: "on the left", Side.RIGHT: "on the right"}
GIVEN_UP = {
    "cheap": "the cheapest seats are taken",
    "side": "nothing suitable is free on that side",
    "edge": "nothing suitable is free in the very first or last row",
    "depth": "nothing suitable is free in that part of the hall",
    "rows": "nothing suitable is free in those rows",
    "categories": "nothing suitable is free in that area",
    "together": "there is no single row with enough free seats",
    "aisle": "nothing suitable by an aisle is free",
}
DOUBTS = {
    "row": "There is no row {}.",
    "currency": "Prices here are in another currency, so I left out “{}”.",
    "ticket": "There is no ticket for “{}” here, so I took the usual one.",
    "unnumbered": "The places in “{}” have no numbers: please choose them below the map.",
    "party": "I can seat at most 50 people at once.",
}
SAID = {
    "how_many": "For how many people?",
    "help": "Tell me how many you are and what you would like: by the aisle, in the middle, at the back, a row, "
    "a wheelchair, children, a price limit. Then say “take the first one”, “something else” or “give them back”.",
    "no_offer": "There is nothing to hold yet: tell me what you would like first.",
    "which": "There is no such offer. Which one would you like?",
    "released": "Done: the seats are free again.",
    "held": "To book, use the button below your seats.",
    "not_held": "I have not held them yet: say “take the first one” if they suit you.",
    "nothing_held": "You hold no seats.",
    "book": "Booking is up to you: use the button below your seats.",
    "no_others": "I have nothing else that suits.",
    "nothing": "I did not find a wish in that. For example: “Two seats in the middle, under 30 euros”.",
}
FAILURES = {
    "nobody_comes": SAID["how_many"],
    "not_on_sale": "Tickets for this showtime are not on sale now.",
    "busy": "A lot is going on right now. Please try again in a moment.",
    "unavailable": "I cannot see the seats at the moment. Please try again shortly.",
    "forbidden": "You can look at seats here, but not hold them.",
    "hold_gone": "Those seats are no longer yours.",
    "hold_pinned": "These seats are being booked right now.",
    "slow": "That took too long. Please try again.",
}
RULES = {
    "unknown": "One of these tickets is no longer sold.",
    "category": "These tickets are not all sold for the same seats.",
    "at_most": "That is more tickets of one kind than are allowed in one booking.",
    "only_with": "Some of these tickets are sold only together with a ticket for somebody who comes along.",
    "per_companion": "There are too many tickets of one kind for those who come along.",
}
REFUSALS = {
    "limit": "That is more seats than you may hold.",
    "cooling": "You have held those seats for too long; others may have them for a while.",
    "gap": "That would leave a single seat over.",
}


class English:
    """English sentences."""

    def wish(self, wish: Wish, names: Names) -> str:
        """What was understood."""
        said = [f"for {number(wish.people)}"] if wish.people else []
        if wish.wheelchairs:
            said.append(
                "one of you in a wheelchair" if wish.wheelchairs == 1 else f"{number(wish.wheelchairs)} in wheelchairs"
            )
        said += [f"{count} × {names.ticket_names.get(key, key)}" for key, count in wish.tickets.items()]
        said += [f"in {name}" for name in names.of_places(wish)]
        if wish.rows:
            said.append(
                f"in row {' or '.join(wish.rows)}"
                if len(wish.rows) <= 3
                else f"in rows {wish.rows[0]} to {wish.rows[-1]}"
            )
        said += [DEPTHS[wish.depth]] if wish.depth else []
        said += [f"not {DEPTHS[depth]}" for depth in wish.avoid]
        said += [SIDES[wish.side]] if wish.side else []
        said += [
            text
            for wanted, text in (
                (wish.centre, "in the middle"),
                (wish.aisle, "by the aisle"),
                (wish.together, "in one row"),
                (wish.cheap, "as cheap as possible"),
            )
            if wanted
        ]
        if wish.limit is not None:
            most = money(wish.limit.minor, names.currency, names.digits, comma=False)
            said.append(f"up to {most} {'a ticket' if wish.limit.each else 'in all'}")
        text = ", ".join(said)
        return f"{text[0].upper()}{text[1:]}." if said else ""

    def best(self, reasons: Reasons, others: int) -> str:
        """The best offer and why."""
        price = money(reasons.total_minor, reasons.currency, reasons.currency_digits, comma=False)
        more = "" if not others else " There is another one." if others == 1 else f" There are {number(others)} others."
        return f"The best: {self.seats(reasons)} – {', '.join(_why(reasons))}, {price} in all.{more}"

    def reason(self, reasons: Reasons) -> str:
        """Why these."""
        text = ", ".join(_why(reasons))
        return f"{text[0].upper()}{text[1:]}."

    def seats(self, reasons: Reasons) -> str:
        """The seats, part by part."""
        return " and ".join(map(_part, reasons.parts))

    def held(self, reasons: Reasons) -> str:
        """They are held."""
        price = money(reasons.total_minor, reasons.currency, reasons.currency_digits, comma=False)
        return f"Held for you: {self.seats(reasons)}, {price} in all. {SAID['held']}"

    def given_up(self, names: Sequence[str]) -> str:
        """What is missing."""
        said = [GIVEN_UP[name] for name in names if name != "edge" or "depth" not in names]
        return f"{' and '.join(said).capitalize()}, so this is the nearest." if said else ""

    def not_understood(self, words: Sequence[str]) -> str:
        """Which words."""
        return f"I did not understand {_quoted(words)}." if words else ""

    def doubts(self, doubts: Sequence[Doubt]) -> str:
        """What cannot be met."""
        return " ".join(dict.fromkeys(DOUBTS[doubt.kind].format(doubt.about) for doubt in doubts))

    def failure(self, error: SeatServerError, currency: str) -> str:
        """Why not."""
        facts = error.facts
        if error.code == "no_seats_together":
            groups = facts.get("groups_of")
            only = f" They are sold only in groups of {number(groups)}." if groups else ""
            return f"I cannot find {number(facts['count'])} free seat{'s' * (facts['count'] > 1)} like that.{only}"
        if error.code == "too_dear":
            least = money(facts["least_minor"], currency, digits_of(currency), comma=False)
            return f"Nothing is sold for so little: {least} is the least in all."
        if error.code == "tickets_refused":
            return RULES.get(facts.get("rule", ""), RULES["unknown"])
        if error.code == "seats_refused":
            reasons = [reason for _, reason in facts.get("seats", ())]
            return next((REFUSALS[reason] for reason in reasons if reason in REFUSALS), "Those seats have just gone.")
        return FAILURES.get(error.code, "That did not work. Please try again.")

    def say(self, name: str) -> str:
        """A fixed sentence."""
        return SAID[name]


def number(count: int | None) -> str:
    """Small numbers as words."""
    return NUMBERS[count] if count is not None and 0 <= count < len(NUMBERS) else str(count)


def ordinal(count: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    ending = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


def _why(reasons: Reasons) -> list[str]:
    why = [_together(reasons), f"{ordinal(reasons.row)} row of {reasons.rows}"]
    if reasons.aisle or reasons.end:
        why.append("by the aisle" if reasons.aisle else "at the end of the row")
    if reasons.wheelchairs:
        why.append(
            "with a wheelchair place"
            if reasons.wheelchairs == 1
            else f"with {number(reasons.wheelchairs)} wheelchair places"
        )
    away = reasons.from_best_view
    why.append(
        "right where the view is best"
        if not away
        else f"about {number(away)} seat{'s' * (away > 1)} from the best view"
    )
    if reasons.over:
        why.append("though a seat would be left over")
    return [text for text in why if text]


def _part(part: Part) -> str:
    if part.count == 1:
        return f"row {part.row}, seat {part.first}"
    return f"row {part.row}, seats {part.first} {'and' if part.count == 2 else 'to'} {part.last}"


def _together(reasons: Reasons) -> str:
    if reasons.alone:
        return f"{number(reasons.alone)} of you alone"
    if len(reasons.parts) > 1:
        return f"in {number(len(reasons.parts))} groups close to each other"
    return "side by side" if reasons.parts[0].count > 1 else ""


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)
