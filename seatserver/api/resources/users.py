"""The accounts of staff: who may sign in, and what they may do then.

Whoever can make users can give themselves any role, and go on when their own account is gone. So an API key cannot,
whatever its scopes (`NotWithKey`), just as it cannot make keys.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.access.tokens import PUBLIC
from seatserver.accounts import users
from seatserver.accounts.passwords import MAX_CHARS, MIN_CHARS
from seatserver.accounts.users import About, Role
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import ANY_TOKEN, Call, Resource
from seatserver.api.shared.fields import Document, Millis, Next
from seatserver.config import SCOPES
from seatserver.errors import Conflict, NotFound, NotWithKey, SignInRefused, TooMany

Scope = Annotated[str, Meta(pattern=f"^({'|'.join(SCOPES)})$")]
UserId = Annotated[str, Meta(pattern=users.ID_PATTERN)]
RoleName = Annotated[str, Meta(pattern=users.ROLE_PATTERN)]
Password = Annotated[
    str,
    Meta(
        max_length=1024,
        description=f"{MIN_CHARS} to {MAX_CHARS} characters, of any kind. Refused are common ones, and those that "
        "contain the user's name or e-mail.",
    ),
]
Roles = Annotated[tuple[RoleName, ...], Meta(max_length=users.MOST_ROLES)]
Email = Annotated[str, Meta(min_length=3, max_length=users.MAX_EMAIL)]
NameOfUser = Annotated[str, Meta(min_length=1, max_length=users.MAX_NAME)]


class UserDraft(Document, frozen=True):
    """All that an administrator says about a user."""

    name: NameOfUser
    email: Email
    email_verified: Annotated[bool, Meta(description="Whether you know that it is theirs.")] = False
    roles: Roles = ()
    channel: Annotated[str, Meta(max_length=64, description="The sales channel. Empty: the public.")] = PUBLIC


class NewUser(UserDraft, frozen=True):
    """The user to make."""

    password: Annotated[Password | None, Meta(description="Null: the user signs in in another way.")] = None


class NewPassword(Document, frozen=True):
    """A password."""

    password: Password


class ChangePassword(Document, frozen=True):
    """Your own password, and the next one."""

    current: Annotated[str, Meta(max_length=1024)]
    password: Password


class UserView(Document, frozen=True):
    """A user."""

    id: UserId
    name: str
    email: str
    email_verified: bool
    roles: tuple[str, ...]
    scopes: Annotated[tuple[str, ...], Meta(description="What the roles allow together.")]
    channel: str
    has_password: bool
    created_by: str
    created_at_ms: Millis
    signed_in_at_ms: Annotated[int | None, Meta(description="The latest time. Null: never.")]
    disabled_by: str | None
    disabled_at_ms: int | None


class UsersQuery(Document, frozen=True):
    """Which page."""

    limit: Annotated[int, Meta(ge=1, le=users.LISTED, description="Most users on a page.")] = 20
    after: Annotated[UserId | None, Meta(description="`next` of the previous page.")] = None


class UsersPage(Document, frozen=True):
    """A page of users, the newest first."""

    users: tuple[UserView, ...]
    next: Next


class SessionView(Document, frozen=True):
    """Where a user is or was signed in."""

    id: str
    kind: Annotated[str, Meta(pattern="^(page|program)$")]
    method: Annotated[str, Meta(pattern="^(password|passkey)$", description="How the user signed in.")]
    client: Annotated[str, Meta(description="What the browser or program called itself.")]
    created_at_ms: Millis
    used_at_ms: Millis
    expires_at_ms: Millis
    ended_at_ms: int | None
    ended_because: str | None


class SessionsOfUser(Document, frozen=True):
    """The latest sessions of a user, the newest first."""

    sessions: tuple[SessionView, ...]


class RoleDraft(Document, frozen=True):
    """What the users of a role may do."""

    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(SCOPES))]


class RoleView(Document, frozen=True):
    """A role."""

    name: RoleName
    scopes: tuple[str, ...]


class RoleList(Document, frozen=True):
    """All roles."""

    roles: tuple[RoleView, ...]


USER = UserView(
    id="staff:k3v7pq2xnd5mzt4a",
    name="Anna Bauer",
    email="anna@rex.example",
    email_verified=True,
    roles=("box-office",),
    scopes=("hold", "book", "settle"),
    channel="box-office",
    has_password=True,
    created_by="boss",
    created_at_ms=story.NOW_MS,
    signed_in_at_ms=None,
    disabled_by=None,
    disabled_at_ms=None,
)
SESSION = SessionView(
    id="5f2b7c1e9d604a53b8f1d2c3e4a5b6c7",
    kind="page",
    method="password",
    client="Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
    created_at_ms=story.NOW_MS,
    used_at_ms=story.NOW_MS + 60_000,
    expires_at_ms=story.NOW_MS + 43_200_000,
    ended_at_ms=None,
    ended_because=None,
)
DRAFT = {"name": "Anna Bauer", "email": "anna@rex.example", "roles": ("box-office",), "channel": "box-office"}
BOX_OFFICE = RoleView(name="box-office", scopes=("hold", "book", "settle"))
RESOURCE = Resource(
    __name__,
    tag="staff",
    examples=(
        msgspec.convert(DRAFT, UserDraft),
        msgspec.convert({**DRAFT, "password": "vierzehn blaue Ziegel"}, NewUser),
        NewPassword(password="drei Käfer rudern weit"),
        ChangePassword(current="vierzehn blaue Ziegel", password="drei Käfer rudern weit"),
        USER,
        UsersPage(users=(USER,), next=None),
        SESSION,
        SessionsOfUser(sessions=(SESSION,)),
        RoleDraft(scopes=BOX_OFFICE.scopes),
        BOX_OFFICE,
        RoleList(roles=(BOX_OFFICE,)),
    ),
)


@RESOURCE.post("/users", status=201, scope="admin", refusals=(Conflict,))
async def create_user(call: Call, body: NewUser) -> UserView:
    """Make a user. If the answer is lost, repeating it is refused, because the e-mail is taken: look in the list."""
    by = _by(call, "making a user")
    hashed = body.password and await call.services.passwords.hash(body.password, (body.name, body.email))
    return _view(await call.services.users.create(_about(body), by=by, password_hash=hashed))


@RESOURCE.get("/users", scope="admin")
async def get_users(call: Call, query: UsersQuery) -> UsersPage:
    """List the users, the newest first, a page at a time."""
    found, following = await call.services.users.page(limit=query.limit, after=query.after)
    return UsersPage(users=tuple(_view(user) for user in found), next=following)


@RESOURCE.get("/users/{user_id}", scope="admin", refusals=(NotFound,))
async def get_user(call: Call) -> UserView:
    """Get one user."""
    return _view(await call.services.users.get(_user_id(call)))


@RESOURCE.put("/users/{user_id}", scope="admin", refusals=(NotFound, Conflict))
async def put_user(call: Call, body: UserDraft) -> UserView:
    """Say everything about a user anew. Other roles or another channel end their tokens, but not their sessions."""
    by = _by(call, "changing a user")
    return _view(await call.services.users.change(_user_id(call), _about(body), by=by))


# Before the paths with a user's id, which would take `self` for one.
@RESOURCE.post("/users/self/password", scope=ANY_TOKEN, refusals=(NotFound, Conflict, SignInRefused, TooMany))
async def change_own_password(call: Call, body: ChangePassword) -> UserView:
    """Change your own password, which ends all your sessions: sign in again. It takes the current one."""
    if call.identity.is_program:
        raise NotWithKey("changing a password")
    user = await call.services.users.get(call.identity.user_id)
    proof = await call.services.password_check.user_of(user.email, body.current, user.id)
    hashed = await call.services.passwords.hash(body.password, (user.name, user.email))
    return _view(await call.services.users.set_password(proof.user_id, hashed, by=user.id, proof=proof))


@RESOURCE.post("/users/self/sign-out", scope=ANY_TOKEN, refusals=(NotFound, Conflict))
async def sign_out_everywhere(call: Call) -> UserView:
    """End all your own sessions, tokens and sockets, this one too."""
    if call.identity.is_program:
        raise NotWithKey("signing out")
    return _view(await call.services.users.sign_out(call.identity.user_id, by=call.identity.user_id))


@RESOURCE.post("/users/{user_id}/password", scope="admin", refusals=(NotFound, Conflict))
async def set_password(call: Call, body: NewPassword) -> UserView:
    """Set a user's password, which ends all their sessions and tokens, and removes their passkeys."""
    by = _by(call, "setting a password")
    user = await call.services.users.get(_user_id(call))
    hashed = await call.services.passwords.hash(body.password, (user.name, user.email))
    return _view(await call.services.users.set_password(user.id, hashed, by=by))


