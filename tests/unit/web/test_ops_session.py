"""The session of the operators' live view, whose tokens come while other things happen."""

from __future__ import annotations

import json
from typing import Any

from tests.javascript import WEB, printed


def run(code: str) -> Any:
    """What ``code`` returns. ``session`` tells ``said``; ``answer`` answers what it has asked next, once it has."""
    module = (WEB / "pages" / "ops" / "session.js").as_uri()
    return printed(f"""
        globalThis.document = {{ documentElement: {{ lang: "en" }}, getElementById: () => null }};
        globalThis.location = {{ origin: "http://test", pathname: "/ops" }};
        const asked = [], said = [];
        globalThis.fetch = (address) => new Promise((resolve) => asked.push([address, resolve]));
        const later = () => new Promise((resolve) => setTimeout(resolve));
        async function answer(status, body) {{
          while (asked.length === 0) await later();
          asked.shift()[1](new Response(JSON.stringify(body), {{ status }}));
          await later();
        }}
        const {{ Session }} = await import({json.dumps(module)});
        const session = new Session((token) => said.push(token), ({{ status }}) => said.push(status));
        const token = (text) => ({{ token: text, lifetime_s: 300 }});
        const opened = session.open();
        await answer(200, {{ password: true }});
        const returned = await (async () => {{ {code} }})();
        session.stop();
        console.log(JSON.stringify(returned));
    """)


def test_a_token_that_comes_after_the_session_was_stopped_opens_nothing() -> None:
    assert run("session.stop(); await answer(200, token('a')); return [await opened, session.isOpen];") == [None, False]
    code = """
        await answer(200, token('a'));
        const first = [await opened, session.isOpen], renewing = session.renew();
        session.stop();
        await answer(200, token('b'));
        await renewing;
        return [...first, session.isOpen, said];
    """
    assert run(code) == ["a", True, False, []]


def test_a_refusal_that_comes_after_the_session_was_stopped_is_not_told() -> None:
    code = """
        await answer(200, token('a'));
        const renewing = session.renew();
        session.stop();
        await answer(401, {});
        await renewing;
        return said;
    """
    assert run(code) == []


def test_only_the_session_itself_says_that_it_is_over() -> None:
    code = """
        await answer(200, token('a'));
        for (const [status, body] of [[200, token('b')], [503, {}], [401, {}]]) {
          const renewing = session.renew();
          await answer(status, body);
          await renewing;
          said.push(session.isOpen);
        }
        return said;
    """
    assert run(code) == ["b", True, True, 401, False]
