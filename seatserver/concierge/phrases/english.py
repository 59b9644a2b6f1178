"""The concierge's English."""

from __future__ import annotations

from seatserver.concierge.phrases.language import Counted, Vocabulary
from seatserver.concierge.wishes.model import Depth, Side


def ordinal(count: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    ending = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


ENGLISH = Vocabulary(
    code="en",
    numbers="no one two three four five six seven eight nine ten eleven twelve".split(),
    nth=ordinal,
    comma=False,
    both=" and ",
    quoted="“{word}”",
    people=Counted("for one", "for {number}"),
    in_wheelchairs=Counted("one of you in a wheelchair", "{number} in wheelchairs"),
    in_place="in {name}",
    in_row="in row {row}",
    either=" or ",
    in_rows="in rows {first} to {last}",
    depths={
        Depth.FIRST: "in the first row",
        Depth.FRONT: "in the front",
        Depth.MIDDLE: "in the middle rows",
        Depth.BACK: "at the back",
        Depth.LAST: "in the last row",
    },
    avoided="not {depth}",
    sides={Side.LEFT: "on the left", Side.RIGHT: "on the right"},
    centre="in the middle",
    aisle="by the aisle",
    together="in one row",
    cheap="as cheap as possible",
    limit_each="up to {price} a ticket",
    limit_in_all="up to {price} in all",
    not_understood="I did not understand {quoted}.",
    doubts={
        "row": "There is no row {about}.",
        "currency": "Prices here are in another currency, so I left out “{about}”.",
        "ticket": "There is no ticket for “{about}” here, so I took the usual one.",
        "unnumbered": "The places in “{about}” have no numbers: please choose them below the map.",
        "party": "I can seat at most 50 people at once.",
    },
    best="The best: {seats} – {why}, {price} in all.",
    others=Counted("There is another one.", "There are {number} others."),
    held="Held for you: {seats}, {price} in all. To book, use the button below your seats.",
    given_up={
        "cheap": "the cheapest seats are taken",
        "side": "nothing suitable is free on that side",
        "edge": "nothing suitable is free in the very first or last row",
        "depth": "nothing suitable is free in that part of the hall",
        "rows": "nothing suitable is free in those rows",
        "categories": "nothing suitable is free in that area",
        "together": "there is no single row with enough free seats",
        "aisle": "nothing suitable by an aisle is free",
    },
    nearest="{given_up}, so this is the nearest.",
    seat="row {row}, seat {first}",
    two_seats="row {row}, seats {first} and {last}",
    more_seats="row {row}, seats {first} to {last}",
    row="{nth} row of {rows}",
    row_end="at the end of the row",
    wheelchair_places=Counted("with a wheelchair place", "with {number} wheelchair places"),
    best_view="right where the view is best",
    from_best_view=Counted("about one seat from the best view", "about {number} seats from the best view"),
    left_over="though a seat would be left over",
    alone="{number} of you alone",
    groups="in {number} groups close to each other",
    side_by_side="side by side",
    no_seats=Counted("I cannot find one free seat like that.", "I cannot find {number} free seats like that."),
    only_groups="They are sold only in groups of {number}.",
    too_dear="Nothing is sold for so little: {price} is the least in all.",
    rules={
        "unknown": "One of these tickets is no longer sold.",
        "category": "These tickets are not all sold for the same seats.",
        "at_most": "That is more tickets of one kind than are allowed in one booking.",
        "only_with": "Some of these tickets are sold only together with a ticket for somebody who comes along.",
        "per_companion": "There are too many tickets of one kind for those who come along.",
    },
    refusals={
        "limit": "That is more seats than you may hold.",
        "cooling": "You have held those seats for too long; others may have them for a while.",
        "gap": "That would leave a single seat over.",
    },
    seats_gone="Those seats have just gone.",
    failures={
        "nobody_comes": "For how many people?",
        "not_on_sale": "Tickets for this showtime are not on sale now.",
        "busy": "A lot is going on right now. Please try again in a moment.",
        "unavailable": "I cannot see the seats at the moment. Please try again shortly.",
        "forbidden": "You can look at seats here, but not hold them.",
        "hold_gone": "Those seats are no longer yours.",
        "hold_pinned": "These seats are being booked right now.",
        "slow": "That took too long. Please try again.",
    },
    failed="That did not work. Please try again.",
    said={
        "help": "Tell me how many you are and what you would like: by the aisle, in the middle, at the back, a row, "
        "a wheelchair, children, a price limit. Then say “take the first one”, “something else” or “give them back”.",
        "no_offer": "There is nothing to hold yet: tell me what you would like first.",
        "which": "There is no such offer. Which one would you like?",
        "released": "Done: the seats are free again.",
        "not_held": "I have not held them yet: say “take the first one” if they suit you.",
        "nothing_held": "You hold no seats.",
        "book": "Booking is up to you: use the button below your seats.",
        "no_others": "I have nothing else that suits.",
        "nothing": "I did not find a wish in that. For example: “Two seats in the middle, under 30 euros”.",
        "budget": "The assistant has been asked enough for today, so I answer by fixed rules.",
        "busy": "The assistant is talking to many others, so I answer by fixed rules.",
        "away": "The assistant cannot be reached, so I answer by fixed rules.",
        "slow": "The assistant took too long, so I answer by fixed rules.",
        "stopped": "The assistant does not answer that, so I answer by fixed rules.",
        "confused": "The assistant did not get there, so I answer by fixed rules.",
        "unfounded": "… I leave out what I could not check.",
        "broken_off": "The assistant broke off here. What you hold is shown under the map.",
    },
)
