"""The patterns of the wish language, English and German side by side.

They match words as `tokens` shows them: folded, numbers as ``#4``, articles as ``@``. Each table is one kind of wish.
To teach the parser a new way to say something, add it here and a sentence to its tests.

A repeated group has a bound (``{0,6}``, never ``*``): alternatives overlap here, and trying all ways to match a word many
times over would take exponential time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NUMBER = r"(?P<n>#\d+|@)"
COUNT = r"(?P<n>#\d+)"
NOT = r"(?:not|no|never|nicht|nur nicht|don't want|kein\w*|ohne|without|avoid)"
DEGREE = r"(?:too|so|very|all|zu|ganz|allzu|direkt|directly|right|weit|far|close|near|nah\w*|sehr|really)"
TOWARDS = r"(?:in|at|to|up|on|an|am|im|near|close|by|the|der|den|dem|die|das|zur|zum|vor|of|von|@)"


def words(pattern: str) -> re.Pattern[str]:
    """A pattern for whole words."""
    return re.compile(rf"(?<= )(?:{pattern})(?= )")


def any_of(phrases: Iterable[str]) -> str:
    """A pattern for any of these phrases, the longest first."""
    return "|".join(re.escape(phrase) for phrase in sorted(set(phrases), key=lambda one: (-len(one), one)))


# fmt: off
# ---------------------------------------------------------------- rows and depth

ROW_NAME = r"#?[a-z0-9]{1,3}"
ROW_LETTER = words(r"(?:row|rows|reihe|reihen) @(?: (?:to|bis|and|und|or|oder|-) @)?")
ROWS = words(
    rf"(?:rows?|reihen?) (?P<first>{ROW_NAME}) (?:to|bis|through) (?P<last>{ROW_NAME})"
    rf"|(?:rows|reihen) (?P<one>{ROW_NAME}) (?P<other>#\d+|[a-z])"
    rf"|(?:rows?|reihen?) (?P<only>{ROW_NAME})(?: (?:and|und|or|oder) (?:row |reihe )?(?P<more>#\d+|[a-z]))?"
)
FRONT = r"(?:front|vorn|vorne|vorderen?|screen|leinwand|front rows?|vordere\w* reihen?|first rows|ersten reihen)"
BACK = r"(?:back|rear|hinten|hintere\w*|back rows|hintere\w* reihen?|last rows|letzten reihen)"
FAR_FROM_SCREEN = (
    r"(?:far|weit|further|farther)(?: away| weg| entfernt)? (?:from|von)(?: the| der)? (?:screen|leinwand)"
)
SHIFTS = {
    "backward": words(r"(?:further|farther|weiter|more|mehr)(?: nach| to| to the| towards the)? (?:back|hinten)"),
    "forward": words(
        r"(?:further|farther|weiter|more|mehr)(?: nach| to| to the| towards the)? (?:forward|front|vorne?)"
        r"|closer(?: to the screen)?|naeher(?: an die leinwand| ran)?"
    ),
}
AVOIDED = {
    "first": words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}) ){{0,6}}(?:first row|front row|erste\w* reihe|vorderste\w* reihe)"),
    "last": words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}) ){{0,6}}(?:last row|back row|letzte\w* reihe|hinterste\w* reihe)"),
    "back": words(
        rf"{NOT} (?:{DEGREE} ){{0,6}}{FAR_FROM_SCREEN}|{NOT} (?:(?:{DEGREE}|{TOWARDS}|sitting|sit|sitzen) ){{0,6}}{BACK}"
    ),
    "front": words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}|sitting|sit|sitzen) ){{0,6}}{FRONT}"),
}
DEPTHS = {
    "first": words(
        r"(?:very|ganz|all the way|vorderste\w*|direkt) (?:(?:in|at|the|to|der) ){0,6}(?:front|vorne?)"
        r"|first row|front row|erste\w* reihe|vorderste\w* reihe"
    ),
    "last": words(
        r"(?:very|ganz|all the way|right) (?:(?:in|at|the|to) ){0,6}(?:back|rear|hinten)"
        r"|last row|back row|letzte\w* reihe|hinterste\w* reihe|(?:as )?far(?:thest)? back(?: as possible)?"
    ),
    "middle": words(r"middle rows?|mittlere\w* reihen?|middle of the hall|mitte des saals|halfway(?: back)?"),
    "back": words(rf"{FAR_FROM_SCREEN}|(?:{TOWARDS} ){{0,6}}{BACK}"),
    "front": words(rf"(?:(?:{TOWARDS}|nah|nahe|near|close|next) ){{0,6}}{FRONT}"),
}

# ---------------------------------------------------------------- sideways

AISLE = r"(?:aisles?|gang|gangplatz|gangplaetze|gangnah|randplatz|randplaetze|rand|edge|aussen|end of (?:the|@) row)"
NOT_AISLE = words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}) ){{0,6}}{AISLE}")
ON_AISLE = words(AISLE)
CENTRE = words(
    r"(?:(?:right|genau|direkt|exakt|dead|very|ganz) )?(?:(?:in|the|der|at) ){0,6}(?:middle|centre|center|central\w*|mitte"
    r"|mittig\w*|zentral\w*|centered|mittelplaetze)|(?:the )?best view|beste sicht"
)
NOT_CENTRE = words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}) ){{0,6}}(?:middle|centre|center|mitte)")
SIDES = {
    "left": words(r"left (?:hand )?(?:side|half|block)|(?:on|to|at) (?:the )?left(?: (?:hand )?(?:side|half|block))?|links|linke\w*(?: seite| haelfte| block)?"),
    "right": words(
        r"right (?:hand )?(?:side|half|block)|(?:on|to|at) (?:the )?right(?! (?:in|at|by))(?: (?:hand )?(?:side|half|block))?"
        r"|rechts|rechte\w*(?: seite| haelfte| block)?"
    ),
}
TOGETHER = words(
    r"(?:all |alle )?(?:together|side by side|next to (?:each other|one another)|nebeneinander|zusammen|beieinander"
    r"|beisammen|adjacent|in (?:one|#1|the same|@|einer|derselben|der gleichen) (?:row|reihe)|nicht getrennt|not apart)"
)

# ---------------------------------------------------------------- money

CURRENCIES = {
    "EUR": ("€", "euro", "euros", "eur", "ocken"), "USD": ("$", "dollar", "dollars", "usd", "bucks"),
    "GBP": ("£", "pound", "pounds", "gbp", "quid", "pfund"), "CHF": ("chf", "franken", "francs", "stutz"),
}
ANY_CURRENCY = rf"(?P<currency>{any_of(word for named in CURRENCIES.values() for word in named)})"
EACH = (
    r"each|apiece|per (?:person|head|ticket|seat|@)|@ (?:head|person|seat|ticket|piece)"
    r"|pro (?:person|kopf|nase|karte|ticket|platz)|je(?:weils|der|de|dem)?(?: person| karte| ticket| platz)?"
)
WHOLE = r"in total|total|altogether|all in|insgesamt|zusammen|gesamt|for all(?: of us)?|fuer alle|in all|alles zusammen"
SURELY_MONEY = (
    r"under|below|less than|unter|weniger als|@ budget of|budget of|budget|budget is|not over|nicht ueber|limit"
)
AT_MOST = (
    r"under|below|less than|no more than|not more than|not over|up to|at most|max|maximum|maximal|within|unter|hoechstens"
    r"|weniger als|nicht mehr als|nicht ueber|bis zu|bis|@ budget of|budget of|budget|budget is|for|fuer|limit"
)
AMOUNT = r"#(?P<amount>\d+(?:\.\d+)?)"
AFTERWARDS = rf"(?: (?:(?P<each>{EACH})|{WHOLE}))?(?: (?:or less|max|maximum|maximal|hoechstens|at most|budget))?"
AT_LEAST = words(
    r"(?<!not )(?<!no )(?<!nicht )(?:at least|not less than|no less than|more than|over|above|mindestens|nicht weniger als|mehr als|ueber)"
    rf" (?:#\d+(?:\.\d+)? {ANY_CURRENCY}|{ANY_CURRENCY.replace('currency', 'sign')} #\d+(?:\.\d+)?)"
)
"""The least to pay, which is no wish that the search knows."""
PRICES = (
    words(rf"(?:(?P<each_first>{EACH}) )?(?:(?:not )?(?:{AT_MOST}) ){{0,6}}{AMOUNT} {ANY_CURRENCY}{AFTERWARDS}"),
    words(rf"(?:(?P<each_first>{EACH}) )?(?:(?:not )?(?:{AT_MOST}) ){{0,6}}{ANY_CURRENCY} {AMOUNT}{AFTERWARDS}"),
    words(
        rf"(?:(?P<each_first>{EACH}) )?(?:(?:not )?(?:{SURELY_MONEY}) ){{1,4}}{AMOUNT}{AFTERWARDS}"
        r"(?! (?:of|von|people|person\w*|leute\w*|seats?|tickets?|plaetze\w*|karten?|rows?|reihen?|minutes|minuten))"
    ),
)
"""With a currency after the amount, before it, or none."""
CHEAP = words(
    r"(?:as )?cheap(?:est|er|ly)?(?: as possible)?|(?:so |moeglichst |am )?(?:guenstig\w*|billig\w*|preiswert\w*)"
    r"(?: wie moeglich)?|not (?:too )?expensive|nicht (?:zu )?teuer|low price|lowest price"
)

# ---------------------------------------------------------------- who comes

WHEELS = (
    r"(?:wheelchairs?(?: users?| places?| seats?| spaces?)?|wheel chairs?|rollstuhlfahrer\w*|rollstuhlpl\w+|rollstuehlen?"
    r"|rollstuhl\w*|rollis?)"
)
NO_WHEELCHAIR = words(rf"{NOT} {WHEELS}")
WHO_USE = (
    r"(?:of (?:us|them)|von uns|von ihnen|davon|of whom|people|person|personen|friends?|freunde?|who|which|die|der)"
)
USES = r"(?:is|are|sits?|sitzt|sitzen|ist|sind|uses?|needs?|brauchen|braucht|in|im|@|einen|einem|comes?|kommt|with|mit)"
WHEELCHAIRS = (
    words(rf"(?P<n>#\d+) {WHEELS}"),
    words(rf"(?P<n>#\d+|@)(?: {WHO_USE}){{1,4}} (?:(?!with|mit){USES} ){{1,4}}{WHEELS}"),
    words(rf"(?P<n>#\d+) (?:in|im) (?:@ )?{WHEELS}"),
    words(rf"(?:@ |my |mein\w* |our |unser\w* )?{WHEELS}|wheelchair accessible|barrierefrei\w*|accessible(?: seats?| places?)?"),
)
COMPANIONS = words(rf"(?:{NUMBER} )?(?:companions?|carers?|begleitung|begleitperson(?:en)?|begleiter\w*|betreuer\w*)")

TOGETHER_AS = {
    "zweit": 2, "dritt": 3, "viert": 4, "fuenft": 5, "sechst": 6, "siebt": 7, "acht": 8, "neunt": 9, "zehnt": 10,
}
ZU_ZWEIT = words(rf"(?:wir (?:sind|kommen|waeren) )?zu (?P<word>{any_of(TOGETHER_AS)}|#\d+)")
_OF_PEOPLE = r"(?:of us|of them|von uns|people|persons?|personen|leute|leuten|guests|gaeste|menschen|pax|mann)"
_SEATS = (
    r"(?:seats?|tickets?|places?|plaetzen?|platz|sitze?|sitzplaetzen?|sitzplatz|karten?|spots?|gangplaetzen?|gangplatz"
    r"|randplaetzen?|randplatz|eintrittskarten)"
)
SEATS = (
    re.compile(rf"(?<= ){COUNT}(?= (?:(?!#|and |und )[^\s;|]+ ){{0,3}}{_SEATS} )"),
    re.compile(rf"(?<= ){NUMBER}(?= (?:(?!#|and |und )[^\s;|]+ ){{0,2}}(?:seat|ticket|place|platz|sitzplatz|karte|gangplatz|randplatz) )"),
)
"""A number before seats, which stay: "two aisle seats" says two things."""
PEOPLE = (
    words(rf"(?:@ )?(?:party|group|family|gruppe|familie|runde) (?:of|von|mit|aus|with) {COUNT}(?: (?:people|personen|leuten))?"),
    words(rf"{COUNT}(?: (?:good|nice|other|more|of))? {_OF_PEOPLE}"),
    words(rf"(?:for|fuer|we are|we're|wir sind|wir waeren|there are|there will be|es sind|us|make it|machen wir|lieber|rather"
          rf"|doch|nur|only|just) {COUNT}(?! (?:or|oder))"),
)
PEOPLE_ALONE = re.compile(
    rf"^ (?:(?:we|are|wir|sind|make|it|please|bitte|rather|lieber|just|nur|;) ){{0,6}}{COUNT} (?:(?:please|bitte|;) ){{0,6}}$"
)
LONE_NUMBER = re.compile(
    rf"(?<= )(?<!seat )(?<!platz )(?<!sitz )(?<!number )(?<!nummer )(?<!row )(?<!reihe ){COUNT}"
    r"(?= )(?! (?:o'clock|uhr|pm|am|minutes?|minuten?|hours?|stunden?|years?|jahre|jaehrige\w*|or|oder|bis|to|%|percent|prozent))"
)
"""What is left of "two, at the back": who else could it be."""
PAIR = words(
    r"(?:@ |us |our |my )?(?:couple|paerchen|liebespaar|ehepaar)|the #2 of us|uns beide|wir beide|us both|both of us"
)
ALONE = words(
    r"just me|only me|nur ich|nur fuer mich|just for me|only for me|for me|fuer mich|alleine?|on my own|by myself|solo|just one"
    r"|just #1|nur @|only #1"
)
SPEAKER = words(r"(?:and|und|with|mit) (?:i|me|ich|mir|mich|myself)|(?:i|me|ich|mir|mich) (?:and|und|with|mit|plus)")
ONE_MORE_PERSON = words(
    r"(?:with |mit |and |und |for |fuer )?(?:my|mein\w*|our|unser\w*) (?:wife|husband|partner\w*|girlfriend|boyfriend|mum|mom|mother|dad|father|sister|brother"
    r"|friend|date|boss|frau|mann|freundin|freund|mutter|vater|mama|papa|schwester|bruder|chef|chefin)"
)
COMPANY = words(
    rf"(?P<with>with |mit )?(?:my |mein\w* )?{COUNT} (?:other |andere\w* )?"
    r"(?:friends|freunde|freunden|freundinnen|colleagues|kollegen|kolleginnen|others|weitere\w*)"
)
PARENTS = words(r"(?:with |mit |and |und )?(?:my|mein\w*|our|unser\w*) (?:parents|eltern|grandparents|grosseltern)")

# ---------------------------------------------------------------- what to do

RELEASE = words(
    r"(?:release|cancel|drop|let go of|give up|undo) ?(?:it|them|that|those|the seats?|my seats?|everything|all)?"
    r"|give (?:it|them|that|those|the seats?|my seats?|everything) (?:back|up)|let (?:it|them) go"
    r"|(?:gib|geben|gebe)(?: \S+){0,3} (?:zurueck|frei)|zurueckgeben|freigeben|storniere\w*|loslassen|lass(?: \S+){0,2} los"
)
REFUSALS = words(
    r"not|no|never|nothing|none|don't|dont|cannot|\w+n't|nicht|nichts|nie|niemals|nein|kein\w*|keinesfalls|ohne|without|avoid"
)
"""A refusal that no pattern understood: it may mean the opposite of whatever else is said."""
NO_AT_FIRST = re.compile(r"^ (?:no|nope|nein|nee) (?=; )")
"""As in "No, take the second one"."""
QUESTIONS = re.compile(
    r" (?:how|what|what's|if|whether|when|why|wie|was|wann|warum|wenn|falls|ob) "
    r"|(?:^|;)(?: (?:hi|hello|hey|hallo|ok|okay|well|so|and|und|but|aber|then|dann)(?: ;)?){0,3} "
    r"(?:can|could|may|might|would|will|shall|should|must|do|does|is|are|kann|koennte\w*|koennen|darf|duerfen|soll\w*|muss"
    r"|muessen|ist|sind|geht|gibt) "
)
"""Before a verb: somebody asks what would happen, or whether it may, but does not want it done."""
OTHERS = words(
    r"(?:something|anything|someplace|somewhere) else|other (?:seats|offers|ones|options|places)|others|another (?:one|offer|option|place)"
    r"|more (?:offers|options)|different (?:seats|ones|offers)|(?:et)?was anderes|andere(?: plaetze| angebote)?|anderen|weitere(?: \w+)?"
    r"|alternativen?|alternatives?|noch (?:mehr|was anderes|andere)"
)
ORDINALS = {
    "first": 1, "1st": 1, "erste": 1, "ersten": 1, "erstes": 1, "second": 2, "2nd": 2, "zweite": 2, "zweiten": 2,
    "zweites": 2, "third": 3, "3rd": 3, "dritte": 3, "dritten": 3, "drittes": 3, "fourth": 4, "4th": 4, "vierte": 4,
    "vierten": 4, "viertes": 4, "top": 1, "best": 1, "beste": 1, "besten": 1,
}
_THING = r"(?:one|ones|offer|option|choice|angebot|option|auswahl|vorschlag|#1)"
_TAKE = (
    r"(?:hold|reserve|take|grab|keep|choose|pick|halte\w*|reservier\w*|nimm|nehmen|nehme|behalt\w*|waehle\w*)"
)
CHOICE = words(
    rf"(?:(?P<verb>{_TAKE})(?: (?:the|die|den|das|der|offer|number|nummer|angebot|option|wir|ich|bitte)){{0,3}} )"
    rf"(?:(?P<word>{any_of(ORDINALS)})(?: {_THING})?|(?P<number>#[1-9]))(?! (?:row|reihe|rows|reihen|\S*seats?|\S*plaetze|people|personen|of|karten|tickets|von))"
    rf"|(?:the|die|den|das|der) (?P<word2>{any_of(ORDINALS)})(?: {_THING})?(?= (?:;|bitte|please|$))"
    rf"|(?:offer|option|angebot|number|nummer|vorschlag) (?P<number2>#[1-9])"
)
HOLD = words(rf"{_TAKE}|das passt|perfekt|perfect|sounds good|klingt gut|einverstanden")
BOOK = words(r"book(?:ing)?|buy|pay|purchase|buchen?|buche|gebucht|kaufen?|kaufe|bezahlen?|zahlen")
HELP = words(
    r"help|hilfe|hilf mir|what can you do|was kannst du|how does (?:this|it) work|wie funktioniert das|wie geht das"
)
