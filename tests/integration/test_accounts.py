"""Accounts of staff, without a door: users and roles in Postgres, their sessions, and `seatserver user`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from seatserver.accounts import passwords as rules
from seatserver.accounts.endings import end_tokens
from seatserver.accounts.sessions import AGAIN_MS, MOST, Grant, Sessions
from seatserver.accounts.sign_in import PasswordCheck
from seatserver.accounts.users import About, Role, User, lock_of
from seatserver.config import Settings
from seatserver.errors import (
    AccountDisabled,
    BadRequest,
    Conflict,
    NotFound,
    Revoked,
    SessionEnded,
    SignInRefused,
    TooMany,
)
from seatserver.server import Server
from tests.integration.server import eventually, now_ms, rows
from tests.integration.test_demo import environment

PASSWORD = "vierzehn blaue Ziegel"
ANNA = About(name="Anna Bauer", email="anna@rex.example", roles=("box-office",))
NETWORK = "192.0.2.7"


async def add(core: Server, about: About = ANNA, password: str | None = PASSWORD) -> User:
    hashed = password and await core.passwords.hash(password, (about.name, about.email))
    return await core.users.create(about, by="boss", password_hash=hashed)


def about(user: User, **changes: Any) -> About:
    fields = {name: getattr(user, name) for name in ("name", "email", "email_verified", "roles", "channel")}
    return About(**{**fields, **changes})


async def begin(core: Server, user: User, **more: Any) -> Grant:
    return await core.user_sessions.begin(user.id, **{"kind": "program", "method": "password", **more})


def check(core: Server) -> PasswordCheck:
    return PasswordCheck(core.users, core.passwords, core.shares, core.metrics)


def later(core: Server, settings: Settings, ms: int) -> Sessions:
    """The same sessions, as somebody sees them whose clock is ahead."""
    return Sessions(settings, core.database, core.tokens, core.revocations, lambda: now_ms() + ms)


# ---------------------------------------------------------------- users and roles


async def test_a_user_s_roles_decide_what_their_tokens_allow(core: Server) -> None:
    user = await add(
        core, about(await add(core), email="ben@rex.example", roles=("usher", "box-office"), channel="till")
    )
    assert (user.roles, user.scopes) == (("box-office", "usher"), ("hold", "book", "settle", "admit"))
    identity = await core.credentials.verify((await begin(core, user)).token)
    assert (identity.user_id, identity.channel) == (user.id, "till")
    assert identity.scopes == set(user.scopes)
    await core.users.set_role(Role(name="usher", scopes=("admit", "watch")), by="boss")
    assert "watch" in (await core.users.get(user.id)).scopes


async def test_an_e_mail_is_one_user_s_however_it_is_written(core: Server) -> None:
    user = await add(core)
    with pytest.raises(Conflict, match=r"anna@rex\.example"):
        await add(core, about(user, email=" Anna@REX.example "))
    other = await add(core, about(user, email="ben@rex.example"))
    with pytest.raises(Conflict, match="another user"):
        await core.users.change(other.id, about(other, email="ANNA@rex.example"), by="boss")
    assert (await core.users.by_email("ANNA@rex.example")).id == user.id


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"email": "anna"}, "email"),
        ({"email": "anna@rex.example, eve@evil.example"}, "email"),
        ({"email": "a" * 65 + "@rex.example"}, "email"),
        ({"roles": ("king",)}, "roles"),
        ({"channel": "a b"}, "channel"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_what_is_wrong_about_a_user_is_named(core: Server, wrong: dict[str, Any], where: str) -> None:
    fields = {"name": ANNA.name, "email": ANNA.email, "roles": (), **wrong}
    with pytest.raises(BadRequest) as caught:
        await core.users.create(About(**fields), by="boss")
    assert caught.value.facts["where"] == where
    assert (await core.users.page(limit=10))[0] == []


async def test_users_are_listed_a_page_at_a_time(core: Server) -> None:
    assert not await core.users.any()
    made = [(await _plain(core, number)).id for number in range(5)]
    assert await core.users.any()
    first, after = await core.users.page(limit=3)
    second, end = await core.users.page(limit=3, after=after)
    assert [user.id for user in first + second] == made[::-1]
    assert end is None


async def _plain(core: Server, number: int) -> User:
    return await core.users.create(About(name="N", email=f"n{number}@rex.example"), by="boss")


# ---------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 129, "passwordpassword", "Password1234", "123456789012", "qwertzuiop12", "ANNA is at the till"],
    ids=["short", "long", "common", "decorated", "numbers", "keyboard", "name"],
)
async def test_a_password_that_is_easy_to_guess_is_refused_and_not_repeated(core: Server, password: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await core.passwords.hash(password, ("Anna Bauer", "anna@rex.example"))
    assert password not in caught.value.message


async def test_a_password_fits_however_its_accents_are_typed(core: Server) -> None:
    hashed = await core.passwords.hash("drei Käfer rudern weit", ())
    assert await core.passwords.matches("drei Ka\u0308fer rudern weit", hashed)
    assert not await core.passwords.matches("drei Kafer rudern weit", hashed)
    assert hashed.startswith("$argon2id$")


async def test_an_unknown_user_costs_as_much_as_a_known_one(core: Server) -> None:
    assert not core.passwords.is_outdated(rules.DECOY), "the decoy takes as long as a real password"
    assert not await core.passwords.matches(PASSWORD, None)


async def test_whoever_knows_the_password_is_the_user_and_nobody_else(core: Server) -> None:
    user = await add(core)
    nameless = await _plain(core, 1)
    known = check(core)
    assert (await known.user_of(" ANNA@rex.example", PASSWORD, NETWORK)).user_id == user.id
    refusals = set()
    wrong = [("anna@rex.example", "wrong"), ("eve@rex.example", PASSWORD), (nameless.email, ""), ("a\0b", "x" * 500)]
    for email, password in wrong:
        with pytest.raises(SignInRefused) as caught:
            await known.user_of(email, password, NETWORK)
        refusals.add((caught.value.message, str(caught.value.facts)))
    assert len(refusals) == 1, "no answer tells who has an account"


async def test_guessing_holds_up_the_guesser_and_not_the_user(core: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatserver.access.shares.PASSWORD_S", 3600.0)
    user = await add(core)
    known = check(core)

    async def guess() -> str:
        try:
            await known.user_of("Anna@rex.example", "wrong", "198.51.100.9")
        except (SignInRefused, TooMany) as error:
            return error.code
        raise AssertionError("a wrong password fits")

    codes = await asyncio.gather(*(guess() for _ in range(12)))
    assert codes.count("sign_in_refused") == 5, "many at once are counted before they are tried"
    assert codes.count("too_many") == 7
    with pytest.raises(TooMany):
        await known.user_of("anna@rex.example", PASSWORD, "198.51.100.9")
    assert (await known.user_of("anna@rex.example", PASSWORD, NETWORK)).user_id == user.id


async def test_a_password_that_was_hashed_in_an_older_way_is_hashed_again(
    core: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TIME_COST", 1)
    user = await add(core)
    [old] = await rows(core, "SELECT password_hash FROM users")
    monkeypatch.undo()
    core.passwords.__dict__.pop("_hasher")
    assert (await check(core).user_of(user.email, PASSWORD, NETWORK)).user_id == user.id
    [new] = await rows(core, "SELECT password_hash FROM users")
    assert "t=1" in old[0] and "t=2" in new[0]
    assert (await check(core).user_of(user.email, PASSWORD, NETWORK)).user_id == user.id


async def test_who_proved_it_before_the_password_changed_neither_begins_a_session_nor_changes_it_back(
    core: Server,
) -> None:
    user = await add(core)
    thief = await check(core).user_of(user.email, PASSWORD, NETWORK)
    fresh = await core.passwords.hash("drei Kamele rudern weit", ())
    await core.users.set_password(user.id, fresh, by="boss")
    with pytest.raises(SignInRefused):
        await begin(core, user, proof=thief)
    with pytest.raises(SignInRefused):
        await core.users.set_password(user.id, rules.DECOY, by=user.id, proof=thief)
    assert await core.user_sessions.of_user(user.id) == []
    known = await check(core).user_of(user.email, "drei Kamele rudern weit", NETWORK)
    await begin(core, user, proof=known)
    for _ in range(2):  # the answer of COMMIT may be lost, and it is done again
        await core.users.set_password(user.id, rules.DECOY, by=user.id, proof=known)


async def test_a_password_that_another_sign_in_hashed_again_still_begins_a_session(
    core: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TIME_COST", 1)
    user = await add(core)
    monkeypatch.undo()
    core.passwords.__dict__.pop("_hasher")
    proofs = await asyncio.gather(*(check(core).user_of(user.email, PASSWORD, NETWORK) for _ in range(4)))
    for proof in proofs:
        await begin(core, user, proof=proof)


# ---------------------------------------------------------------- sessions


async def test_a_refresh_token_gives_the_next_one(core: Server) -> None:
    user = await add(core)
    first = await begin(core, user)
    second = await core.user_sessions.refresh(first.text)
    third = await core.user_sessions.refresh(second.text)
    assert len({first.text, second.text, third.text}) == 3
    assert (await core.credentials.verify(third.token)).user_id == user.id


async def test_a_lost_answer_is_given_again(core: Server) -> None:
    first = await begin(core, await add(core))
    answers = await asyncio.gather(*(core.user_sessions.refresh(first.text) for _ in range(4)))
    assert len({answer.text for answer in answers}) == 1, "all get the same successor"
    await core.user_sessions.refresh(answers[0].text)


async def test_a_refresh_token_that_comes_back_ends_the_whole_session(core: Server) -> None:
    first = await begin(core, await add(core))
    second = await core.user_sessions.refresh(first.text)
    since = f"rotated_at - interval '{AGAIN_MS + 1000} ms'"
    await rows(core, f"UPDATE user_sessions SET rotated_at = {since} RETURNING id")
    with pytest.raises(SessionEnded):
        await core.user_sessions.refresh(first.text)
    with pytest.raises(SessionEnded):
        await core.user_sessions.refresh(second.text)
    with pytest.raises(Revoked):
        await core.credentials.verify(second.token)


async def test_a_token_older_than_the_last_is_reused_however_soon_it_comes(core: Server) -> None:
    first = await begin(core, await add(core))
    third = await core.user_sessions.refresh((await core.user_sessions.refresh(first.text)).text)
    with pytest.raises(SessionEnded):
        await core.user_sessions.refresh(first.text)
    with pytest.raises(SessionEnded):
        await core.user_sessions.refresh(third.text)


async def test_nobody_continues_or_ends_a_session_with_a_text_of_another_kind(core: Server) -> None:
    user = await add(core)
    program, page = await begin(core, user), await begin(core, user, kind="page")
    for text in (page.text, program.token, program.text[:-2], f"{program.text}x", "", "x" * 5000, "a.b.c"):
        with pytest.raises(SessionEnded):
            await core.user_sessions.refresh(text)
    for text in (program.text, page.token):
        with pytest.raises(SessionEnded):
            await core.user_sessions.token_for_page(text)
    await core.user_sessions.sign_out("page", program.text)
    await core.user_sessions.refresh(program.text)


async def test_a_session_ends_when_it_is_not_used_and_at_its_deadline(core: Server, brisk: Settings) -> None:
    page = await begin(core, await add(core), kind="page")
    idle = later(core, brisk, brisk.staff_idle_s * 1000 + 60_000)
    with pytest.raises(SessionEnded):
        await idle.token_for_page(page.text)
    await rows(core, "UPDATE user_sessions SET expires_at = now() RETURNING id")
    with pytest.raises(SessionEnded):
        await core.user_sessions.token_for_page(page.text)


async def test_signing_out_ends_this_session_and_no_other(core: Server) -> None:
    user = await add(core)
    here, there = await begin(core, user, kind="page"), await begin(core, user, kind="page")
    for _ in range(2):
        await core.user_sessions.sign_out("page", here.text)
    with pytest.raises(Revoked):
        await core.credentials.verify(here.token)
    with pytest.raises(SessionEnded):
        await core.user_sessions.token_for_page(here.text)
    await core.credentials.verify((await core.user_sessions.token_for_page(there.text)).token)


@pytest.mark.parametrize("how", ["disable", "sign_out", "set_password"])
async def test_everything_that_a_user_has_ends_at_once(core: Server, how: str) -> None:
    user = await add(core)
    page, program = await begin(core, user, kind="page"), await begin(core, user)
    end = getattr(core.users, how)
    await (end(user.id, rules.DECOY, by="boss") if how == "set_password" else end(user.id, by="boss"))
    for grant in (page, program):
        with pytest.raises(Revoked):
            await core.credentials.verify(grant.token)
    with pytest.raises(SessionEnded):
        await core.user_sessions.token_for_page(page.text)
    with pytest.raises(SessionEnded):
        await core.user_sessions.refresh(program.text)
    if how == "disable":
        with pytest.raises(AccountDisabled):
            await begin(core, user)
        assert (await core.users.disable(user.id, by="another")).disabled_by == "boss"
        await core.users.enable(user.id, by="boss")
    fresh = await begin(core, user)
    assert (await core.credentials.verify(fresh.token)).user_id == user.id, "also within the same second"


async def test_other_roles_end_the_tokens_but_not_the_sessions(core: Server) -> None:
    user = await add(core)
    page = await begin(core, user, kind="page")
    await core.users.change(user.id, about(user, name="Anna B."), by="boss")
    await core.credentials.verify(page.token)
    await core.users.change(user.id, about(user, roles=("usher",)), by="boss")
    with pytest.raises(Revoked):
        await core.credentials.verify(page.token)
    identity = await core.credentials.verify((await core.user_sessions.token_for_page(page.text)).token)
    assert identity.scopes == {"admit"}


async def test_a_token_that_waits_for_other_roles_is_not_ended_with_those_before(core: Server) -> None:
    user = await add(core)
    page = await begin(core, user, kind="page")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def somebody_waits() -> bool:
        return bool(await rows(core, waiting))

    async with core.database.transaction() as connection:
        await connection.execute(lock_of(user.id))
        renewals = [core.user_sessions.token_for_page(page.text), begin(core, user)]
        renewing = asyncio.gather(*renewals)
        await eventually(somebody_waits)
        await end_tokens(connection, user.id, by="boss", now_ms=now_ms())
    await core.revocations.announce()
    for grant in await renewing:
        assert (await core.credentials.verify(grant.token)).user_id == user.id


async def test_a_sign_in_that_cannot_end_the_session_before_it_begins_none(
    core: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await add(core)
    before = await begin(core, user, kind="page")
    monkeypatch.setattr("seatserver.access.revocations.MOST", 0)
    with pytest.raises(Conflict):
        await begin(core, user, kind="page", instead_of=before.text)
    assert [one.id for one in await core.user_sessions.of_user(user.id)] == [before.session.id]
    monkeypatch.undo()
    await begin(core, user, kind="page", instead_of=before.text)
    with pytest.raises(Revoked):
        await core.credentials.verify(before.token)


async def test_a_session_never_allows_more_than_it_began_with(core: Server) -> None:
    user = await add(core)
    narrow = await begin(core, user, scopes=("hold",))
    assert narrow.scopes == ("hold",)
    await core.users.change(user.id, about(user, roles=("admin",)), by="boss")
    wider = await core.user_sessions.refresh(narrow.text, scopes=("admin",))
    assert wider.scopes == ("hold",)


async def test_a_user_has_a_bounded_number_of_sessions(core: Server) -> None:
    user = await add(core)
    oldest = await begin(core, user, kind="page")
    for _ in range(MOST):
        newest = await begin(core, user, kind="page")
    with pytest.raises(SessionEnded):
        await core.user_sessions.token_for_page(oldest.text)
    await core.user_sessions.token_for_page(newest.text)
    alive = [one for one in await core.user_sessions.of_user(user.id) if one.ended_at_ms is None]
    assert len(alive) == MOST


async def test_sessions_that_ended_long_ago_are_forgotten(core: Server) -> None:
    user = await add(core)
    old = await begin(core, user)
    await rows(core, "UPDATE user_sessions SET expires_at = now() - interval '31 days' RETURNING id")
    new = await begin(core, user)
    assert [one.id for one in await core.user_sessions.of_user(user.id)] == [new.session.id] != [old.session.id]


async def test_postgres_has_nothing_that_continues_a_session(core: Server) -> None:
    user = await add(core)
    page, program = await begin(core, user, kind="page", client="Firefox\n" + "x" * 500), await begin(core, user)
    stored = str(await rows(core, "SELECT u::text, s::text FROM users u JOIN user_sessions s ON s.user_id = u.id"))
    for secret in (PASSWORD, page.text, program.text, page.token, program.text.rpartition(".")[2]):
        assert secret not in stored
    assert page.session.client == "Firefox" + "x" * 113


async def test_an_unknown_user_is_not_found(core: Server) -> None:
    for work in (
        core.users.get("staff:nobody"),
        core.users.disable("staff:nobody", by="boss"),
        core.users.change("staff:nobody", ANNA, by="boss"),
        core.user_sessions.of_user("staff:nobody"),
        core.user_sessions.begin("staff:nobody", kind="page", method="password"),
    ):
        with pytest.raises(NotFound):
            await work


# ---------------------------------------------------------------- the command line


@pytest.mark.long  # dozens of processes
async def test_users_are_managed_on_the_command_line(core: Server, settings: Settings) -> None:
    env = environment(DATABASE_URL=settings.database_url, REDIS_URL=settings.redis_url)

    async def user(*args: str, typed: str = "") -> tuple[int, str]:
        command = (sys.executable, "-m", "seatserver", "user", *args)
        answer = await asyncio.to_thread(
            subprocess.run, command, env=env, input=typed, capture_output=True, text=True, timeout=120, check=False
        )
        return answer.returncode, str(answer.stdout + answer.stderr)

    done = await user("add", "Anna@rex.example", "--name", "Anna", "--role", "admin", typed=f"{PASSWORD}\n")
    assert done[0] == 0 and "anna@rex.example (not verified) · admin" in done[1] and PASSWORD not in done[1]
    anna = await core.users.by_email("anna@rex.example")
    assert (await check(core).user_of(anna.email, PASSWORD, NETWORK)).user_id == anna.id
    page = await begin(core, anna, kind="page", client="Firefox")
    code, weak = await user("password", anna.id, typed="password\n")
    assert (code, weak.count("\n")) == (1, 1) and "12 to 128 characters" in weak
    assert "Firefox" in (await user("sessions", anna.email))[1]
    done = await user("set", anna.email, "--role", "usher", "--email-verified", "--channel", "till")
    assert "anna@rex.example · usher · channel till" in done[1]
    done = await user("set", anna.email, "--email", "a@rex.example")
    assert "a@rex.example (not verified)" in done[1], "another e-mail is not proved by the one before"
    done = await user("set", "a@rex.example", "--email", anna.email, "--email-verified")
    assert "anna@rex.example · usher" in done[1]
    assert "disabled" in (await user("disable", anna.email))[1]
    await core.revocations.refresh()
    with pytest.raises(Revoked):
        await core.credentials.verify(page.token)
    assert "disabled" not in (await user("enable", anna.email))[1]
    assert "greeter · admit\n" in (await user("role", "greeter", "--scope", "admit"))[1]
    assert "greeter · admit" in (await user("roles"))[1]
    assert "signed out everywhere" in (await user("sign-out", anna.email))[1]
    assert (await user("show", "eve@rex.example"))[0] == 1
    assert anna.id in (await user("list"))[1]
