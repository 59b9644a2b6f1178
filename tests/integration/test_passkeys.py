"""Passkeys on a real Postgres and Redis, signed by a device made of software, which can also do wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seatserver.accounts.challenges import text_of
from seatserver.accounts.passkeys import UNKNOWN, Assertion, Attestation, Passkeys
from seatserver.accounts.sign_in import PasswordCheck
from seatserver.accounts.users import MOST_IDENTITIES, About, User
from seatserver.config import Settings
from seatserver.errors import BadRequest, Conflict, NotFound, SessionEnded, SignInRefused
from seatserver.server import Server
from tests.integration.device import PRESENT, VERIFIED, Device
from tests.integration.server import opened
from tests.integration.test_accounts import ANNA, PASSWORD, add

HOST = "rex.example"


@pytest.fixture
async def core(brisk: Settings) -> AsyncIterator[Server]:
    """A server with a public address."""
    async with opened(dataclasses.replace(brisk, duties=False, public_url="https://REX.example:443")) as made:
        yield made


async def with_passkey(core: Server, about: About = ANNA) -> tuple[User, Device]:
    user, device = await add(core, about), Device()
    made = device.make(await core.passkeys.begin(user))
    assert (await core.passkeys.register(user, made, " Phone ")).name == "Phone"
    return user, device


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://[::1]:8000", ""], ids=["ipv4", "ipv6", "none"])
def test_no_passkey_is_offered_where_browsers_make_none(core: Server, settings: Settings, url: str) -> None:
    passkeys = Passkeys(dataclasses.replace(settings, public_url=url), core.database, core.passkeys._challenges)  # noqa: SLF001
    assert core.passkeys.are_possible and not passkeys.are_possible


async def test_a_passkey_signs_its_user_in_and_says_when_it_was_used(core: Server) -> None:
    user, device = await with_passkey(core)
    options = await core.passkeys.begin_sign_in()
    assert (options["rpId"], options["userVerification"]) == (HOST, "required")
    assert (await core.passkeys.user_of(device.sign(options, user.id))).user_id == user.id
    assert (await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in()))).user_id == user.id
    [kept] = await core.passkeys.of_user(user.id)
    assert kept.last_used_at_ms is not None


async def test_a_password_from_an_administrator_removes_the_passkeys_and_one_s_own_does_not(core: Server) -> None:
    user, device = await with_passkey(core)
    own = await PasswordCheck(core.users, core.passwords, core.shares, core.metrics).user_of(user.email, PASSWORD, "")
    fresh = await core.passwords.hash("drei Kamele rudern weit", ())
    await core.users.set_password(user.id, fresh, by=user.id, proof=own)
    thief = await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in()))
    await core.users.set_password(user.id, fresh, by="boss")
    assert await core.passkeys.of_user(user.id) == []
    with pytest.raises(SignInRefused):
        await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in()))
    with pytest.raises(SignInRefused):
        await core.user_sessions.begin(user.id, kind="page", method="passkey", proof=thief)


async def test_who_was_thrown_out_meanwhile_leaves_no_passkey_behind(core: Server) -> None:
    user = await add(core)
    page = await core.user_sessions.begin(user.id, kind="page", method="password")
    made = Device().make(await core.passkeys.begin(user))
    await core.users.sign_out(user.id, by="boss")
    with pytest.raises(SessionEnded):
        await core.passkeys.register(user, made, "Phone", page.session.id)
    assert await core.passkeys.of_user(user.id) == []


async def test_an_answer_that_was_recorded_is_worth_nothing(core: Server) -> None:
    _, device = await with_passkey(core)
    answer = device.sign(await core.passkeys.begin_sign_in())
    tries = [core.passkeys.user_of(answer) for _ in range(4)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(result, SignInRefused) for result in results].count(False) == 1, "it counts once"


async def test_an_answer_to_somebody_else_s_challenge_is_refused(core: Server) -> None:
    user, device = await with_passkey(core)
    ben = await add(core, About(name="Ben", email="ben@rex.example"))
    for_ben = await core.passkeys.begin(ben)
    with pytest.raises(BadRequest):
        await core.passkeys.register(user, Device().make(for_ben), "Phone")
    for challenge in (for_ben["challenge"], (await core.passkeys.begin(user))["challenge"], text_of(bytes(32)), ""):
        with pytest.raises(SignInRefused):
            await core.passkeys.user_of(device.sign({"challenge": challenge}))
    sign_in = await core.passkeys.begin_sign_in()
    with pytest.raises(BadRequest):
        await core.passkeys.register(user, Device().make(sign_in), "Phone")


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://rex.example.evil.example"},
        {"origin": "http://rex.example"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"count": 0},
        {"other_key": True},
        {"type": "webauthn.create"},
    ],
    ids=lambda wrong: "-".join(f"{name} {value}" for name, value in wrong.items()),
)
async def test_what_a_passkey_signs_elsewhere_or_otherwise_is_refused(core: Server, wrong: dict[str, Any]) -> None:
    _, device = await with_passkey(core)
    await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in()))
    with pytest.raises(SignInRefused) as caught:
        await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in(), **wrong))
    assert caught.value.message == UNKNOWN, "all reasons are told in the same words"


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "https://evil.example"}, {"host": "evil.example"}, {"flags": PRESENT}],
    ids=lambda wrong: "-".join(wrong),
)
async def test_a_passkey_that_was_made_elsewhere_or_unchecked_is_not_kept(core: Server, wrong: dict[str, Any]) -> None:
    user = await add(core)
    with pytest.raises(BadRequest):
        await core.passkeys.register(user, Device().make(await core.passkeys.begin(user), **wrong), "Phone")
    assert await core.passkeys.of_user(user.id) == []


async def test_a_passkey_is_one_user_s_and_signs_in_nobody_else(core: Server) -> None:
    user, device = await with_passkey(core)
    ben = await add(core, About(name="Ben", email="ben@rex.example"))
    with pytest.raises(Conflict):
        await core.passkeys.register(ben, device.make(await core.passkeys.begin(ben)), "Phone")
    with pytest.raises(SignInRefused):
        await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in(), ben.id))
    with pytest.raises(SignInRefused):
        await core.passkeys.user_of(Device().sign(await core.passkeys.begin_sign_in()))
    with pytest.raises(NotFound):
        await core.passkeys.remove(ben.id, text_of(device.id))
    await core.passkeys.remove(user.id, text_of(device.id))
    with pytest.raises(SignInRefused):
        await core.passkeys.user_of(device.sign(await core.passkeys.begin_sign_in()))


async def test_nothing_that_a_stranger_sends_breaks_the_reading(core: Server) -> None:
    user, device = await with_passkey(core)
    garbage = ["Zm9v", "", "e30", text_of(b"[" * 3000), text_of(b"null"), text_of(b"\xff\xfe"), "A"]
    for text in garbage:
        options = await core.passkeys.begin_sign_in()
        for name in ("client_data", "authenticator_data", "signature", "user_handle"):
            fields = {field: getattr(device.sign(options), field) for field in Assertion.__struct_fields__}
            if name == "user_handle" and not text:
                continue
            with pytest.raises(SignInRefused):
                await core.passkeys.user_of(Assertion(**{**fields, name: text}))
        made = device.make(await core.passkeys.begin(user))
        for name in ("attestation", "client_data"):
            fields = {field: getattr(made, field) for field in Attestation.__struct_fields__}
            with pytest.raises(BadRequest):
                await core.passkeys.register(user, Attestation(**{**fields, name: text}), "Phone")


async def test_a_user_has_a_bounded_number_of_passkeys(core: Server) -> None:
    user = await add(core)
    for _ in range(MOST_IDENTITIES):
        await core.passkeys.register(user, Device().make(await core.passkeys.begin(user)), "Phone")
    with pytest.raises(Conflict, match="limit"):
        await core.passkeys.register(user, Device().make(await core.passkeys.begin(user)), "Phone")
