"""The concierge's German."""

from __future__ import annotations

from collections.abc import Sequence

from seatserver.concierge.phrases.money import money
from seatserver.concierge.reasons import Part, Reasons
from seatserver.concierge.wishes.model import Depth, Doubt, Side, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.errors import SeatServerError
from seatserver.money import digits_of

NUMBERS = ("keine", "eine", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf")
DEPTHS = {
    Depth.FIRST: "in der ersten Reihe", Depth.FRONT: "vorne", Depth.MIDDLE: "in den mittleren Reihen",
    Depth.BACK: "hinten", Depth.LAST: "in der letzten Reihe",
}  # fmt: skip
SIDES = {Side.LEFT: "links", Side.RIGHT: "rechts"}
GIVEN_UP = {
    "cheap": "die günstigsten Plätze sind vergeben",
    "side": "auf dieser Seite ist nichts Passendes frei",
    "edge": "in der allerersten oder letzten Reihe ist nichts Passendes frei",
    "depth": "in diesem Teil des Saals ist nichts Passendes frei",
    "rows": "in diesen Reihen ist nichts Passendes frei",
    "categories": "in diesem Bereich ist nichts Passendes frei",
    "together": "keine Reihe hat genug freie Plätze",
    "aisle": "am Gang ist nichts Passendes frei",
}
DOUBTS = {
    "row": "Eine Reihe {} gibt es nicht.",
    "currency": "Hier gilt eine andere Währung, deshalb habe ich „{}“ weggelassen.",
    "ticket": "Für „{}“ gibt es hier kein eigenes Ticket, deshalb habe ich das übliche genommen.",
    "unnumbered": "Die Plätze in „{}“ haben keine Nummern: Bitte wählen Sie sie unter dem Plan.",
    "party": "Ich kann höchstens 50 Personen auf einmal setzen.",
}
SAID = {
    "how_many": "Für wie viele Personen?",
    "help": "Sagen Sie mir, wie viele Sie sind und was Sie möchten: am Gang, in der Mitte, hinten, eine Reihe, "
    "einen Rollstuhlplatz, Kinder, einen Höchstpreis. Danach: „Nimm das erste“, „Etwas anderes“ oder „Gib sie zurück“.",
    "no_offer": "Noch habe ich nichts zum Halten: Sagen Sie mir zuerst, was Sie möchten.",
    "which": "Dieses Angebot gibt es nicht. Welches möchten Sie?",
    "released": "Erledigt: Die Plätze sind wieder frei.",
    "held": "Buchen können Sie mit dem Knopf unter Ihren Plätzen.",
    "not_held": "Gehalten habe ich sie noch nicht: Sagen Sie „Nimm das erste“, wenn sie Ihnen passen.",
    "nothing_held": "Sie halten keine Plätze.",
    "book": "Das Buchen ist Ihre Sache: mit dem Knopf unter Ihren Plätzen.",
    "no_others": "Sonst habe ich nichts Passendes.",
    "nothing": "Darin habe ich keinen Wunsch gefunden. Zum Beispiel: „Zwei Plätze in der Mitte, unter 30 Euro“.",
}
FAILURES = {
    "nobody_comes": SAID["how_many"],
    "not_on_sale": "Tickets für diese Vorstellung werden gerade nicht verkauft.",
    "busy": "Gerade ist viel los. Bitte versuchen Sie es gleich noch einmal.",
    "unavailable": "Ich kann die Plätze gerade nicht sehen. Bitte versuchen Sie es gleich noch einmal.",
    "forbidden": "Sie können hier Plätze ansehen, aber nicht halten.",
    "hold_gone": "Diese Plätze gehören Ihnen nicht mehr.",
    "hold_pinned": "Diese Plätze werden gerade gebucht.",
    "slow": "Das hat zu lange gedauert. Bitte versuchen Sie es noch einmal.",
}
RULES = {
    "unknown": "Eines dieser Tickets wird nicht mehr verkauft.",
    "category": "Diese Tickets gibt es nicht alle für dieselben Plätze.",
    "at_most": "Das sind mehr Tickets einer Art, als in einer Buchung erlaubt sind.",
    "only_with": "Einige dieser Tickets gibt es nur zusammen mit einem Ticket für eine Begleitung.",
    "per_companion": "Das sind zu viele Tickets einer Art für die Begleitpersonen.",
}
REFUSALS = {
    "limit": "Das sind mehr Plätze, als Sie halten dürfen.",
    "cooling": "Diese Plätze haben Sie schon zu lange gehalten; jetzt dürfen andere sie eine Weile haben.",
    "gap": "Dabei bliebe ein einzelner Platz übrig.",
}


class German:
    """German sentences."""

    def wish(self, wish: Wish, names: Names) -> str:
        """What was understood."""
        said = [f"für {people(wish.people)}"] if wish.people else []
        if wish.wheelchairs:
            said.append(
                "davon eine im Rollstuhl" if wish.wheelchairs == 1 else f"davon {number(wish.wheelchairs)} im Rollstuhl"
            )
        said += [f"{count} × {names.ticket_names.get(key, key)}" for key, count in wish.tickets.items()]
        said += [f"in {name}" for name in names.of_places(wish)]
        if wish.rows:
            said.append(
                f"in Reihe {' oder '.join(wish.rows)}"
                if len(wish.rows) <= 3
                else f"in den Reihen {wish.rows[0]} bis {wish.rows[-1]}"
            )
        said += [DEPTHS[wish.depth]] if wish.depth else []
        said += [f"nicht {DEPTHS[depth]}" for depth in wish.avoid]
        said += [SIDES[wish.side]] if wish.side else []
        said += [
            text
            for wanted, text in (
                (wish.centre, "in der Mitte"),
                (wish.aisle, "am Gang"),
                (wish.together, "in einer Reihe"),
                (wish.cheap, "so günstig wie möglich"),
            )
            if wanted
        ]
        if wish.limit is not None:
            most = money(wish.limit.minor, names.currency, names.digits, comma=True)
            said.append(f"höchstens {most} {'je Ticket' if wish.limit.each else 'zusammen'}")
        text = ", ".join(said)
        return f"{text[0].upper()}{text[1:]}." if said else ""

    def best(self, reasons: Reasons, others: int) -> str:
        """The best offer and why."""
        price = money(reasons.total_minor, reasons.currency, reasons.currency_digits, comma=True)
        more = (
            ""
            if not others
            else " Es gibt noch ein Angebot."
            if others == 1
            else f" Es gibt noch {number(others)} andere."
        )
        return f"Am besten: {self.seats(reasons)} – {', '.join(_why(reasons))}, zusammen {price}.{more}"

    def reason(self, reasons: Reasons) -> str:
        """Why these."""
        text = ", ".join(_why(reasons))
        return f"{text[0].upper()}{text[1:]}."

    def seats(self, reasons: Reasons) -> str:
        """The seats, part by part."""
        return " und ".join(map(_part, reasons.parts))

    def held(self, reasons: Reasons) -> str:
        """They are held."""
        price = money(reasons.total_minor, reasons.currency, reasons.currency_digits, comma=True)
        return f"Für Sie gehalten: {self.seats(reasons)}, zusammen {price}. {SAID['held']}"

    def given_up(self, names: Sequence[str]) -> str:
        """What is missing."""
        text = " und ".join(GIVEN_UP[name] for name in names if name != "edge" or "depth" not in names)
        return f"{text[0].upper()}{text[1:]}, deshalb dies als Nächstes." if text else ""

    def not_understood(self, words: Sequence[str]) -> str:
        """Which words."""
        return f"{', '.join(f'„{word}“' for word in words)} habe ich nicht verstanden." if words else ""

    def doubts(self, doubts: Sequence[Doubt]) -> str:
        """What cannot be met."""
        return " ".join(dict.fromkeys(DOUBTS[doubt.kind].format(doubt.about) for doubt in doubts))

    def failure(self, error: SeatServerError, currency: str) -> str:
        """Why not."""
        facts = error.facts
        if error.code == "no_seats_together":
            groups = facts.get("groups_of")
            only = f" Es gibt sie nur in Gruppen zu {groups}." if groups else ""
            if facts["count"] == 1:
                return f"Ich finde keinen solchen freien Platz.{only}"
            return f"So finde ich keine {number(facts['count'])} freien Plätze.{only}"
        if error.code == "too_dear":
            least = money(facts["least_minor"], currency, digits_of(currency), comma=True)
            return f"So günstig gibt es nichts: Zusammen sind es mindestens {least}."
        if error.code == "tickets_refused":
            return RULES.get(facts.get("rule", ""), RULES["unknown"])
        if error.code == "seats_refused":
            reasons = [reason for _, reason in facts.get("seats", ())]
            return next((REFUSALS[reason] for reason in reasons if reason in REFUSALS), "Diese Plätze sind gerade weg.")
        return FAILURES.get(error.code, "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.")

    def say(self, name: str) -> str:
        """A fixed sentence."""
        return SAID[name]


def number(count: int | None) -> str:
    """Small numbers as words."""
    return NUMBERS[count] if count is not None and 0 <= count < len(NUMBERS) else str(count)


def people(count: int | None) -> str:
    """How many people."""
    return "eine Person" if count == 1 else f"{number(count)} Personen"


def _why(reasons: Reasons) -> list[str]:
    why = [_together(reasons), f"{reasons.row}. Reihe von {reasons.rows}"]
    if reasons.aisle or reasons.end:
        why.append("am Gang" if reasons.aisle else "am Ende der Reihe")
    if reasons.wheelchairs:
        why.append(
            "mit einem Rollstuhlplatz"
            if reasons.wheelchairs == 1
            else f"mit {number(reasons.wheelchairs)} Rollstuhlplätzen"
        )
    away = reasons.from_best_view
    far = "einen Platz" if away == 1 else f"{number(away)} Plätze"
    why.append("mit der besten Sicht" if not away else f"etwa {far} neben der besten Sicht")
    if reasons.over:
        why.append("allerdings bliebe ein Platz übrig")
    return [text for text in why if text]


def _part(part: Part) -> str:
    if part.count == 1:
        return f"Reihe {part.row}, Platz {part.first}"
    return f"Reihe {part.row}, Plätze {part.first} {'und' if part.count == 2 else 'bis'} {part.last}"


def _together(reasons: Reasons) -> str:
    if reasons.alone:
        return f"{number(reasons.alone)} davon einzeln"
    if len(reasons.parts) > 1:
        return f"in {number(len(reasons.parts))} Gruppen nahe beieinander"
    return "nebeneinander" if reasons.parts[0].count > 1 else ""
