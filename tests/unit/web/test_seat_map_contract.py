"""What pages may rely on: README, types and code of `<seat-map>` name the same things, and so do its languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatserver.web.routes import HERE

README = Path(__file__).parents[3] / "README.md"
SEAT_MAP = HERE / "seat-map"
REASONS = HERE / "shared" / "reasons"
CAPTCHA = HERE / "shared" / "captcha.js"
PARTS = sorted(path for path in SEAT_MAP.rglob("*.js") if path.parent.name not in ("client", "strings"))
ELEMENT = HERE.joinpath("seat-map.js").read_text()
TYPES = HERE.joinpath("seat-map.d.ts").read_text()
CODE = "\n".join([ELEMENT, *(path.read_text() for path in (*PARTS, REASONS / "codes.js", CAPTCHA))])
LIFE = {"constructor", "connectedCallback", "disconnectedCallback", "attributeChangedCallback"}


def documented() -> str:
    text = README.read_text()
    return text.partition("<!-- seat-map: begin -->")[2].partition("<!-- seat-map: end -->")[0]


def rows(kind: str) -> set[str]:
    """The names in the first column of the table of ``kind``."""
    table = documented().partition(f"| {kind}")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for cell in cells for name in re.findall(r"`([\w-]+)", cell)}


def members() -> set[str]:
    """What the class offers to pages: its getters and methods."""
    found = set(re.findall(r"^  (?:get |async )?(\w+)\(.*\) \{$", ELEMENT, re.MULTILINE))
    return found - LIFE


def texts(language: str) -> dict[str, set[str]]:
    """The templates of a language: the facts in each."""
    sources = [folder.joinpath(f"{language}.js").read_text() for folder in (SEAT_MAP / "strings", REASONS)]
    bodies = [source.partition("export default {")[2] for source in sources]
    blocks = [block for body in bodies for block in re.split(r"^  (?=\w+:)", body, flags=re.MULTILINE)[1:]]
    return {block.partition(":")[0]: set(re.findall(r"\{(\w+)\}", block)) - {"count"} for block in blocks}


def test_the_documented_attributes_are_those_of_the_code() -> None:
    observed = re.search(r"observedAttributes = \[(.*?)\]", ELEMENT)
    assert observed is not None
    assert rows("attribute") == set(re.findall(r'"(\w+)"', observed[1]))


def test_the_documented_properties_and_methods_are_those_of_code_and_types() -> None:
    typed = TYPES.partition("class SeatMapElement")[2].partition("\n}")[0]
    names = set(re.findall(r"^  (?:readonly |get )?(\w+)(?:\(.*\))?: ", typed, re.MULTILINE))
    names |= set(re.findall(r"^  (?:get )(\w+)\(", typed, re.MULTILINE))
    assert rows("property or method") == members()
    assert names == members()


def test_the_documented_events_are_those_of_code_and_types() -> None:
    passed_on = ELEMENT.partition("const details = {")[2].partition("};")[0]
    names = re.findall(r'#tell\("(\w+)"', ELEMENT) + re.findall(r"^      (\w+): \(\) =>", passed_on, re.MULTILINE)
    told = {f"seat-map-{name}" for name in names}
    assert rows("event") == told
    assert set(re.findall(r'^  "(seat-map-\w+)": CustomEvent', TYPES, re.MULTILINE)) == told


def test_the_events_are_typed_wherever_they_bubble() -> None:
    # Of what elements, the document and the window tell, TypeScript knows the details by this interface alone.
    assert re.search(r"^  interface GlobalEventHandlersEventMap extends SeatMapEvents {}$", TYPES, re.MULTILINE)


def test_the_documented_custom_properties_are_those_of_the_code() -> None:
    themes = CODE.partition("const THEMES = {")[2].partition("\n};")[0]
    set_by_us = {f"--seat-map-{name}" for name in re.findall(r'^    "?([\w-]+)"?: ', themes, re.MULTILINE)}
    read = set(re.findall(r"--seat-map-[a-z-]*[a-z]", CODE))
    assert rows("custom property") == read | set_by_us - {"--seat-map-scheme"}


def test_the_documented_parts_are_those_of_the_code() -> None:
    sentence = documented().rpartition("::part")[2]
    written = set(re.findall(r"`([\w-]+)`", sentence))
    made = set(re.findall(r'\bpart\("\w+", "([\w-]+)"', CODE) + re.findall(r'\bpart\(\s*"\w+",\s*"([\w-]+)"', CODE))
    for names in re.findall(r'\bpart: ["`]([^"`]+)["`]', CODE):
        made |= {name for name in names.split() if "$" not in name}
    made |= {f"notice-{kind}" for kind in re.findall(r'(?:tell|#tell)\("(good|bad|note)"', CODE)}
    made |= set(re.findall(r'this\.#button\("(\w+)"', CODE))
    assert written == made


@pytest.mark.parametrize("language", ["de"])
def test_every_language_has_the_same_texts_with_the_same_facts(language: str) -> None:
    assert texts(language) == texts("en")


def test_every_text_of_the_element_is_used_and_every_used_text_exists() -> None:
    known = set(texts("en"))
    assert known == {name for name in known if f'"{name}"' in CODE}
    assert set(re.findall(r'\bsay\("(\w+)"', CODE)) <= known