@RESOURCE.post("/users/{user_id}/disable", scope="admin", refusals=(NotFound, Conflict))
async def disable_user(call: Call) -> UserView:
    """Let a user sign in no more. Within two seconds all their sessions, tokens and sockets end, on every instance."""
    by = _by(call, "disabling a user")
    return _view(await call.services.users.disable(_user_id(call), by=by))


@RESOURCE.post("/users/{user_id}/enable", scope="admin", refusals=(NotFound,))
async def enable_user(call: Call) -> UserView:
    """Let a disabled user sign in again."""
    by = _by(call, "enabling a user")
    return _view(await call.services.users.enable(_user_id(call), by=by))


@RESOURCE.get("/users/{user_id}/sessions", scope="admin", refusals=(NotFound,))
async def get_sessions(call: Call) -> SessionsOfUser:
    """List where a user is signed in, and was in the last 30 days: the latest 50."""
    found = await call.services.user_sessions.of_user(_user_id(call))
    views = tuple(
        SessionView(
            id=one.id.hex,
            kind=one.kind,
            method=one.method,
            client=one.client,
            created_at_ms=one.created_at_ms,
            used_at_ms=one.used_at_ms,
            expires_at_ms=one.expires_at_ms,
            ended_at_ms=one.ended_at_ms,
            ended_because=one.ended_because,
        )
        for one in found
    )
    return SessionsOfUser(sessions=views)


