"""The application: the three doors in front of a `Server`, for sockets, REST and pages.

`seatserver.server` has the parts behind them. `seatserver.serving` runs both under uvicorn; other ASGI servers take
`create_app`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from seatserver import config, descriptors, logs
from seatserver.access.admission import AdmissionCodes
from seatserver.access.guests import Guests
from seatserver.api.routes import cross_origin, rest_routes
from seatserver.api.shared import services as api
from seatserver.api.shared.answers import SharedAnswers
from seatserver.api.shared.problems import exception_handlers, handle
from seatserver.bookings.admissions import Admissions
from seatserver.bookings.sales import SalesFigures
from seatserver.concierge.conversation import Tools
from seatserver.concierge.endpoint import Concierge
from seatserver.concierge.staff.figures import Figures
from seatserver.config import wall_clock
from seatserver.gate.gate import Gate
from seatserver.kiosks.handoffs import HandOffs
from seatserver.kiosks.shown_tickets import ShownTickets
from seatserver.kiosks.sockets import PATH as KIOSK_PATH
from seatserver.live.session import commands as live
from seatserver.live.session.endpoint import Sockets
from seatserver.rooms.counts import Counts
from seatserver.server import Server
from seatserver.web.routes import missing_page, web_routes

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def build_app(server: Server, lifespan: Lifespan | None = None) -> ASGIApp:
    """The ASGI application: sockets, REST and pages. The caller enters and leaves the server."""
    admission_codes = AdmissionCodes(server.settings)
    rest = api.ApiServices(
        settings=server.settings,
        catalog=server.catalog,
        hub=server.hub,
        counts=Counts(server.hub),
        holding=server.holding,
        checkout=server.checkout,
        own_bookings=server.own_bookings,
        allocations=server.allocations,
        tokens=server.tokens,
        credentials=server.credentials,
        revocations=server.revocations,
        api_keys=server.api_keys,
        users=server.users,
        passwords=server.passwords,
        password_check=server.password_check,
        user_sessions=server.user_sessions,
        passkeys=server.passkeys,
        openid=server.openid,
        guests=Guests(server.settings, server.tokens, server.deny_list),
        networks=server.networks,
        guest_limits=server.guest_limits,
        guest_price=server.guest_price,
        socket_tickets=server.socket_tickets,
        admissions=Admissions(server.database),
        admission_codes=admission_codes,
        booking_keys=server.booking_keys,
        reports=server.reports,
        model_spent=server.model_spent,
        concierge_log=server.concierge_log,
        kiosks=server.kiosks,
        kiosk_payments=server.kiosk_payments,
        handoffs=HandOffs(server.settings, server.store, server.catalog, server.kiosks, server.networks, wall_clock),
        printing=server.printing,
        shown_tickets=ShownTickets(admission_codes, server.records, server.catalog, wall_clock),
        shared_answers=SharedAnswers(),
        ready=server.ready,
        metrics_text=server.metrics.text,
        clock=wall_clock,
    )
    sockets = live.LiveServices(
        settings=server.settings,
        catalog=server.catalog,
        store=server.store,
        holding=server.holding,
        checkout=server.checkout,
        own_bookings=server.own_bookings,
        credentials=server.credentials,
        networks=server.networks,
        shares=server.shares,
        booking_keys=server.booking_keys,
        broadcaster=server.broadcaster,
        metrics=server.metrics,
        clock=wall_clock,
    )
    pages = Starlette(
        routes=[
            *rest_routes(rest),
            WebSocketRoute(KIOSK_PATH, server.kiosk_sockets.serve),
            *web_routes(server.settings, server.has_showtime),
        ],
        middleware=cross_origin(server.settings),
        exception_handlers={**exception_handlers(), 404: missing_page(server.settings, handle)},
        lifespan=lifespan,
    )
    # A path with an extra slash is not found, like any other wrong path.
    pages.router.redirect_slashes = False
    tools = Tools(hub=server.hub, live=sockets, model=server.model, log=server.concierge_log)
    figures = Figures(
        settings=server.settings,
        catalog=server.catalog,
        counts=rest.counts,
        sales=SalesFigures(server.database),
        reports=server.reports,
        kiosks=server.kiosks,
        clock=wall_clock,
    )
    concierge = Concierge(server.conversations, tools, figures, server.voice, pages)
    doors = Sockets(sockets, server.sessions, concierge)
    return Gate(doors, server.settings, server.metrics, server.credentials, server.shares)


def create_app() -> ASGIApp:
    """The application for any ASGI server: use ``seatserver.app:create_app`` as a factory.

    The settings come from the environment.
    """
    settings = config.load()
    logs.configure(settings)
    descriptors.raise_limit(settings)
    server = Server(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # This does not wait for Postgres and Redis, because other ASGI servers handle no signals until it is done.
        async with server:
            yield
            await server.drain()

    return build_app(server, lifespan)
