"""Another web site, for tests of the element and the client on pages that are not ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import pytest

from tests.browser.site import Site

EMBED = """\
<script type="module" src="{url}/static/seat-map.js"></script>
<seat-map showtime="tonight"></seat-map>
"""
ALONE_JS = """\
const { server } = document.querySelector("[data-server]").dataset;
const { SeatMapClient } = await import(`${server}/static/seatmap-client.js`);
async function token() {
  const answer = await fetch(`${server}/api/v1/guests`, { method: "POST" });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.detail), { permanent: true });
  return found.token;
}
const client = new SeatMapClient(`${server.replace("http", "ws")}/ws/showtimes/tonight`, { token });
client.addEventListener("status", () => {
  document.querySelector("output").textContent = `${client.status}: ${client.reason ?? ""}`;
});
client.connect();
window.client = client;
"""


class Portal:
    """Somebody else's web site: pages by path, all of them under one policy that names just what a seat map needs."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {"/favicon.ico": ("image/x-icon", ""), "/alone.js": (JS, ALONE_JS)}
        self.policy = "default-src 'none'"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answers, self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def embed(self, site: Site, html: str = EMBED) -> None:
        """Put our lines on the site's first page, and our server into its policy."""
        self.pages["/"] = ("text/html; charset=utf-8", PAGE.format(body=html.format(url=site.url)))
        self.policy = (
            f"default-src 'none'; base-uri 'none'; img-src 'self'; script-src 'self' {site.url}; "
            f"connect-src {site.url} {site.url.replace('http', 'ws')}; frame-src {site.url}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


JS = "text/javascript; charset=utf-8"
PAGE = (
    '<!doctype html>\n<html lang="en">\n<title>What to do tonight</title>\n<h1>What to do tonight</h1>\n{body}</html>\n'
)


class _Answers(BaseHTTPRequestHandler):
    def __init__(self, portal: Portal, *connection: Any) -> None:
        self._portal = portal
        super().__init__(*connection)

    def do_GET(self) -> None:
        media_type, content = self._portal.pages.get(self.path, ("text/plain", ""))
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Security-Policy", self._portal.policy)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A web site of somebody else."""
    with Portal() as opened:
        yield opened
