"""The commands of a real installation: serve, worker, migrate.

They take everything from the environment (`seatserver settings` lists it) and bring no servers of their own.
"""

from __future__ import annotations

import argparse

from seatserver import config
from seatserver.cli import signals
from seatserver.config import Settings
from seatserver.errors import ConfigError

BLOCKED_MS = 20

DEMO_HINT = "`seatserver demo` brings its own"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    serve = commands.add_parser("serve", help="serve rooms, REST and pages from DATABASE_URL and REDIS_URL")
    add_address(serve)
    serve.add_argument("--workers", type=int, metavar="N", help="number of processes behind the port (default 1)")
    serve.add_argument(
        "--log-blocking",
        type=int,
        nargs="?",
        const=BLOCKED_MS,
        metavar="MS",
        help=f"log the stack of what blocks the event loop for longer than this (default {BLOCKED_MS} ms)",
    )
    serve.set_defaults(run=run_serve)
    worker = commands.add_parser("worker", help="run only the background duties")
    worker.set_defaults(run=run_worker)
    migrate = commands.add_parser("migrate", help="apply the newest migrations to the database")
    migrate.set_defaults(run=run_migrate)


def add_address(command: argparse.ArgumentParser) -> None:
    """``--host`` and ``--port``, which win over the environment."""
    command.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    command.add_argument("--port", type=port_number, help="port to listen on (default 8000; 0 picks a free one)")


def port_number(text: str) -> int:
    """A port from the command line."""
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: expected 0 to 65535")


def run_serve(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    overrides = {"host": args.host, "port": args.port, "workers": args.workers, "loop_blocked_ms": args.log_blocking}
    settings = required(config.load(**overrides))
    if settings.workers > 1:
        from seatserver.cli import workers

        return workers.supervise(settings)
    from seatserver import serving

    signals.hang_up_ends()
    serving.serve(settings)
    return 0


def run_worker(args: argparse.Namespace) -> int:
    """Run the duties until a signal."""
    settings = required(config.load())
    from seatserver import serving

    signals.hang_up_ends()
    serving.work(settings)
    return 0


def run_migrate(args: argparse.Namespace) -> int:
    """Apply the missing migrations and print them."""
    settings = config.load()
    required_database(settings)
    from seatserver import database, logs

    logs.configure(settings)
    applied = database.upgrade(settings.database_url, settings.database_pooler, settings.start_wait_s)
    for revision in applied:
        print(f"applied {revision}")
    if not applied:
        print("nothing to do: the database is at the newest migration")
    return 0


def required(settings: Settings) -> Settings:
    """Return the settings. Raises `ConfigError` if the address of Postgres or Redis is missing."""
    required_database(settings)
    if not settings.redis_url:
        raise ConfigError("REDIS_URL", "is not set", f"expected redis://host:port/0; {DEMO_HINT}")
    return settings


def required_database(settings: Settings) -> None:
    """Raise `ConfigError` if there is no database to work on."""
    if not settings.database_url:
        raise ConfigError(
            "DATABASE_URL", "is not set", f"expected postgresql://user:password@host:port/database; {DEMO_HINT}"
        )
