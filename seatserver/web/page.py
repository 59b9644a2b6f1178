"""One page of the server: its HTML in every language, and the response to a request for it.

`pages/<page>/<page>.html` has only the page's own parts: first the lines of its head, beginning with the title, then
its body, from the first `<header>` or `<main>` on. Everything that all pages share is in `pages/shared/shell.html`. A
page without a header of its own gets the visitors' header. Its style and script are linked if the folder has them. The
HTML is put together once, when the server starts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.responses import Response

from seatserver.web.languages import COOKIE, COOKIE_S, DEFAULT, QUERY, TEXTS, filled, language_of

FOLDER = Path(__file__).parent / "pages"
BODY = re.compile(r"^(?=<(?:header|main)\b)", re.MULTILINE)
"""Where the head in a page's HTML ends and its body begins."""
LINK_TO_API = '<a href="/docs">{{api}}</a> '
"""Only in the header of the front page, where developers arrive."""
OWN_SOCKET = "{socket}"
"""In the headers of a page: where the addresses of our own socket belong, as the visitor's browser knows them."""
HOST = re.compile(r"[A-Za-z0-9_.-]+(?::[0-9]+)?")
POLICY = "Permissions-Policy"
BY_LANGUAGE = {"Vary": "Accept-Language, Cookie"}


class Page:
    """The page in the folder ``name``. ``headers`` are sent with it; ``parts`` maps placeholders to names of texts.

    With ``voice``, it may use the microphone, and a seat map in it lets visitors speak. With ``camera``, it may use the
    camera.
    """

    def __init__(
        self,
        name: str,
        headers: Mapping[str, str],
        languages: Sequence[str] = tuple(TEXTS),
        *,
        links_to_api: bool = False,
        voice: bool = False,
        camera: bool = False,
        **parts: str,
    ) -> None:
        self._is_translated = len(languages) > 1
        self._headers = {**headers, **(BY_LANGUAGE if self._is_translated else {})}
        if voice:
            self._headers[POLICY] = headers[POLICY].replace("microphone=()", "microphone=(self)")
        if camera:
            self._headers[POLICY] = self._headers[POLICY].replace("camera=()", "camera=(self)")
        more = LINK_TO_API if links_to_api and name == "front" else ""
        self._content = {one: _html(name, one, parts, more, voice=voice).encode() for one in languages}
        self._tags = {one: f'"{hashlib.sha256(html).hexdigest()[:32]}"' for one, html in self._content.items()}

    def answer(self, request: HTTPConnection, status: int = 200) -> Response:
        """The page in the visitor's language. A language named in the address is remembered in a cookie."""
        headers, language, named = with_socket(self._headers, request.headers.get("host", "")), DEFAULT, None
        if self._is_translated:
            named = request.query_params.get(QUERY)
            language = language_of(request.headers.get("accept-language", ""), named or request.cookies.get(COOKIE))
            headers = {**headers, "Content-Language": language}
        if status == 200:
            headers = {**headers, "ETag": self._tags[language]}
            if self._tags[language] in request.headers.get("if-none-match", ""):
                return _remembering(Response(status_code=304, headers=headers), named)
        page = Response(self._content[language], status, headers, media_type="text/html; charset=utf-8")
        return _remembering(page, named)


def with_socket(headers: Mapping[str, str], host: str) -> dict[str, str]:
    """The headers, with the addresses of the socket at this ``Host``."""
    sources = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    return {name: value.replace(OWN_SOCKET, sources) for name, value in headers.items()}


def _remembering(response: Response, language: str | None) -> Response:
    if language in TEXTS:
        response.set_cookie(COOKIE, language, max_age=COOKIE_S, samesite="lax")
    return response


def _html(name: str, language: str, parts: Mapping[str, str], more: str, *, voice: bool) -> str:
    head, body = BODY.split(_read(f"{name}/{name}.html"), maxsplit=1)
    has_header = body.startswith("<header")
    if not has_header:
        body = filled(_read("shared/header.html"), language, {"more": more}) + body
    styles = [*([] if has_header else ["shared/header.css"]), f"{name}/{name}.css"]
    script = f"{name}/{name}.js" if FOLDER.joinpath(name, f"{name}.js").is_file() else "shared/header.js"
    given = {part: TEXTS[language][text] for part, text in parts.items()}
    given["voice"] = ' voice="on"' if voice else ""
    shell = {
        "head": filled(head, language),
        "styles": "".join(
            f'<link rel="stylesheet" href="/static/pages/{style}">\n'
            for style in styles
            if FOLDER.joinpath(style).is_file()
        ),
        "script": script,
        "body": filled(body, language, given),
    }
    return filled(_read("shared/shell.html"), language, shell)


def _read(file: str) -> str:
    return FOLDER.joinpath(file).read_text(encoding="utf-8")
