"""A page with nothing but the drawn hall on it: no server, no sale, any layout.

The scripts are the server's own files, served with its headers and content security policy. The page's script decides
what the seats look like: `looks` has one look per seat, `change` changes some of them, `stage` is the drawing itself,
and `told` lists what it reported.
"""

from __future__ import annotations

import json
import mimetypes
from typing import TYPE_CHECKING, Any

from seatserver.seatmaps.model import SeatMap
from seatserver.web.routes import HEADERS, HERE

if TYPE_CHECKING:  # only who opens a page needs Playwright
    from playwright.sync_api import Browser, Page, Route

ORIGIN = "http://hall.test"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

HTML = """<!doctype html><html lang="en"><title>Hall</title><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/pages/shared/page.css">
<main><h1>Hall</h1><div id="host"></div><p id="after">After</p></main>"""

SET_UP = """async ({ layout, looks, variables }) => {
  const { Stage } = await import("/static/seat-map/hall/stage.js");
  const host = document.getElementById("host");
  for (const [name, value] of Object.entries(variables)) host.style.setProperty(name, value);
  const root = document.createElement("div");
  host.attachShadow({ mode: "open" }).append(root);
  layout = { groups: [], general_areas: [], ...layout };
  window.looks = layout.seats.map((_, seat) => looks[seat] ?? "free");
  window.areas = layout.general_areas.map(({ name }) => ({ text: name, full: false }));
  window.stage = new Stage(root, layout, {
    look: (seat) => window.looks[seat],
    lookArea: (area) => window.areas[area],
    describe: (seat) => `${layout.seats[seat].row}-${layout.seats[seat].number}, ${window.looks[seat]}`,
    strings: {
      ...{ screen: "Screen", hall: "Seats", aisle: "aisle", zoom: "Zoom" },
      ...{ zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Whole hall" },
    },
  });
  window.told = [];
  for (const name of ["pick", "pickarea", "point", "walk", "zoom"]) {
    window.stage.addEventListener(name, ({ detail }) => window.told.push([name, detail]));
  }
  window.change = (changes) => {
    for (const [seat, look] of changes) window.looks[seat] = look;
    window.stage.paint(changes.map(([seat]) => seat));
  };
}"""


def open_hall(
    page: Page, hall: SeatMap, looks: dict[int, str] | None = None, variables: dict[str, str] | None = None
) -> None:
    """Show ``hall`` on a fresh page: ``looks`` by seat (others are free), ``variables`` are CSS custom properties."""
    page.route("**/*", _give)
    page.goto(ORIGIN)
    known = {str(seat): look for seat, look in (looks or {}).items()}
    page.evaluate(SET_UP, {"layout": json.loads(hall.encode()), "looks": known, "variables": variables or {}})


def new_page(browser: Browser, **context: Any) -> Page:
    """A page in a context of its own, 1000 by 800 CSS pixels unless ``context`` says otherwise."""
    return browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **context}).new_page()


def _give(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN).split("?")[0]
    if path == "/":
        route.fulfill(body=HTML, headers={**HEADERS, "Content-Type": "text/html; charset=utf-8"})
        return
    file = HERE / path.removeprefix("/static/")
    if not file.is_file():
        route.fulfill(status=204 if path == "/favicon.ico" else 404)
        return
    kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0] or "text/plain"
    route.fulfill(body=file.read_bytes(), headers={**HEADERS, "Content-Type": kind})
