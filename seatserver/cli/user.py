"""``seatserver user``: the accounts of staff, who may then sign in to ``/ops`` and to the API.

It works on the database itself, so an installation's first administrator needs no token. Running instances follow
within two seconds. A password is asked for, or read from standard input when that is no terminal; it is never an
argument, because other users of the machine can read those.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from seatserver.cli.database_work import run, shown
from seatserver.cli.who import operator
from seatserver.config import SCOPES
from seatserver.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seatserver.accounts.sessions import Session
    from seatserver.accounts.users import User
    from seatserver.server import Server

MOST_READ = 1024
"""Most characters that are read as a password."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "user",
        help="add, list, change and disable the accounts of staff",
        description="Add, list, change and disable the accounts of staff, and sign them out.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, text: str, act: Callable[[Server, argparse.Namespace], Awaitable[None]]) -> Any:
        made = actions.add_parser(name, help=text)
        made.set_defaults(run=run, act=act)
        return made

    new = action("add", "add a user", _add)
    new.add_argument("email", metavar="EMAIL", help="what the user signs in with")
    new.add_argument("--name", required=True, metavar="N", help="the user's name")
    new.add_argument("--role", action="append", default=[], metavar="R", help="a role; may be repeated")
    new.add_argument("--channel", default="", metavar="C", help="the sales channel to sell for (default: the public)")
    new.add_argument("--email-verified", action="store_true", help="you know that the e-mail is the user's own")
    new.add_argument("--no-password", action="store_true", help="the user will sign in without one")
    action("list", "list the users, the newest first", _list)
    one = action("show", "show a user", _show)
    changed = action("set", "change the fields that you give, and leave the others", _set)
    changed.add_argument("--name", metavar="N", help="the user's name")
    changed.add_argument("--email", dest="new_email", metavar="EMAIL", help="another e-mail")
    which = changed.add_mutually_exclusive_group()
    which.add_argument("--role", action="append", metavar="R", help="the roles, all of them; may be repeated")
    which.add_argument("--no-roles", dest="role", action="store_const", const=(), help="take all roles away")
    changed.add_argument("--channel", metavar="C", help='the sales channel; "" for the public')
    changed.add_argument("--email-verified", action=argparse.BooleanOptionalAction, help="whether the e-mail is proved")
    about_one = [
        one,
        changed,
        action("password", "set another password, which ends all sessions and removes the passkeys", _password),
        action("disable", "stop a user from signing in, and end all sessions", _disable),
        action("enable", "let a disabled user sign in again", _enable),
        action("sessions", "show where a user is signed in", _sessions),
        action("sign-out", "end all sessions and tokens of a user", _sign_out),
    ]
    for made in about_one:
        made.add_argument("user", metavar="USER", help="the user's e-mail, or id")
    action("roles", "list the roles", _roles)
    role = action("role", "make a role, or change what it allows", _role)
    role.add_argument("role", metavar="ROLE", help="its name")
    role.add_argument("--scope", required=True, action="append", choices=SCOPES, help="what it allows; may be repeated")


async def _add(server: Server, args: argparse.Namespace) -> None:
    from seatserver.accounts.users import About

    about = About(
        name=args.name,
        email=args.email,
        email_verified=args.email_verified,
        roles=tuple(args.role),
        channel=args.channel,
    )
    hashed = None if args.no_password else await server.passwords.hash(_typed(), (about.name, about.email))
    print(_line(await server.users.create(about, by=operator(), password_hash=hashed)))


async def _list(server: Server, _: argparse.Namespace) -> None:
    from seatserver.accounts.users import LISTED

    after = None
    while True:
        users, after = await server.users.page(limit=LISTED, after=after)
        for user in users:
            print(_line(user))
        if after is None:
            return


async def _show(server: Server, args: argparse.Namespace) -> None:
    print(_line(await _found(server, args)))


async def _set(server: Server, args: argparse.Namespace) -> None:
    from seatserver.accounts.users import About, normal_email

    user = await _found(server, args)
    wanted = {
        "name": args.name,
        "email": args.new_email,
        "email_verified": args.email_verified,
        "roles": None if args.role is None else tuple(args.role),
        "channel": args.channel,
    }
    if args.new_email is not None and args.email_verified is None:
        wanted["email_verified"] = normal_email(args.new_email) == user.email and user.email_verified
    now = {name: getattr(user, name) for name in wanted}
    about = About(**{**now, **{name: value for name, value in wanted.items() if value is not None}})
    print(_line(await server.users.change(user.id, about, by=operator())))


async def _password(server: Server, args: argparse.Namespace) -> None:
    user = await _found(server, args)
    hashed = await server.passwords.hash(_typed(), (user.name, user.email))
    print(_line(await server.users.set_password(user.id, hashed, by=operator())))


async def _disable(server: Server, args: argparse.Namespace) -> None:
    print(_line(await server.users.disable((await _found(server, args)).id, by=operator())))


async def _enable(server: Server, args: argparse.Namespace) -> None:
    print(_line(await server.users.enable((await _found(server, args)).id, by=operator())))


async def _sessions(server: Server, args: argparse.Namespace) -> None:
    for session in await server.user_sessions.of_user((await _found(server, args)).id):
        print(_session_line(session))


async def _sign_out(server: Server, args: argparse.Namespace) -> None:
    user = await server.users.sign_out((await _found(server, args)).id, by=operator())
    print(f"signed out everywhere: {_line(user)}")


async def _roles(server: Server, _: argparse.Namespace) -> None:
    for role in await server.users.roles():
        print(f"{role.name} · {', '.join(role.scopes)}")


async def _role(server: Server, args: argparse.Namespace) -> None:
    from seatserver.accounts.users import Role

    role = await server.users.set_role(Role(name=args.role, scopes=tuple(args.scope)), by=operator())
    print(f"{role.name} · {', '.join(role.scopes)}")


async def _found(server: Server, args: argparse.Namespace) -> User:
    is_email = "@" in args.user
    return await (server.users.by_email(args.user) if is_email else server.users.get(args.user))


def _typed() -> str:
    """The password: asked for twice on a terminal, else the first line of standard input. Raises `BadRequest`."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(MOST_READ).rstrip("\r\n")
    import getpass

    try:
        password, again = getpass.getpass("Password: "), getpass.getpass("Once more: ")
    except EOFError:
        raise BadRequest("no password was typed: nothing was changed", "password") from None
    if again != password:
        raise BadRequest("these are two different passwords: nothing was changed", "password")
    return password


def _line(user: User) -> str:
    parts = [user.id, user.name, user.email + ("" if user.email_verified else " (not verified)")]
    parts.append(", ".join(user.roles) or "no role")
    if user.channel:
        parts.append(f"channel {user.channel}")
    if not user.has_password:
        parts.append("no password")
    parts.append("never signed in" if user.signed_in_at_ms is None else f"signed in {shown(user.signed_in_at_ms)}")
    if user.disabled_at_ms is not None:
        parts.append(f"disabled {shown(user.disabled_at_ms)} by {user.disabled_by}")
    return " · ".join(parts)


def _session_line(session: Session) -> str:
    parts = [session.id.hex, session.kind, f"by {session.method}", session.client or "nameless"]
    parts += [f"begun {shown(session.created_at_ms)}", f"used {shown(session.used_at_ms)}"]
    if session.ended_at_ms is not None:
        parts.append(f"ended {shown(session.ended_at_ms)}: {session.ended_because}")
    else:
        parts.append(f"expires {shown(session.expires_at_ms)}")
    return " · ".join(parts)