@RESOURCE.post("/users/{user_id}/sign-out", scope="admin", refusals=(NotFound, Conflict))
async def sign_out_user(call: Call) -> UserView:
    """End all sessions, tokens and sockets of a user, who may sign in again."""
    return _view(await call.services.users.sign_out(_user_id(call), by=call.identity.user_id))


@RESOURCE.get("/roles", scope="admin")
async def get_roles(call: Call) -> RoleList:
    """List the roles, by name."""
    return RoleList(
        roles=tuple(RoleView(name=one.name, scopes=one.scopes) for one in await call.services.users.roles())
    )


@RESOURCE.put("/roles/{role}", scope="admin", refusals=(Conflict,))
async def put_role(call: Call, body: RoleDraft) -> RoleView:
    """Make a role, or change what its users may do, which counts for their next tokens, within minutes."""
    by = _by(call, "changing a role")
    role = await call.services.users.set_role(Role(name=call.text("role"), scopes=body.scopes), by=by)
    return RoleView(name=role.name, scopes=role.scopes)


def _user_id(call: Call) -> str:
    """The user's id. Raises `NotFound` for a text that cannot be one."""
    try:
        return msgspec.convert(call.text("user_id"), UserId)
    except msgspec.ValidationError:
        raise NotFound("user", call.text("user_id")[:80]) from None


def _by(call: Call, action: str) -> str:
    """Who acts. Raises `NotWithKey`."""
    if call.identity.is_program:
        raise NotWithKey(action)
    return call.identity.user_id


def _about(draft: UserDraft) -> About:
    return About(
        name=draft.name,
        email=draft.email,
        email_verified=draft.email_verified,
        roles=draft.roles,
        channel=draft.channel,
    )


def _view(user: users.User) -> UserView:
    return UserView(**msgspec.structs.asdict(user))
