"""A stand-in for a provider of CAPTCHAs: its verification over HTTP, and its script for a real browser.

It does what Cloudflare, hCaptcha and Google document alike: an answer is good once, for the secret that it belongs to.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRET, SITE_KEY = "0x4-secret-of-the-rex", "0x4-site-of-the-rex"

SCRIPT = """
window.turnstile = {
  render(place, { sitekey, action, language, callback }) {
    const frame = Object.assign(document.createElement("iframe"), {
      src: `https://challenges.cloudflare.com/frame?${language}`, title: "Widget", width: 300, height: 65,
    });
    addEventListener("message", ({ data, origin }) => {
      if (origin === "https://challenges.cloudflare.com" && data === "passed") callback(`${sitekey}.${action}`);
    });
    place.append(frame);
    return frame;
  },
  remove(frame) { frame.remove(); },
};
window[new URL(document.currentScript.src).searchParams.get("onload")]();
"""
"""What defines the widget, as Cloudflare's script does. Its answer is its key and what it is for."""
FRAME = """<!doctype html><html lang="en"><title>Widget</title><body style="margin: 0">
<button onclick="parent.postMessage('passed', '*')">I am a person</button></body></html>"""


class Provider:
    """The provider. ``answers``: those that are good, with what it says of each."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.fault = ""
        """What is wrong with it: ``500``, ``429``, ``slow``, ``text``, ``endless``, ``hung up``."""
        self.secret = SECRET
        self.over = threading.Event()

    def verify(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body for a request."""
        self.asked.append(form)
        if form.get("secret") != self.secret:
            return 200, {"success": False, "error-codes": ["invalid-input-secret"]}
        said = self.answers.pop(form.get("response", ""), None)
        if said is None:
            return 400, {"success": False, "error-codes": ["invalid-input-response"]}
        return 200, {"success": True, "challenge_ts": "2026-11-30T18:00:00Z", "error-codes": [], **said}


@contextmanager
def captcha_standin() -> Iterator[Provider]:
    """A stand-in that listens on a port of its own."""
    provider = Provider()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(sent, keep_blank_values=True).items()}
            status, body = provider.verify(form)
            content = json.dumps(body).encode()
            match provider.fault:
                case "500" | "429":
                    status = int(provider.fault)
                case "text":
                    content = b"<html>Gateway</html>"
                case "slow":
                    provider.over.wait()
                case "hung up":
                    return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)
            if provider.fault == "endless":
                for _ in range(1000):
                    self.wfile.write(b" " * 65_536)
                    time.sleep(0.001)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever asked has hung up."""

    server = Server(("127.0.0.1", 0), Door)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}/siteverify"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
