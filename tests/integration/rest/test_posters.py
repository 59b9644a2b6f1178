"""Posters of films over REST: uploaded, named by showtimes, shown, replaced, and deleted once nobody needs them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.contract import Contract
from tests.integration.rest.support import SHOWTIME, Rest, check_all_succeeded, code
from tests.support.pictures import picture


async def upload(rest: Rest, file: bytes) -> str:
    """Upload a poster; returns its hash."""
    answer = await rest.ask("POST", "/admin/posters", "boss:admin", content=file)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["hash"])


async def give_poster(rest: Rest, poster_hash: str | None) -> Any:
    """Show tonight's film with this poster; returns what visitors read about the showtime."""
    body = {**SHOWTIME, "poster_hash": poster_hash}
    assert (await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=body)).status_code == 200
    return (await rest.ask("GET", "/showtimes/tonight")).json()["poster_hash"]


async def test_a_poster_is_shown_as_a_small_picture_that_may_be_cached_for_ever(rest: Rest) -> None:
    uploaded = await rest.ask("POST", "/admin/posters", "boss:admin", content=picture("JPEG", 800, 1200))
    poster = uploaded.json()
    assert (poster["width"], poster["height"]) == (720, 1080)
    assert await give_poster(rest, poster["hash"]) == poster["hash"]
    listed = (await rest.ask("GET", "/showtimes")).json()["showtimes"]
    assert [one["poster_hash"] for one in listed] == [poster["hash"]]
    path = f"/posters/{poster['hash']}"
    shown = await rest.ask("GET", path)
    assert (shown.headers["content-type"], shown.content[8:12]) == ("image/webp", b"WEBP")
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    again = await rest.ask("GET", path, headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_poster_is_replaced_and_removed_with_the_showtime(rest: Rest) -> None:
    red, blue = [await upload(rest, picture("PNG", color=color)) for color in ("red", "blue")]
    assert await upload(rest, picture("PNG", color="red")) == red, "the same picture is one poster"
    assert await give_poster(rest, red) == red
    assert await give_poster(rest, blue) == blue
    assert await give_poster(rest, None) is None


async def test_a_poster_that_no_showtime_has_is_deleted_after_a_day(rest: Rest) -> None:
    red, blue, unused = [await upload(rest, picture("PNG", color=color)) for color in ("red", "blue", "lime")]
    await give_poster(rest, red)
    async with rest.core.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE posters SET uploaded_at = now() - interval '25 hours'"))
    assert await upload(rest, picture("PNG", color="blue")) == blue  # uploaded again: it is new for another day
    assert code(await rest.ask("GET", f"/posters/{unused}")) == (404, "not_found")
    assert (await rest.ask("GET", f"/posters/{red}")).status_code == 200
    await give_poster(rest, blue)
    async with rest.core.database.reading() as connection:
        left = list(await connection.scalars(sa.text("SELECT hash FROM posters")))
    assert left == [blue], "the one that was replaced is gone"


async def test_what_is_no_poster_is_refused_with_the_reason(rest: Rest) -> None:
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg' width='400' height='600'/>"
    for file, reason in ((drawing, "send a PNG, JPEG, WebP or AVIF"), (picture("PNG", 600, 400), "600 × 400")):
        refused = await rest.ask("POST", "/admin/posters", "boss:admin", content=file)
        assert code(refused) == (400, "bad_request")
        assert reason in refused.json()["detail"]
    too_large = await rest.ask("POST", "/admin/posters", "boss:admin", content=picture("PNG") + bytes(20_000))
    assert code(too_large) == (413, "too_large")
    async with rest.core.database.reading() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM posters")) == 0


async def test_posters_are_uploaded_by_administrators_only(rest: Rest) -> None:
    assert code(await rest.ask("POST", "/admin/posters", content=picture("PNG"))) == (401, "unauthorized")
    assert code(await rest.ask("POST", "/admin/posters", "ann", content=picture("PNG"))) == (403, "forbidden")


async def test_a_poster_that_nobody_uploaded_is_named_as_such(rest: Rest) -> None:
    for unknown in ("0" * 32, "nope"):
        assert code(await rest.ask("GET", f"/posters/{unknown}")) == (404, "not_found")
        body = {**SHOWTIME, "poster_hash": unknown}
        refused = await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=body)
        assert code(refused) == (400, "bad_request")
        assert refused.json()["facts"] == {"where": "poster_hash"}


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
