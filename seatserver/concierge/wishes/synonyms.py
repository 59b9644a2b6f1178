"""What people call tickets, seats and places, in English and German, as `tokens` folds words: a table, one kind a line.

The house names its ticket types and categories itself; `names` adds the words of a line here to a name that is in it.
"""

from __future__ import annotations

# fmt: off
KINDS_OF_TICKET: dict[str, tuple[str, ...]] = {
    "adult": ("adult", "adults", "grown up", "grown ups", "grownup", "grownups", "erwachsene", "erwachsener", "erwachsenen", "standard", "normal", "full"),
    "child": ("child", "children", "kid", "kids", "toddler", "toddlers", "kind", "kinder", "kindern", "son", "daughter", "sons", "daughters", "sohn", "tochter", "toechter", "soehne", "enkel", "enkelin", "grandchild", "grandchildren", "junior", "juniors"),
    "senior": ("senior", "seniors", "senioren", "seniorin", "pensioner", "pensioners", "rentner", "rentnerin", "rentnern", "oma", "opa", "grandma", "grandpa", "grandmother", "grandfather", "grossmutter", "grossvater"),
    "student": ("student", "students", "studenten", "studentin", "studentinnen", "studierende", "studierenden", "studierender"),
    "pupil": ("pupil", "pupils", "schueler", "schuelern", "schuelerin", "schuelerinnen", "teenager", "teenagers", "teen", "teens", "jugendliche", "jugendlichen", "jugendlicher", "youth"),
    "member": ("member", "members", "mitglied", "mitglieder", "mitgliedern"),
}
"""Words for the usual kinds of tickets. The first words of each are also what the house may call them."""
PLURALS = frozenset({"adults", "children", "kids", "kinder", "kindern", "sons", "daughters", "toechter", "soehne", "seniors", "senioren", "students", "studenten", "members", "mitglieder", "teens", "teenagers", "pupils", "schueler", "jugendliche"})
KINDS_OF_SEAT: dict[str, tuple[str, ...]] = {
    "sofa": ("sofa", "sofas", "sofa seats", "couch", "couches", "loveseat", "loveseats", "kuschelsitz", "kuschelsitze", "paerchensitz", "paerchensitze", "doppelsitz", "doppelsitze"),
    "premium": ("premium", "premium seats", "premiumplatz", "premiumplaetze", "premiumsitz", "premiumsitze", "deluxe"),
    "vip": ("vip", "vip seats", "vip plaetze"),
    "recliner": ("recliner", "recliners", "relaxsessel", "liegesessel", "liegesitz", "liegesitze"),
    "loge": ("loge", "logen", "logenplatz", "logenplaetze", "box", "boxes"),
    "balcony": ("balcony", "circle", "balkon", "rang"),
    "stalls": ("stalls", "parkett", "parquet"),
    "beanbag": ("beanbag", "beanbags", "bean bag", "bean bags", "sitzsack", "sitzsaecke", "sitzsaecken"),
}


DIRECTIONS = frozenset({"front", "back", "rear", "middle", "centre", "center", "left", "right", "row", "rows", "aisle", "screen", "vorn", "vorne", "hinten", "mitte", "links", "rechts", "reihe", "reihen", "gang", "first", "last"})
"""Words that say where, whatever the house calls so: "in the front rows" means
the rows, not a category of that name."""
