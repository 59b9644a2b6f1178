"""The socket as a stranger meets it: plain WebSocket frames in both encodings against a real server."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from seatserver.access.tokens import Identity
from seatserver.pricing.tariff import Tariff
from tests.integration.conftest import MakeServer
from tests.integration.server import (
    BLOCKED,
    HOUR_MS,
    JSON,
    LIVES_S,
    MSGPACK,
    OTHER_SOFA,
    PRICES,
    SEATS,
    SOFA,
    Instance,
    Message,
    Wire,
    eventually,
    hall,
    now_ms,
    put_on_sale,
)

both_encodings = pytest.mark.parametrize("encoding", [JSON, MSGPACK])


def error_of(messages: list[Message]) -> Message:
    """The error among the last words, which end with a bye."""
    assert [message["type"] for message in messages] == ["error", "bye"], messages
    return messages[0]


async def is_alive(wire: Wire) -> bool:
    reply = await wire.ask("beat")
    return bool(reply["type"] == "beat")


# ---------------------------------------------------------------- hello


@both_encodings
async def test_hello_is_answered_with_a_welcome_and_the_whole_room(server: Instance, encoding: str) -> None:
    async with server.socket("zoë|1 {x}", encoding) as wire:
        welcome = await wire.hello()
        snapshot = await wire.next()
    assert snapshot["type"] == "snapshot"
    assert (snapshot["epoch"], snapshot["version"]) == (welcome["epoch"], welcome["version"])
    assert snapshot["states"] == "0" * BLOCKED + "4" + "0" * 4
    assert (welcome["user"], welcome["showtime"], welcome["layout"]) == ("zoë|1 {x}", "tonight", hall().content_hash)
    assert welcome["scopes"] == ["book", "hold", "watch"]
    assert welcome["holds"] == []
    assert welcome["limits"]["seats_per_user"] == server.core.settings.seats_per_user
    assert abs(welcome["server_ms"] - now_ms()) < HOUR_MS


async def test_without_a_subprotocol_the_socket_speaks_json(server: Instance) -> None:
    async with server.watcher(encoding=None) as wire:
        assert wire.connection.subprotocol is None
        assert await is_alive(wire)


async def test_who_says_nothing_is_sent_away_in_time(make_server: MakeServer) -> None:
    server = await make_server(hello_ms=100)
    async with server.socket() as wire:
        code, words = await wire.last_words()
    assert code == 4103, "a late one may come again"
    assert [(word["type"], word["code"], word["reason"]) for word in words] == [
        ("bye", 4103, "expected hello within 0.1 s")
    ]


@both_encodings
async def test_another_first_message_than_hello_is_refused(server: Instance, encoding: str) -> None:
    async with server.socket(encoding=encoding) as wire:
        await wire.send("beat", ref=7)
        code, words = await wire.last_words()
    assert code == 4008
    error = error_of(words)
    assert (error["ref"], error["code"], error["message"]) == (
        7,
        "bad_request",
        "expected hello as the first message",
    )


async def test_a_hello_that_is_not_let_in_says_why_and_closes_with_its_documented_code(server: Instance) -> None:
    good, far = server.token(), "€" * 200
    for showtime, hello, error_code, close_code in (
        ("tonight", {"token": "nonsense"}, "unauthorized", 4001),
        ("tonight", {"token": server.token(lifetime_s=-60)}, "unauthorized", 4001),
        ("tonight", {}, "unauthorized", 4001),
        ("tonight", {"ticket": "never issued"}, "unauthorized", 4001),
        ("tonight", {"token": server.token("ann", "settle")}, "forbidden", 4003),
        ("never", {"token": good}, "not_found", 4004),
        ("a%00b", {"token": good}, "not_found", 4004),
        (far, {"token": good}, "not_found", 4004),
        ("tonight", {"token": good, "colour": "red"}, "bad_request", 4008),
    ):
        async with server.socket(showtime=showtime) as wire:
            await wire.send("hello", ref=3, **hello)
            code, words = await wire.last_words()
        error = error_of(words)
        assert (error["ref"], error["code"], code) == (3, error_code, close_code), (showtime, hello)
        assert error["retryable"] is False
        assert words[1]["code"] == close_code
        assert words[1]["reconnect_after_ms"] == -1


async def test_a_header_or_a_ticket_does_instead_of_a_token_and_a_ticket_does_once(server: Instance) -> None:
    headers = {"Authorization": f"Bearer {server.token('header user')}"}
    async with server.socket(additional_headers=headers) as wire:
        assert (await wire.hello(token=None))["user"] == "header user"
    identity = Identity("ticket user", frozenset({"watch"}), now_ms() + HOUR_MS)
    ticket = await server.core.socket_tickets.issue(identity)
    async with server.socket() as wire:
        assert (await wire.hello(token=None, ticket=ticket))["user"] == "ticket user"
        refused = await wire.ask("hold", hold_id=str(uuid4()), seats=[1])
        assert (refused["type"], refused["code"]) == ("error", "forbidden")
    async with server.socket() as wire:
        await wire.send("hello", ticket=ticket)
        assert await wire.closed() == 4001


async def test_a_socket_ends_with_its_token_unless_hello_brings_a_fresh_one(make_server: MakeServer) -> None:
    server = await make_server(token_leeway_s=0)
    for lifetime_s in LIVES_S:
        async with server.socket() as stays, server.socket() as goes:
            try:
                for wire in (stays, goes):
                    await wire.hello(token=server.token(lifetime_s=lifetime_s))
                await stays.hello(token=server.token(lifetime_s=600))
            except ConnectionClosed:
                continue  # the machine is slower than that
            code, words = await goes.last_words()
            assert (code, words[-1]["reconnect_after_ms"]) == (4200, 0)
            assert await is_alive(stays)
            return
    raise AssertionError("no socket was let in")


async def test_a_token_within_the_leeway_is_not_sent_round_in_circles(make_server: MakeServer) -> None:
    server = await make_server(token_leeway_s=30)
    async with server.socket() as wire:
        await wire.hello(token=server.token(lifetime_s=-5))
        await asyncio.sleep(0.1)
        assert await is_alive(wire)


async def test_a_second_hello_of_somebody_else_or_with_a_bad_token_changes_nothing(server: Instance) -> None:
    async with server.watcher("ann") as wire:
        for token in (server.token("bob"), "nonsense"):
            error = await wire.ask("hello", token=token)
            assert (error["type"], error["code"]) == ("error", "unauthorized")
        assert (await wire.hello(token=None))["user"] == "ann"


# ---------------------------------------------------------------- the handshake


async def test_the_handshake_refuses_strange_origins_unknown_subprotocols_and_too_many(
    make_server: MakeServer,
) -> None:
    server = await make_server(sockets=2)
    host = server.url.removeprefix("http://")
    for refused, status in (
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"encoding": "graphql-ws"}, 400),
    ):
        with pytest.raises(InvalidStatus) as caught:
            async with server.socket(**refused):
                pass
        assert caught.value.response.status_code == status, refused
    async with server.socket(origin=f"http://{host}"), server.socket():
        with pytest.raises(InvalidStatus) as caught:
            async with server.socket():
                pass
        assert caught.value.response.status_code == 503
        assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 5, "not the same for everybody"
    await eventually(lambda: server.gauge("sockets") == 0)
    async with server.watcher():
        pass


async def test_a_user_has_a_limited_number_of_sockets_however_fast_they_come(make_server: MakeServer) -> None:
    server = await make_server(sockets_per_user=3)

    async def come() -> int | None:
        async with server.socket() as wire:
            await wire.send("hello", token=wire.token)
            while (message := await wire.next())["type"] != "welcome":
                if message["type"] == "bye":
                    assert message["reconnect_after_ms"] > 0
                    return await wire.closed()
            await everybody.wait()
            return None

    everybody = asyncio.Barrier(4)
    coming = [asyncio.create_task(come()) for _ in range(12)]
    done: set[asyncio.Task[int | None]] = set()
    async with asyncio.timeout(30):
        while len(done) < 9:
            done, _ = await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.01)
        assert [task.result() for task in done] == [4100] * 9
        async with server.watcher("somebody else"):
            pass
        await everybody.wait()
        await asyncio.gather(*coming)
    await eventually(lambda: server.core.broadcaster.services.sockets_of("ann") == 0)
    async with server.watcher():
        pass


# ---------------------------------------------------------------- messages that do not fit


def deep(kind: str) -> str:
    return '{"zzz":' + "[" * 3000 + f',"type":"{kind}"' + "}"


async def test_what_is_not_understood_is_explained_and_the_socket_stays_open(server: Instance) -> None:
    hold_id = str(uuid4())
    cases: list[tuple[str | bytes | dict[str, Any], str]] = [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ('{"type":"hold","ref":5', "not valid JSON"),
        ("[]", "object"),
        (deep("beat"), ""),
        (b'{"type":"beat","ref":5}', "expected a text frame"),
        ({"type": "sell", "ref": 5}, "sell"),
        ({"ref": 5}, "type"),
        ({"type": "welcome", "ref": 5}, "welcome"),
        ({"type": "hold", "ref": 5, "hold_id": hold_id, "seats": [1, "two"]}, "seats[1]"),
        ({"type": "hold", "ref": 5, "hold_id": hold_id, "seats": []}, "seats"),
        ({"type": "hold", "ref": 5, "hold_id": hold_id, "seats": [-1]}, "seats[0]"),
        ({"type": "hold", "ref": 5, "hold_id": "mine", "seats": [1]}, "hold_id"),
        ({"type": "hold", "ref": 5, "seats": [1]}, "hold_id"),
        ({"type": "hold", "ref": 5, "hold_id": hold_id, "seats": [1], "user": "bob"}, "user"),
        ({"type": "best", "ref": 5, "hold_id": hold_id, "count": 51}, "count"),
        ({"type": "beat", "ref": "five"}, "ref"),
        ({"type": "beat", "ref": -1}, "ref"),
        ({"type": "beat", "ref": 10**30}, "ref"),
    ]
    async with server.watcher() as wire:
        for case, expected in cases:
            await wire.connection.send(json.dumps(case) if isinstance(case, dict) else case)
            error = await wire.next()
            assert (error["type"], error["code"], error["retryable"]) == ("error", "bad_request", False), case
            assert expected in error["message"], case
            usable = isinstance(case, dict) and case.get("ref") == 5
            assert error["ref"] == (5 if usable or case == b'{"type":"beat","ref":5}' else 0), case
        assert len(cases) < 20, "one more than that would end it"
        assert await is_alive(wire)


async def test_a_binary_socket_explains_the_same(server: Instance) -> None:
    pack = msgspec.msgpack.encode
    async with server.watcher(encoding=MSGPACK) as wire:
        for frame, expected in (
            (b"", "not valid MessagePack"),
            (b"\xc1", "not valid MessagePack"),
            (b"\x91" * 3000, "object"),
            (b"\x82\xa1z" + b"\x91" * 3000 + b"\x01\xa4type\xa4beat", ""),
            ('{"type":"beat","ref":5}', "expected a binary frame"),
            (pack({"type": "hold", "ref": 5, "hold_id": str(uuid4()), "seats": [1, "two"]}), "seats[1]"),
            (pack({"type": "beat", "ref": 2**63}), "ref"),
        ):
            await wire.connection.send(frame)
            error = await wire.next()
            assert (error["type"], error["code"]) == ("error", "bad_request"), frame
            assert expected in error["message"], frame
        assert await is_alive(wire)


@both_encodings
async def test_a_large_message_is_refused_and_a_huge_one_ends_the_socket(server: Instance, encoding: str) -> None:
    limit = server.core.settings.message_bytes
    async with server.watcher(encoding=encoding) as wire:
        error = await wire.ask("best", hold_id=str(uuid4()), count=1, categories=["ß" * limit])
        assert (error["code"], error["facts"]) == ("too_large", {"limit_bytes": limit})
        assert await is_alive(wire)
        await wire.send("best", ref=1, hold_id=str(uuid4()), count=1, categories=["x" * limit * 20])
        assert await wire.closed() == 1009


async def test_a_message_in_thousands_of_fragments_ends_the_socket_and_one_in_some_is_read(server: Instance) -> None:
    async with server.watcher() as wire:
        await wire.connection.send(['{"type":"be', "", "", "", 'at","ref":77}'])
        assert (await wire.next())["ref"] == 77
        try:
            await wire.connection.send(['{"type":"be', *[""] * 5000, 'at","ref":78}'])
        except OSError:
            pass
        except Exception as error:
            assert type(error).__name__ == "ConnectionClosedError", error
        assert await wire.closed() == 1009
    async with server.watcher() as wire:
        assert await is_alive(wire)


async def test_twenty_messages_that_are_not_understood_end_the_socket(server: Instance) -> None:
    async with server.watcher() as wire:
        for _ in range(20):
            await wire.connection.send("nonsense")
        code, words = await wire.last_words()
    assert code == 4010
    assert [word["type"] for word in words] == ["error"] * 20 + ["bye"]


# ---------------------------------------------------------------- commands


@both_encodings
async def test_a_hold_is_seen_by_all_released_and_seen_again(server: Instance, encoding: str) -> None:
    hold_id = uuid4()
    async with server.watcher("ann", encoding) as ann, server.watcher("bob", JSON) as bob:
        held = await ann.hold(2, 1, 2, hold_id=hold_id)
        assert (held["type"], held["hold_id"], held["seats"]) == ("held", str(hold_id), [1, 2])
        assert (held["total_minor"], held["currency"]) == (2000, "EUR")
        assert held["deadline_ms"] - now_ms() <= server.core.settings.hold_ms
        assert (await bob.until("delta"))["changes"] == [[1, 1], [2, 1]]
        again = await ann.hold(1, 2, hold_id=hold_id)
        assert again == {**held, "ref": again["ref"]}, "the same id is the same hold"
        assert (await ann.hold(1, 3, hold_id=hold_id))["code"] == "hold_conflict"
        refused = await bob.hold(1, 2, 3)
        assert (refused["type"], refused["seats"]) == ("refused", [[1, "held"], [2, "held"]])
        assert (await bob.ask("release", hold_id=str(hold_id)))["code"] == "hold_gone"
        assert (await bob.ask("extend", hold_id=str(hold_id)))["code"] == "hold_gone"
        assert (await ann.ask("release", hold_id=str(hold_id), seats=[2]))["seats"] == [2]
        assert (await bob.until("delta"))["changes"] == [[2, 0]]
        assert (await ann.ask("extend", hold_id=str(hold_id)))["seats"] == [1]
        for _ in range(2):
            assert (await ann.ask("release", hold_id=str(hold_id)))["type"] == "released"
        assert (await bob.until("delta"))["changes"] == [[1, 0]]


async def test_every_reply_repeats_the_ref_of_its_command_and_each_command_has_one(server: Instance) -> None:
    async with server.watcher() as wire:
        for ref in range(100, 150):
            await wire.send("beat", ref=ref)
        replies = [await wire.until("beat") for _ in range(50)]
        assert [reply["ref"] for reply in replies] == list(range(100, 150))
        assert all(reply["epoch"] and reply["server_ms"] for reply in replies)
        assert (await wire.ask("beat", ref=2**53 - 1))["type"] == "beat"


async def test_every_seat_that_cannot_be_had_is_named_with_its_reason(make_server: MakeServer) -> None:
    server = await make_server(seats_per_user=4)
    async with server.watcher("bob") as bob, server.watcher("ann") as ann:
        assert (await bob.hold(0))["type"] == "held"
        sold = uuid4()
        await bob.hold(1, hold_id=sold)
        assert (await bob.ask("book", hold_id=str(sold)))["status"] == "confirmed"
        await bob.until("delta", changes=[[1, 3]])

        refused = await ann.hold(0, 1, BLOCKED, SOFA[0])
        assert refused["type"] == "refused"
        assert refused["seats"] == [[0, "held"], [1, "sold"], [BLOCKED, "blocked"], [SOFA[0], "group"]]
        limit = await ann.hold(5, 6, 7, 8, 9)
        assert limit["seats"] == [[seat, "limit"] for seat in (5, 6, 7, 8, 9)]
        unknown = await ann.hold(5, SEATS, 10**6)
        assert (unknown["code"], unknown["facts"]) == ("unknown_seat", {"seats": [SEATS, 10**6]})
        unknown = await ann.ask("release", hold_id=str(uuid4()), seats=[SEATS])
        assert unknown["code"] == "unknown_seat"
        assert (await ann.hold(*SOFA, *OTHER_SOFA))["total_minor"] == 6400
        assert (await ann.hold(5))["seats"] == [[5, "limit"]]


async def test_a_sofa_is_neither_held_nor_given_back_in_halves(server: Instance) -> None:
    hold_id = uuid4()
    async with server.watcher() as wire:
        assert (await wire.hold(SOFA[0]))["seats"] == [[SOFA[0], "group"]]
        assert (await wire.hold(*SOFA, 1, hold_id=hold_id))["type"] == "held"
        torn = await wire.ask("release", hold_id=str(hold_id), seats=[SOFA[1]])
        assert (torn["type"], torn["seats"]) == ("refused", [[SOFA[1], "group"]])
        assert (await wire.ask("release", hold_id=str(hold_id), seats=list(SOFA)))["seats"] == list(SOFA)


async def test_outside_the_sale_nothing_is_held_or_booked_and_the_times_are_told(server: Instance) -> None:
    later = now_ms() + HOUR_MS
    await put_on_sale(server.core.catalog, "early", on_sale_at_ms=later)
    await put_on_sale(server.core.catalog, "late", sale_ends_at_ms=now_ms() - 60_000)
    for showtime, expected in (("early", "has not begun"), ("late", "has ended")):
        async with server.watcher(showtime=showtime) as wire:
            for command in (
                wire.hold(1),
                wire.ask("best", hold_id=str(uuid4()), count=1),
            ):
                error = await command
                assert (error["code"], error["retryable"]) == ("not_on_sale", False)
                assert expected in error["message"]
            if showtime == "early":
                assert error["facts"]["on_sale_at_ms"] == later


async def test_best_finds_seats_together_and_a_repeated_best_answers_the_same(server: Instance) -> None:
    async with server.watcher(encoding=MSGPACK) as wire:
        ask = {"hold_id": str(uuid4()), "count": 4, "categories": ["sofa"]}
        first = await wire.ask("best", **ask)
        assert (first["type"], first["seats"]) == ("held", [24, 25, 26, 27])
        again = await wire.ask("best", **ask)
        assert again == {**first, "ref": again["ref"]}, "although no sofa is left to find"
        none = await wire.ask("best", hold_id=str(uuid4()), count=1, categories=["sofa"])
        assert (none["code"], none["facts"]) == ("no_seats_together", {"count": 1, "groups_of": 2})
        assert none["message"] == "there is no free seat: seats there are sold only in groups of 2"
        unknown = await wire.ask("best", hold_id=str(uuid4()), count=1, categories=["royal"])
        assert (unknown["code"], unknown["facts"]) == ("bad_request", {"where": "categories"})
        alone = await wire.ask("best", hold_id=str(uuid4()), count=9, split=False)
        assert alone["code"] == "no_seats_together"


async def test_of_many_who_ask_for_the_best_seats_at_once_everybody_gets_some(server: Instance) -> None:
    async def ask(number: int) -> Message:
        async with server.watcher(f"user {number}") as wire:
            await ready.wait()
            return await wire.ask("best", hold_id=str(uuid4()), count=1, categories=["standard"])

    free = BLOCKED
    ready = asyncio.Barrier(free)
    replies = await asyncio.gather(*(ask(number) for number in range(free)))
    assert [reply["type"] for reply in replies] == ["held"] * free
    assert {seat for reply in replies for seat in reply["seats"]} == set(range(free))


@both_encodings
async def test_a_booking_is_answered_once_and_told_to_the_users_other_sockets(server: Instance, encoding: str) -> None:
    hold_id = str(uuid4())
    async with server.watcher("ann", encoding) as ann, server.watcher("ann") as phone, server.watcher("bob") as bob:
        await ann.ask("hold", hold_id=hold_id, seats=[3, 4])
        booked = await ann.ask("book", hold_id=hold_id, pay_later=True)
        assert (booked["type"], booked["status"], booked["booking_id"]) == ("booked", "pending", hold_id)
        assert (booked["seats"], booked["total_minor"]) == ([3, 4], 2000)
        assert booked["expires_at_ms"] > now_ms()
        told = await phone.until("booked")
        assert told == {**booked, "ref": 0}
        await bob.until("delta", changes=[[3, 2], [4, 2]])
        again = await ann.ask("book", hold_id=hold_id, pay_later=True)
        assert again == {**booked, "ref": again["ref"]}
        assert (await bob.ask("book", hold_id=hold_id))["code"] in ("hold_gone", "hold_conflict")
        assert (await ann.ask("release", hold_id=hold_id))["code"] == "hold_gone"
        await server.core.checkout.confirm(UUID(hold_id))
        for wire in (ann, phone):
            assert (await wire.until("booked", status="confirmed"))["ref"] == 0
        await bob.until("delta", changes=[[3, 3], [4, 3]])
        assert not [message for message in bob.log if message["type"] in ("booked", "expired")]
    assert [message["ref"] for message in ann.log if message["type"] == "booked"] == [booked["ref"], again["ref"], 0]


async def test_a_hold_that_one_socket_changes_is_told_to_the_users_other_sockets_only(server: Instance) -> None:
    hold_id = uuid4()
    async with server.watcher("ann") as ann, server.watcher("ann", MSGPACK) as phone, server.watcher("bob") as bob:
        await ann.hold(3, hold_id=hold_id)
        assert (await phone.until("elsewhere"))["hold_id"] == str(hold_id)
        assert (await phone.ask("release", hold_id=str(hold_id)))["type"] == "released"
        assert (await ann.until("elsewhere"))["hold_id"] == str(hold_id)
        await bob.hold(4)
        for wire in (ann, phone):
            while [4, 1] not in (await wire.until("delta"))["changes"]:
                pass  # whoever sees this change has been told of those before it
            assert [message["type"] for message in wire.log].count("elsewhere") == 1


async def test_a_hold_whose_time_is_over_is_told_to_its_owner_and_shown_to_all(make_server: MakeServer) -> None:
    server = await make_server(hold_ms=300)
    hold_id = uuid4()
    async with server.watcher("ann") as ann, server.watcher("bob") as bob:
        held = await ann.hold(1, 2, hold_id=hold_id)
        assert (await bob.until("delta"))["changes"] == [[1, 1], [2, 1]]
        assert (await bob.until("delta"))["changes"] == [[1, 0], [2, 0]]
        assert now_ms() >= held["deadline_ms"]
        expired = await ann.until("expired")
        assert (expired["hold_id"], expired["seats"], expired["reason"]) == (str(hold_id), [1, 2], "expired")
        for command in ("extend", "book", "release"):
            assert (await ann.ask(command, hold_id=str(hold_id)))["code"] == "hold_gone"
        assert (await ann.hold(1, 2, hold_id=hold_id))["code"] == "hold_gone", "an old id holds nothing anew"


async def test_all_that_is_told_in_a_currency_has_its_minor_digits(server: Instance) -> None:
    await put_on_sale(server.core.catalog, "dinars", tariff=Tariff.flat("KWD", PRICES))
    async with server.watcher(showtime="dinars") as wire:
        offers = (await wire.ask("offers", count=2))["offers"]
        held = await wire.hold(5, 6)
        booked = await wire.ask("book", hold_id=held["hold_id"])
        for told in (*offers, held, booked):
            assert (told["currency"], told["currency_digits"]) == ("KWD", 3)


async def test_a_user_who_comes_back_finds_the_holds_that_are_alive(server: Instance) -> None:
    async with server.watcher() as wire:
        held = await wire.hold(5, 6)
        gone = await wire.hold(7)
        await wire.ask("release", hold_id=gone["hold_id"])
    async with server.socket() as wire:
        holds = (await wire.hello())["holds"]
    money = ("fees_minor", "total_minor", "currency", "currency_digits")
    basket = {name: held[name] for name in ("seats", "areas", "lines", *money)}
    deadlines = {name: held[name] for name in ("deadline_ms", "latest_deadline_ms")}
    mine = {"hold_id": held["hold_id"], **deadlines, "wheelchairs": 0, "stranded": []}
    assert holds == [{**basket, **mine}]
    assert (basket["seats"], basket["total_minor"]) == ([5, 6], 2000)


# ---------------------------------------------------------------- following the room


async def test_who_resumes_gets_the_missed_changes_only_and_a_snapshot_when_they_are_unknown(
    make_server: MakeServer,
) -> None:
    server = await make_server(ring_deltas=3)
    async with server.watcher("bob") as bob, server.socket("ann") as ann:
        welcome = await ann.hello()
        at = {"epoch": welcome["epoch"], "version": welcome["version"]}
        await ann.until("snapshot")
        await ann.connection.close()
        for seat in (1, 2):
            held = await bob.hold(seat)
        async with server.socket("ann") as back:
            assert (await back.hello(resume=at))["version"] == at["version"] + 2
            delta = await back.next()
            assert (delta["type"], delta["from"], delta["version"]) == ("delta", at["version"], at["version"] + 2)
            assert sorted(delta["changes"]) == [[1, 1], [2, 1]]
            # Up to date: nothing more is sent.
            await back.hello(resume={"epoch": at["epoch"], "version": at["version"] + 2})
            assert (await back.ask("beat"))["version"] == at["version"] + 2
            assert back.log[-2]["type"] == "welcome"
        await bob.ask("release", hold_id=held["hold_id"])
        for seat in (3, 4):
            await bob.hold(seat)
        for resume in (
            at,
            {"epoch": "another", "version": at["version"]},
            {"epoch": at["epoch"], "version": 10**9},
            None,
        ):
            async with server.socket("ann") as back:
                await back.hello(resume=resume)
                snapshot = await back.next()
                assert snapshot["type"] == "snapshot", resume
                assert snapshot["states"][:6] == "010110"


async def test_who_resumes_is_brought_to_the_rooms_version_even_if_no_seat_is_another(server: Instance) -> None:
    async with server.watcher("ann") as ann, server.watcher("bob") as bob:
        first = uuid4()
        await ann.hold(1, hold_id=first)
        at = await bob.until("delta", changes=[[1, 1]])
        await ann.ask("hold", hold_id=str(uuid4()), seats=[1], replaces=str(first))
        assert (await bob.until("delta"))["changes"] == []
        welcome = await bob.hello(resume={"epoch": at["epoch"], "version": at["version"]})
        assert welcome["version"] > at["version"]
        missed = await bob.next()
        assert (missed["type"], missed["from"], missed["version"]) == ("delta", at["version"], welcome["version"])


async def test_all_sockets_of_a_room_see_the_same_versions_and_end_in_the_same_state(server: Instance) -> None:
    async def follow(wire: Wire, last: int) -> bytes:
        states, version, epoch = bytearray(SEATS), -1, ""
        while version < last:
            message = await wire.next() if version >= 0 else wire.log[-1]
            if message["type"] == "snapshot":
                epoch, version = message["epoch"], message["version"]
                states[:] = bytes(map(int, message["states"]))
            elif message["type"] == "delta":
                assert message["epoch"] == epoch
                assert message["from"] <= version < message["version"], "in order and without a gap"
                version = message["version"]
                for seat, state in message["changes"]:
                    states[seat] = state
        return bytes(states)

    async with (
        server.watcher("a", JSON) as one,
        server.watcher("b", MSGPACK) as other,
        server.watcher("c", MSGPACK) as busy,
    ):
        for seat in range(20):
            held = await busy.hold(seat % 10)
            if seat % 3:
                await busy.ask("release", hold_id=held["hold_id"])
        last = (await busy.ask("beat"))["version"]
        assert await follow(one, last) == await follow(other, last) == await server.states()


async def test_a_quiet_room_hears_a_beat_with_its_version(make_server: MakeServer) -> None:
    server = await make_server(heartbeat_ms=100, idle_ms=10_000)
    async with server.watcher() as wire:
        for _ in range(3):
            beat = await wire.until("beat")
            assert (beat["ref"], beat["version"]) == (0, wire.log[0]["version"])
            assert beat["epoch"] == wire.log[0]["epoch"]
            assert beat["server_ms"] > 0
