"""Every setting, in one table.

What an operator may tune is a setting; other bounds are constants where they are used. Settings come from the
environment only. Each field of `Settings` below is one row of the table: its environment variable, its unit (the last
part of the name), its default, its bounds, and one sentence for the operator. The README shows the same table, and a
test keeps the two equal. `load` reads an environment and raises `ConfigError` with one line that names the variable. It
also checks limits that depend on each other, so a bad combination stops the start rather than a night's sale.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_type_hints

from seatserver.address_forms import is_host, is_network, is_origin, is_redis_address, is_web_address
from seatserver.errors import ConfigError
from seatserver.secrecy import ADVICE, is_guessable

SCOPES = ("watch", "hold", "claim", "book", "settle", "admit", "admin")
FOR_GUESTS = ("watch", "hold", "claim", "book")
TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}
WHOLE_NUMBER = re.compile(r"[+-]?[0-9][0-9_]{0,17}(?<!_)")


def setting(
    env: str, default: Any, text: str, *, at_least: int | None = None, at_most: int | None = None, secret: bool = False
) -> Any:
    """One row of the table. ``at_least`` and ``at_most`` are inclusive bounds of a number."""
    metadata = {"env": env, "text": text, "at_least": at_least, "at_most": at_most, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The configuration of one process; immutable. Field names end in their unit."""

    # A table: one row a line.
    # fmt: off
    # Where the data lives.
    database_url: str = setting("DATABASE_URL", "", "Postgres, as `postgresql://user:password@host:port/database`.", secret=True)
    redis_url: str = setting("REDIS_URL", "", "Redis or Valkey, as `redis://host:port/0` or `unix:///path`.", secret=True)
    database_pool_size: int = setting("SEATSERVER_DATABASE_POOL_SIZE", 10, "Postgres connections per process.", at_least=2, at_most=500)
    database_pool_wait_ms: int = setting("SEATSERVER_DATABASE_POOL_WAIT_MS", 3000, "Longest wait for a free Postgres connection.", at_least=10, at_most=60_000)
    database_statement_ms: int = setting("SEATSERVER_DATABASE_STATEMENT_MS", 5000, "Longest a statement may run.", at_least=50, at_most=600_000)
    database_lock_ms: int = setting("SEATSERVER_DATABASE_LOCK_MS", 3000, "Longest wait for a row lock.", at_least=10, at_most=600_000)
    database_pooler: str = setting("SEATSERVER_DATABASE_POOLER", "auto", "Whether Postgres is behind a pooler in transaction mode (PgBouncer, Supavisor …): `yes`, `no`, or `auto`, which checks each new connection.")
    redis_timeout_ms: int = setting("SEATSERVER_REDIS_TIMEOUT_MS", 2000, "Longest wait for Redis to connect or answer.", at_least=50, at_most=60_000)
    redis_connections: int = setting("SEATSERVER_REDIS_CONNECTIONS", 8, "Most Redis connections per process for socket tickets, reports, health and version checks, and the feed's probes. The holds share one more, and the feed has its own.", at_least=1, at_most=1000)
    redis_queue_commands: int = setting("SEATSERVER_REDIS_QUEUE_COMMANDS", 20_000, "Most commands that may wait for Redis; further ones are refused with `busy`.", at_least=1, at_most=1_000_000)
    start_wait_s: int = setting("SEATSERVER_START_WAIT_S", 60, "How long to wait for Postgres and Redis at start; 0 means no wait.", at_least=0, at_most=3600)

    # The door.
    host: str = setting("SEATSERVER_HOST", "127.0.0.1", "Address to listen on.")
    port: int = setting("PORT", 8000, "Port to listen on; 0 picks a free one.", at_least=0, at_most=65_535)
    workers: int = setting("SEATSERVER_WORKERS", 1, "Processes that `seatserver serve` runs behind its port. Limits per process apply to each of them.", at_least=1, at_most=256)
    public_url: str = setting("SEATSERVER_PUBLIC_URL", "", "Where browsers reach this server, if not at the address it listens on.")
    hosts: tuple[str, ...] = setting("SEATSERVER_HOSTS", (), "Names besides the host of `SEATSERVER_PUBLIC_URL` under which clients may address this server, comma-separated. Where that is set, requests for other names are refused; addresses such as `10.0.0.7` and `localhost` always pass.")
    allowed_origins: tuple[str, ...] = setting("SEATSERVER_ALLOWED_ORIGINS", (), "Web origins, besides our own, whose pages may connect; comma-separated, `*` for all.")
    frame_ancestors: tuple[str, ...] = setting("SEATSERVER_FRAME_ANCESTORS", (), "Web origins, besides our own, whose pages may show ours in a frame; comma-separated, `*` for all.")
    trusted_proxies: tuple[str, ...] = setting("SEATSERVER_TRUSTED_PROXIES", ("127.0.0.1",), "Addresses of the proxies before this server, comma-separated; only they may say where a request comes from. If a proxy is missing here, all its guests look like one network (see `SEATSERVER_HOLD_PAUSE_MS`).")
    forwarded_header: str = setting("SEATSERVER_FORWARDED_HEADER", "x-forwarded-for", "The header in which these proxies name the client: `x-forwarded-for` or `forwarded` (RFC 7239). They must set it, or append to it, themselves.")
    proxy_protocol: bool = setting("SEATSERVER_PROXY_PROTOCOL", False, "Whether every connection begins with a head of the PROXY protocol (version 1 or 2), from one of `SEATSERVER_TRUSTED_PROXIES`; all others are closed. For proxies that forward bytes and not requests; `seatserver serve` only.")
    metrics: str = setting("SEATSERVER_METRICS", "auto", "Who may read `/api/v1/metrics`: `everyone`, `operators` (a token with the scope admin, or an address in `SEATSERVER_OPERATORS`), or `auto`: operators where `SEATSERVER_PUBLIC_URL` is set.")
    documents: str = setting("SEATSERVER_DOCUMENTS", "auto", "Who may read `/docs`, `/openapi.json` and `/asyncapi.json`: `everyone`, `operators` or `auto`, as for the metrics.")
    operators: tuple[str, ...] = setting("SEATSERVER_OPERATORS", (), "Addresses that may read metrics and documents without a token, comma-separated, such as `10.0.0.0/8`.")
    hsts_s: int = setting("SEATSERVER_HSTS_S", 0, "How long browsers use this server's host over HTTPS only (Strict-Transport-Security), once it was reached that way; 0 sends no such header.", at_least=0, at_most=63_072_000)
    request_body_bytes: int = setting("SEATSERVER_REQUEST_BODY_BYTES", 8 * 1024 * 1024, "Largest REST request body.", at_least=1024, at_most=1 << 28)
    head_bytes: int = setting("SEATSERVER_HEAD_BYTES", 32_768, "Largest head of a request: its address and header fields.", at_least=2048, at_most=1 << 20)
    head_fields: int = setting("SEATSERVER_HEAD_FIELDS", 100, "Most header fields of a request.", at_least=16, at_most=1000)
    head_ms: int = setting("SEATSERVER_HEAD_MS", 10_000, "The head of a request is due within this time, counted from the connection's start or from the request's first byte.", at_least=100, at_most=600_000)
    keep_alive_ms: int = setting("SEATSERVER_KEEP_ALIVE_MS", 5000, "How long a connection that has been answered is kept open for another request. Let the proxy before this server close first.", at_least=100, at_most=600_000)
    shutdown_ms: int = setting("SEATSERVER_SHUTDOWN_MS", 8000, "Longest a shutdown may take; connections that are still open then are closed.", at_least=100, at_most=600_000)
    log_level: str = setting("SEATSERVER_LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`.")
    log_format: str = setting("SEATSERVER_LOG_FORMAT", "auto", "`json`, `text`, or `auto`: text on a terminal, JSON elsewhere.")
    loop_blocked_ms: int = setting("SEATSERVER_LOOP_BLOCKED_MS", 0, "Log the stack of anything that blocks the event loop for longer than this; 0 turns it off.", at_least=0, at_most=60_000)
    duties: bool = setting("SEATSERVER_DUTIES", True, "Run the worker's duties inside `seatserver serve` too; with several processes, in the first one.")

    # Tokens.
    token_secret: str = setting("SEATSERVER_TOKEN_SECRET", "", "Secret of at least 32 bytes for HS256 tokens; needed for guests and `seatserver token`.", secret=True)
    token_public_key_file: str = setting("SEATSERVER_TOKEN_PUBLIC_KEY_FILE", "", "PEM public key of a partner who signs tokens with RS256, ES256 or EdDSA.")
    token_jwks: str = setting("SEATSERVER_TOKEN_JWKS", "", "JSON Web Key Set of partners: an `https://` address or a file.")
    token_issuer: str = setting("SEATSERVER_TOKEN_ISSUER", "seatserver", "The `iss` every token must carry, comma-separated when there are several.")
    token_audience: str = setting("SEATSERVER_TOKEN_AUDIENCE", "seatserver", "The `aud` every token must carry.")
    token_leeway_s: int = setting("SEATSERVER_TOKEN_LEEWAY_S", 5, "Clock difference with a token's issuer that is tolerated.", at_least=0, at_most=300)
    guest_scopes: tuple[str, ...] = setting("SEATSERVER_GUEST_SCOPES", (), "What guests may do, comma-separated; if empty, guests are not allowed. Scopes: watch, hold, claim, book.")
    guest_token_s: int = setting("SEATSERVER_GUEST_TOKEN_S", 7200, "How long a guest's token is valid.", at_least=60, at_most=604_800)
    guest_renewal_s: int = setting("SEATSERVER_GUEST_RENEWAL_S", 15_552_000, "How long a browser can stay the same guest by renewing its token, counted from the first token; 0 turns renewal off.", at_least=0, at_most=34_560_000)
    admission_secrets: tuple[str, ...] = setting("SEATSERVER_ADMISSION_SECRETS", (), "Secrets of at least 32 bytes, comma-separated, for the codes on tickets and the links to tickets. The first one signs, all are accepted. If empty, the tokens' secret is used.", secret=True)
    staff_token_s: int = setting("SEATSERVER_STAFF_TOKEN_S", 300, "How long a token is valid that a user who signed in or a program with an API key gets. Pages and clients get the next one by themselves.", at_least=30, at_most=3600)
    staff_session_s: int = setting("SEATSERVER_STAFF_SESSION_S", 43_200, "How long a user stays signed in at most.", at_least=60, at_most=2_592_000)
    staff_idle_s: int = setting("SEATSERVER_STAFF_IDLE_S", 3600, "How long a user stays signed in without using it.", at_least=60, at_most=2_592_000)
    ticket_s: int = setting("SEATSERVER_TICKET_S", 30, "How long a single-use socket ticket is valid.", at_least=1, at_most=600)

    # Holds.
    hold_ms: int = setting("SEATSERVER_HOLD_MS", 300_000, "How long a hold lasts, from its start or from its latest extension.", at_least=200, at_most=3_600_000)
    hold_total_ms: int = setting("SEATSERVER_HOLD_TOTAL_MS", 900_000, "Longest a hold may last with all its extensions, and longest a person may hold a seat in total, over several holds, before the seat must be free for `SEATSERVER_HOLD_PAUSE_MS`.", at_least=200, at_most=86_400_000)
    hold_pause_ms: int = setting("SEATSERVER_HOLD_PAUSE_MS", 300_000, "How long a seat that a person has held for `SEATSERVER_HOLD_TOTAL_MS` must be free before the same person, or another guest of the same network, may take it again.", at_least=100, at_most=86_400_000)
    hold_replay_ms: int = setting("SEATSERVER_HOLD_REPLAY_MS", 60_000, "How long an ended hold is remembered, so that repeating its request gets the same answer and not a new hold.", at_least=1000, at_most=3_600_000)
    seats_per_user: int = setting("SEATSERVER_SEATS_PER_USER", 10, "Most seats one user may hold in one showtime.", at_least=1, at_most=500)
    checkout_ms: int = setting("SEATSERVER_CHECKOUT_MS", 30_000, "How long a hold is pinned while its booking is written.", at_least=1000, at_most=600_000)
    answer_ms: int = setting("SEATSERVER_ANSWER_MS", 9000, "Longest wait for an answer when booking, confirming or cancelling. After that the answer is `outcome_unknown`; repeat the request to learn the outcome.", at_least=100, at_most=300_000)
    claim_ms: int = setting("SEATSERVER_CLAIM_MS", 900_000, "How long a pending booking waits for its payment.", at_least=1000, at_most=86_400_000)
    searches: int = setting("SEATSERVER_SEARCHES", 128, "Most seat searches that may wait for their turn. When there are more, the user with the most searches waiting is refused with `busy`.", at_least=2, at_most=10_000)
    searches_per_user: int = setting("SEATSERVER_SEARCHES_PER_USER", 8, "Most seat searches of one user that may wait.", at_least=1, at_most=9_999)

    # The concierge.
    concierge: bool = setting("SEATSERVER_CONCIERGE", True, "Let visitors say in their own words which seats they would like.")
    concierge_conversations: int = setting("SEATSERVER_CONCIERGE_CONVERSATIONS", 500, "Most conversations per process.", at_least=1, at_most=100_000)
    concierge_user_conversations: int = setting("SEATSERVER_CONCIERGE_USER_CONVERSATIONS", 3, "Most conversations of one user per process.", at_least=1, at_most=1000)
    concierge_chars: int = setting("SEATSERVER_CONCIERGE_CHARS", 500, "Longest question, in characters.", at_least=20, at_most=1000)
    concierge_turns: int = setting("SEATSERVER_CONCIERGE_TURNS", 50, "Most questions in one conversation; the next one begins another.", at_least=1, at_most=10_000)
    concierge_user_turns: int = setting("SEATSERVER_CONCIERGE_USER_TURNS", 20, "Most questions of one user in a minute; all guests of one network have four times as many. Nobody in `SEATSERVER_UNLIMITED` is counted.", at_least=1, at_most=10_000)
    concierge_showtime_turns: int = setting("SEATSERVER_CONCIERGE_SHOWTIME_TURNS", 600, "Most questions about one showtime in a minute, per process.", at_least=1, at_most=1_000_000)
    concierge_answer_ms: int = setting("SEATSERVER_CONCIERGE_ANSWER_MS", 30_000, "Longest an answer may take.", at_least=100, at_most=120_000)
    concierge_idle_ms: int = setting("SEATSERVER_CONCIERGE_IDLE_MS", 300_000, "A conversation in which nothing is asked for this long ends; the next question begins another.", at_least=1000, at_most=3_600_000)

    # The language model behind the concierge.
    gemini_api_key: str = setting("SEATSERVER_GEMINI_API_KEY", "", "Key of the Gemini API. With it the concierge is answered by a language model, which is sent what visitors write; without it, by rules alone, and nothing is sent.", secret=True)
    gemini_model: str = setting("SEATSERVER_GEMINI_MODEL", "gemini-3.8-flash", "Name of the model.")
    gemini_url: str = setting("SEATSERVER_GEMINI_URL", "https://generativelanguage.googleapis.com", "Where the Gemini API is reached. Plain HTTP only on this machine.")
    gemini_turn_ms: int = setting("SEATSERVER_GEMINI_TURN_MS", 20_000, "Longest the model may take for an answer with all its steps; then the rules answer.", at_least=100, at_most=110_000)
    gemini_quiet_ms: int = setting("SEATSERVER_GEMINI_QUIET_MS", 6000, "Longest wait for the next piece of its answer.", at_least=50, at_most=60_000)
    gemini_pause_ms: int = setting("SEATSERVER_GEMINI_PAUSE_MS", 30_000, "How long a model that failed three times in a row is not asked.", at_least=50, at_most=600_000)
    gemini_answers: int = setting("SEATSERVER_GEMINI_ANSWERS", 24, "Most answers that the model gives at the same time, per process; beyond that the rules answer.", at_least=1, at_most=200)
    gemini_turn_tokens: int = setting("SEATSERVER_GEMINI_TURN_TOKENS", 40_000, "Most tokens of one answer, read and written, in all its steps.", at_least=10_000, at_most=1_000_000)
    gemini_input_cents: int = setting("SEATSERVER_GEMINI_INPUT_CENTS", 50, "What a million tokens cost that the model reads, in cents. Sound is reckoned at these two prices too: with a model that hears, give the dearer model's.", at_least=0, at_most=100_000)
    gemini_output_cents: int = setting("SEATSERVER_GEMINI_OUTPUT_CENTS", 300, "What a million tokens cost that it writes, in cents.", at_least=0, at_most=100_000)
    gemini_user_turns: int = setting("SEATSERVER_GEMINI_USER_TURNS", 100, "Most questions of one user that the model answers in a day (UTC), over all instances; all guests of one network have four times as much of this and of the next two. Whoever has spent it is answered by the rules.", at_least=0, at_most=1_000_000)
    gemini_user_tokens: int = setting("SEATSERVER_GEMINI_USER_TOKENS", 800_000, "Most tokens of one user in a day. The most that an answer can take is set aside while it is given.", at_least=0, at_most=1_000_000_000)
    gemini_user_cents: int = setting("SEATSERVER_GEMINI_USER_CENTS", 60, "Most money for one user in a day, in cents.", at_least=0, at_most=1_000_000)
    gemini_showtime_turns: int = setting("SEATSERVER_GEMINI_SHOWTIME_TURNS", 5000, "Most questions about one showtime that the model answers in a day.", at_least=0, at_most=10_000_000)
    gemini_showtime_tokens: int = setting("SEATSERVER_GEMINI_SHOWTIME_TOKENS", 50_000_000, "Most tokens for one showtime in a day.", at_least=0, at_most=100_000_000_000)
    gemini_showtime_cents: int = setting("SEATSERVER_GEMINI_SHOWTIME_CENTS", 3000, "Most money for one showtime in a day, in cents.", at_least=0, at_most=100_000_000)
    gemini_day_turns: int = setting("SEATSERVER_GEMINI_DAY_TURNS", 20_000, "Most questions that the model answers in a day.", at_least=0, at_most=100_000_000)
    gemini_day_tokens: int = setting("SEATSERVER_GEMINI_DAY_TOKENS", 200_000_000, "Most tokens in a day.", at_least=0, at_most=1_000_000_000_000)
    gemini_day_cents: int = setting("SEATSERVER_GEMINI_DAY_CENTS", 10_000, "Most money in a day, in cents.", at_least=0, at_most=1_000_000_000)

    # By voice.
    gemini_live_model: str = setting("SEATSERVER_GEMINI_LIVE_MODEL", "", "Name of a model of the Gemini Live API that hears visitors and reads answers to them, where there is a key. If empty, no sound comes to this server.")
    voice_s: int = setting("SEATSERVER_VOICE_S", 30, "Longest spoken question, in seconds.", at_least=1, at_most=120)
    voice_user_s: int = setting("SEATSERVER_VOICE_USER_S", 600, "Most speech of one user in an hour, in seconds, per process.", at_least=1, at_most=3600)
    voice_at_once: int = setting("SEATSERVER_VOICE_AT_ONCE", 20, "Most spoken questions at a time, per process. Each keeps its sound until it is answered.", at_least=1, at_most=1000)
    voice: tuple[str, ...] = setting("SEATSERVER_VOICE", (), "Where visitors may speak to the concierge, comma-separated: `pages` (our own with a seat map) and `kiosks`; nowhere if empty. Only these pages may use the microphone. Other sites write `<seat-map voice=\"on\">`. Where this server does not hear them itself, the visitor's browser turns speech into text, where it can; some browsers have a service of their maker do that.")

    # Rooms and sockets.
    hello_ms: int = setting("SEATSERVER_HELLO_MS", 5000, "A socket's first message is due within this time.", at_least=100, at_most=60_000)
    heartbeat_ms: int = setting("SEATSERVER_HEARTBEAT_MS", 15_000, "How often each socket is sent a WebSocket ping, and each quiet room a `beat`.", at_least=100, at_most=300_000)
    idle_ms: int = setting("SEATSERVER_IDLE_MS", 60_000, "A client that has not answered a WebSocket ping for this long is disconnected.", at_least=200, at_most=3_600_000)
    message_bytes: int = setting("SEATSERVER_MESSAGE_BYTES", 4096, "Largest message a client may send.", at_least=512, at_most=65_536)
    outbox_bytes: int = setting("SEATSERVER_OUTBOX_BYTES", 65_536, "Most data that may wait for a slow viewer. Beyond that the viewer gets no changes until it has caught up, then one snapshot.", at_least=1024, at_most=1 << 26)
    slow_ms: int = setting("SEATSERVER_SLOW_MS", 20_000, "A viewer that has not caught up for this long is disconnected.", at_least=100, at_most=600_000)
    tick_ms: int = setting("SEATSERVER_TICK_MS", 10, "If a room's deliveries keep taking more than a twentieth of the process's time, it merges the changes of at least this long into one frame. Any other room delivers each change at once.", at_least=0, at_most=1000)
    tick_most_ms: int = setting("SEATSERVER_TICK_MOST_MS", 50, "The longest time for which such a room merges changes.", at_least=0, at_most=5000)
    io_uring: bool = setting("SEATSERVER_IO_URING", True, "Serve rooms through io_uring, where the system has it and allows it.")
    ring_deltas: int = setting("SEATSERVER_RING_DELTAS", 1024, "Changes a room remembers for viewers who reconnect; one who missed more gets a snapshot.", at_least=0, at_most=100_000)
    sockets: int = setting("SEATSERVER_SOCKETS", 20_000, "Most sockets per process.", at_least=1, at_most=1_000_000)
    sockets_per_user: int = setting("SEATSERVER_SOCKETS_PER_USER", 20, "Most sockets of one user per process.", at_least=1, at_most=100_000)

    handshakes: int = setting("SEATSERVER_HANDSHAKES", 1000, "Most handshakes of sockets that may wait for their turn; further ones are told to come back later.", at_least=1, at_most=100_000)

    # Fair shares. Those of users and networks are per process, but for guests. A network is an IPv4 address or an IPv6 /64.
    unlimited: tuple[str, ...] = setting("SEATSERVER_UNLIMITED", (), "Addresses without the limits below, comma-separated, such as `10.0.0.0/8`: a theatre's own desks, a partner's servers, load tests.")
    user_commands_per_s: int = setting("SEATSERVER_USER_COMMANDS_PER_S", 20, "Most commands of one user over sockets; five times as many may come at once. 0 means no limit, here and below.", at_least=0, at_most=100_000)
    user_holds_per_min: int = setting("SEATSERVER_USER_HOLDS_PER_MIN", 180, "Most commands of one user that hold, change or release seats.", at_least=0, at_most=1_000_000)
    network_commands_per_s: int = setting("SEATSERVER_NETWORK_COMMANDS_PER_S", 400, "Most commands of all guests of one network.", at_least=0, at_most=1_000_000)
    network_holds_per_min: int = setting("SEATSERVER_NETWORK_HOLDS_PER_MIN", 1800, "Most commands of all guests of one network that hold, change or release seats.", at_least=0, at_most=1_000_000)
    network_seats: int = setting("SEATSERVER_NETWORK_SEATS", 100, "Most seats of one showtime that all guests of one network may hold at a time.", at_least=0, at_most=100_000)
    network_guests_per_min: int = setting("SEATSERVER_NETWORK_GUESTS_PER_MIN", 300, "Most new guests of one network, on all instances together. While Redis does not answer, each process counts by itself.", at_least=0, at_most=1_000_000)
    network_guests_per_h: int = setting("SEATSERVER_NETWORK_GUESTS_PER_H", 3000, "Likewise, in an hour.", at_least=0, at_most=10_000_000)
    network_connections: int = setting("SEATSERVER_NETWORK_CONNECTIONS", 2000, "Most open connections of one network, sockets included. Those of `SEATSERVER_TRUSTED_PROXIES` are not counted.", at_least=0, at_most=1_000_000)
    guests_free_per_min: int = setting("SEATSERVER_GUESTS_FREE_PER_MIN", 600, "While more new guests than this are wanted of a process in a minute, each costs its browser some work, up to 2 s on a cheap phone. Who renews a guest's token pays nothing.", at_least=0, at_most=10_000_000)
    network_sockets: int = setting("SEATSERVER_NETWORK_SOCKETS", 1000, "Most sockets of one network.", at_least=0, at_most=1_000_000)
    network_handshakes: int = setting("SEATSERVER_NETWORK_HANDSHAKES", 250, "Most handshakes of one network that may wait for their turn (see `SEATSERVER_HANDSHAKES`).", at_least=0, at_most=100_000)
    network_handshakes_per_min: int = setting("SEATSERVER_NETWORK_HANDSHAKES_PER_MIN", 2400, "Most handshakes of one network.", at_least=0, at_most=10_000_000)
    network_passwords_per_min: int = setting("SEATSERVER_NETWORK_PASSWORDS_PER_MIN", 30, "Most passwords that are tried from one network. For one e-mail from one network, an unlimited one too, it is 5 at once, then one in 20 s.", at_least=0, at_most=10_000_000)
    network_requests_per_min: int = setting("SEATSERVER_NETWORK_REQUESTS_PER_MIN", 12_000, "Most REST requests of one network, and requests for pages of showtimes.", at_least=0, at_most=10_000_000)
    network_writes_per_min: int = setting("SEATSERVER_NETWORK_WRITES_PER_MIN", 3000, "Most of these that change something.", at_least=0, at_most=10_000_000)

    # The feed and the background duties.
    probe_ms: int = setting("SEATSERVER_PROBE_MS", 2000, "How often the feed sends itself a probe.", at_least=50, at_most=60_000)
    probe_lost_ms: int = setting("SEATSERVER_PROBE_LOST_MS", 6000, "The feed counts as dead when a probe has not come back after this long.", at_least=100, at_most=300_000)
    verify_ms: int = setting("SEATSERVER_VERIFY_MS", 5000, "How often live rooms compare their version with Redis.", at_least=50, at_most=300_000)
    relay_ms: int = setting("SEATSERVER_RELAY_MS", 1000, "How often the relay looks for committed changes that have not reached Redis.", at_least=20, at_most=60_000)
    reap_ms: int = setting("SEATSERVER_REAP_MS", 1000, "How often the reaper looks for unpaid bookings past their deadline.", at_least=20, at_most=60_000)
    release_ms: int = setting("SEATSERVER_RELEASE_MS", 1000, "How often blocked and allocated seats whose time is over are opened.", at_least=20, at_most=60_000)
    reconcile_ms: int = setting("SEATSERVER_RECONCILE_MS", 30_000, "How often Redis is compared with Postgres and repaired.", at_least=100, at_most=3_600_000)
    kiosk_ms: int = setting("SEATSERVER_KIOSK_MS", 500, "How often the kiosks that are connected to a process are told what staff have changed, and revoked ones cut off.", at_least=50, at_most=1500)
    kiosk_reader: str = setting("SEATSERVER_KIOSK_READER", "none", "The card reader of kiosks: `none`, so that they only show what is on, `simulated`, which takes no money, or `stripe`: Stripe Terminal’s readers, one for each kiosk. The same for all processes: one that runs the duties ends payments that were broken off.")
    stripe_key: str = setting("SEATSERVER_STRIPE_KEY", "", "The secret or restricted key of the Stripe account. Restricted: it may write PaymentIntents, refunds and Terminal readers.", secret=True)
    stripe_ms: int = setting("SEATSERVER_STRIPE_MS", 5000, "Longest wait for an answer of Stripe.", at_least=100, at_most=60_000)
    stripe_url: str = setting("SEATSERVER_STRIPE_URL", "https://api.stripe.com", "Where Stripe is spoken to. Plain HTTP only on this machine.")
    kiosk_pay_ms: int = setting("SEATSERVER_KIOSK_PAY_MS", 90_000, "How long a kiosk waits for a card. Then the payment is void and the seats are free.", at_least=1000, at_most=3_600_000)
    kiosk_handoff_ms: int = setting("SEATSERVER_KIOSK_HANDOFF_MS", 60_000, "How long the QR code is good with which a phone takes the seats of a kiosk over.", at_least=1000, at_most=600_000)
    kiosk_printer: str = setting("SEATSERVER_KIOSK_PRINTER", "none", "The printer of kiosks: `none`, so that the ticket is a code on the screen, `simulated`, which shows the paper there, or `agent`: each kiosk has a printer on its machine, and `seatserver kiosk agent` prints there.")
    kiosk_needs_paper: bool = setting("SEATSERVER_KIOSK_NEEDS_PAPER", False, "Whether a kiosk that cannot print sells nothing. Otherwise it says so before its customers pay, and shows the ticket’s code.")
    kiosk_quiet_ms: int = setting("SEATSERVER_KIOSK_QUIET_MS", 45_000, "After this long without a touch a kiosk asks whether anybody is there.", at_least=1000, at_most=600_000)
    kiosk_answer_ms: int = setting("SEATSERVER_KIOSK_ANSWER_MS", 20_000, "How long it waits for the answer before it gives the seats back and begins anew.", at_least=1000, at_most=600_000)
    sweep_ms: int = setting("SEATSERVER_SWEEP_MS", 5000, "Longest time between two checks of the deadlines in a room where something is held.", at_least=20, at_most=60_000)
    # fmt: on

    @property
    def hears_s(self) -> int:
        """The longest spoken question that this server itself hears, in seconds; 0: it hears none."""
        return self.voice_s if self.concierge and self.gemini_api_key and self.gemini_live_model else 0

    def voice_at(self, place: str) -> bool:
        """Whether visitors may speak to the concierge there: `pages` or `kiosks`."""
        return self.concierge and place in self.voice

    @property
    def transaction_ms(self) -> int:
        """Longest a transaction may last.

        It is half of a checkout: a transaction that begins in the first half of a pin ends before the pin does.
        """
        return self.checkout_ms // 2

    def is_for_operators(self, choice: str) -> bool:
        """Whether ``metrics`` or ``documents``, by this ``choice``, are not for everyone."""
        return choice == "operators" or (choice == "auto" and bool(self.public_url))


class Row:
    """One row of the table as operators see it: variable, default, text."""

    def __init__(self, name: str, kind: type, default: Any, metadata: Mapping[str, Any]) -> None:
        self.name, self.kind, self.default = name, kind, default
        self.env: str = metadata["env"]
        self.text: str = metadata["text"]
        self.at_least: int | None = metadata["at_least"]
        self.at_most: int | None = metadata["at_most"]
        self.secret: bool = metadata["secret"]

    def shown_default(self) -> str:
        """The default, as one would write it in the environment."""
        if self.kind is bool:
            return "1" if self.default else "0"
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return str(self.default)


def rows() -> list[Row]:
    """The table of settings, in its order."""
    kinds = get_type_hints(Settings)
    return [
        Row(one.name, kinds[one.name], one.default, one.metadata)
        for one in fields(Settings)
        if one.default is not MISSING
    ]


def markdown() -> str:
    """The table as the README shows it."""
    lines = ["| variable | default | what it is |", "| --- | --- | --- |"]
    lines += [
        f"| `{row.env}` | {f'`{row.shown_default()}`' if row.shown_default() else ''} | {row.text} |" for row in rows()
    ]
    return "\n".join(lines)


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings; ``overrides`` (field name → value) win over the environment, as a command line does.

    Raises `ConfigError` that names the variable, what is wrong and what is expected.
    """
    environ = os.environ if environ is None else environ
    known = {row.env for row in rows()}
    for name in environ:
        if name.startswith("SEATSERVER_") and name not in known:
            raise ConfigError(name, "is not a setting of this server", _nearest(name, known))
    values: dict[str, Any] = {}
    for row in rows():
        text = environ.get(row.env, "").strip()
        if text:
            values[row.name] = _parse(row, text)
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    for row in rows():
        _check_bounds(row, getattr(settings, row.name))
    _check_relations(settings)
    return settings


def _nearest(name: str, known: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else "`seatserver settings` lists them all"


def _parse(row: Row, text: str) -> Any:
    if row.kind is bool:
        if text.lower() in TRUE_WORDS | FALSE_WORDS:
            return text.lower() in TRUE_WORDS
        raise ConfigError(row.env, f"is {text!r}", "expected 1 or 0")
    if row.kind is int:
        if WHOLE_NUMBER.fullmatch(text) is None:
            raise ConfigError(row.env, f"is {text[:80]!r}", "expected a whole number")
        return int(text.replace("_", ""))
    if row.kind is str:
        return text
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _check_bounds(row: Row, value: Any) -> None:
    if row.kind is not int:
        return
    if row.at_least is not None and value < row.at_least:
        raise ConfigError(row.env, f"is {value}", f"expected at least {row.at_least}")
    if row.at_most is not None and value > row.at_most:
        raise ConfigError(row.env, f"is {value}", f"expected at most {row.at_most}")


def _env(name: str) -> str:
    return next(row.env for row in rows() if row.name == name)


CLAIM_STATEMENTS = 5
"""Most statements that writing a booking takes."""

# (a, b, why): a must be smaller than b.
SMALLER: tuple[tuple[str, str, str], ...] = (
    ("database_lock_ms", "database_statement_ms", "a statement would be cut off before its lock wait ends"),
    ("redis_timeout_ms", "hold_replay_ms", "a hold whose reply was late could be held anew"),
    ("redis_timeout_ms", "checkout_ms", "a hold's pin could end while Redis is being asked"),
    ("redis_timeout_ms", "answer_ms", "a booking would time out before Redis does"),
    ("answer_ms", "checkout_ms", "the pin could end before the buyer repeats an unanswered booking"),
    ("searches_per_user", "searches", "one user could take every place in the queue"),
    ("heartbeat_ms", "idle_ms", "quiet but healthy clients would be closed"),
    ("staff_token_s", "staff_idle_s", "a page in use would be signed out before it asks for its next token"),
    ("probe_ms", "probe_lost_ms", "a healthy feed would be declared dead"),
)


def _check_relations(settings: Settings) -> None:
    for smaller, larger, why in SMALLER:
        low, high = getattr(settings, smaller), getattr(settings, larger)
        if low >= high:
            raise ConfigError(_env(smaller), f"is {low}", f"expected less than {_env(larger)} ({high}): {why}")
    if settings.hold_total_ms < settings.hold_ms:
        raise ConfigError(
            _env("hold_total_ms"),
            f"is {settings.hold_total_ms}",
            f"expected at least {_env('hold_ms')} ({settings.hold_ms}): a hold would outlive its own limit",
        )
    if settings.kiosk_reader != "none" and settings.kiosk_pay_ms >= settings.claim_ms:
        raise ConfigError(
            _env("kiosk_pay_ms"),
            f"is {settings.kiosk_pay_ms}",
            f"expected less than {_env('claim_ms')} ({settings.claim_ms}): "
            "a booking could expire while its card is being charged",
        )
    if settings.kiosk_needs_paper and settings.kiosk_printer == "none":
        raise ConfigError(
            _env("kiosk_needs_paper"), "is 1", f"expected {_env('kiosk_printer')} too: without one nothing is sold"
        )
    if settings.hold_pause_ms <= settings.sweep_ms:
        raise ConfigError(
            _env("hold_pause_ms"),
            f"is {settings.hold_pause_ms}",
            f"expected more than {_env('sweep_ms')} ({settings.sweep_ms}): "
            "the pause could be over before others see that the seat is free",
        )
    if settings.database_statement_ms * CLAIM_STATEMENTS >= settings.checkout_ms:
        raise ConfigError(
            _env("checkout_ms"),
            f"is {settings.checkout_ms}",
            f"expected more than {CLAIM_STATEMENTS} times {_env('database_statement_ms')} "
            f"({settings.database_statement_ms}): a hold's pin could end while its booking is written",
        )
    if settings.database_pool_wait_ms + settings.database_statement_ms >= settings.answer_ms:
        raise ConfigError(
            _env("answer_ms"),
            f"is {settings.answer_ms}",
            f"expected more than {_env('database_pool_wait_ms')} and {_env('database_statement_ms')} together "
            f"({settings.database_pool_wait_ms + settings.database_statement_ms}): "
            "a booking that only waited for a connection would time out",
        )
    if 0 < settings.guest_renewal_s < settings.guest_token_s:
        raise ConfigError(
            _env("guest_renewal_s"),
            f"is {settings.guest_renewal_s}",
            f"expected 0, or at least {_env('guest_token_s')} ({settings.guest_token_s}): "
            "a guest would end before its first token does",
        )
    _check_model(settings)
    _one_of("database_pooler", settings.database_pooler, ("auto", "yes", "no"))
    _one_of("forwarded_header", settings.forwarded_header, ("x-forwarded-for", "forwarded"))
    for name in ("metrics", "documents"):
        _one_of(name, getattr(settings, name), ("auto", "everyone", "operators"))
    _one_of("kiosk_reader", settings.kiosk_reader, ("none", "simulated", "stripe"))
    _one_of("kiosk_printer", settings.kiosk_printer, ("none", "simulated", "agent"))
    _one_of("log_level", settings.log_level, ("debug", "info", "warning", "error"))
    _one_of("log_format", settings.log_format, ("auto", "text", "json"))
    _check_voice(settings)
    _each_of("guest_scopes", settings.guest_scopes, FOR_GUESTS)
    if settings.token_secret and len(settings.token_secret.encode()) < 32:
        # RFC 7518, section 3.2: an HS256 key is at least as long as the hash's output.
        raise ConfigError(_env("token_secret"), "is shorter than 32 bytes", "expected 32 bytes or more")
    if any(len(secret.encode()) < 32 for secret in settings.admission_secrets):
        raise ConfigError(_env("admission_secrets"), "has a secret shorter than 32 bytes", "expected 32 bytes or more")
    for name, given in (("token_secret", (settings.token_secret,)), ("admission_secrets", settings.admission_secrets)):
        if any(secret and is_guessable(secret) for secret in given):
            raise ConfigError(_env(name), "can be guessed", ADVICE)
    if settings.guest_scopes and not settings.token_secret:
        raise ConfigError(
            _env("guest_scopes"), "is set", f"expected {_env('token_secret')} too: it signs the guests' tokens"
        )
    _check_url("database_url", settings.database_url, ("postgresql://", "postgres://", "postgresql+asyncpg://"))
    _check_url("redis_url", settings.redis_url, ("redis://", "rediss://", "unix://"))
    _check_redis_address(settings.redis_url)
    _check_door(settings)
    _check_stripe(settings)
    _check_shares(settings)


def _check_stripe(settings: Settings) -> None:
    key, url = settings.stripe_key, settings.stripe_url
    if settings.kiosk_reader == "stripe" and not key:
        raise ConfigError(_env("stripe_key"), "is empty", f"expected a key, as {_env('kiosk_reader')} is stripe")
    if key and not re.fullmatch("(sk|rk)_[A-Za-z0-9_]{8,250}", key):
        raise ConfigError(_env("stripe_key"), "is no secret key", "expected sk_… or rk_…; pk_… is for browsers")
    _check_key_goes("stripe_url", url)


def _check_key_goes(name: str, url: str) -> None:
    """Refuse an address to which a key would be sent in the clear."""
    is_here = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?$", url) is not None
    if not is_here and not (url.startswith("https://") and is_web_address(url)):
        raise ConfigError(_env(name), f"is {url[:80]!r}", "expected https://host: the key is sent there")


def _check_shares(settings: Settings) -> None:
    if 0 < settings.network_connections <= settings.network_sockets:
        raise ConfigError(
            _env("network_connections"),
            f"is {settings.network_connections}",
            f"expected 0, or more than {_env('network_sockets')} ({settings.network_sockets}): "
            "a network that has all its sockets could load no page",
        )


def _check_model(settings: Settings) -> None:
    """Refuse limits with which the model could never answer, or nobody would answer for it, or its key be read."""
    _check_key_goes("gemini_url", settings.gemini_url)
    if not settings.gemini_api_key:
        return
    if settings.gemini_turn_ms >= settings.concierge_answer_ms:
        raise ConfigError(
            _env("gemini_turn_ms"),
            f"is {settings.gemini_turn_ms}",
            f"expected less than {_env('concierge_answer_ms')} ({settings.concierge_answer_ms}): "
            "the rules could not answer any more where the model is too slow",
        )


def _check_voice(settings: Settings) -> None:
    _each_of("voice", settings.voice, ("pages", "kiosks"))
    if settings.gemini_live_model and not settings.gemini_api_key:
        raise ConfigError(_env("gemini_live_model"), "is set", f"expected {_env('gemini_api_key')} too")


def _check_redis_address(url: str) -> None:
    if url and not is_redis_address(url):
        # Show neither the value nor the parser's message: both may contain part of the password.
        raise ConfigError(
            _env("redis_url"),
            "cannot be read",
            "expected redis://:password@host:port/0 or unix:///path; write / and @ in a password as %2F and %40",
        )


def _check_door(settings: Settings) -> None:
    """Refuse an empty host, which would mean every address, and addresses or origins that could never match."""
    host = settings.host
    if not is_host(host):
        raise ConfigError(_env("host"), f"is {host[:80]!r}", "expected a name or an address; 0.0.0.0 or :: means all")
    if settings.public_url and not is_web_address(settings.public_url):
        raise ConfigError(_env("public_url"), f"is {settings.public_url!r}", "expected https://host")
    for name in ("allowed_origins", "frame_ancestors"):
        for origin in getattr(settings, name):
            if origin != "*" and not is_origin(origin):
                expected = "expected https://host or https://host:port, or * for all"
                raise ConfigError(_env(name), f"names {origin!r}", expected)
    for name in settings.hosts:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ConfigError(_env("hosts"), f"names {name!r}", "expected names such as seats.example, without a port")
    _check_networks("trusted_proxies", (proxy for proxy in settings.trusted_proxies if proxy != "*"))
    _check_networks("operators", settings.operators)
    _check_networks("unlimited", settings.unlimited)


def _check_networks(name: str, networks: Iterable[str]) -> None:
    for one in networks:
        if not is_network(one):
            raise ConfigError(_env(name), f"names {one!r}", "expected addresses such as 10.0.0.1 or 10.0.0.0/8")


def _one_of(name: str, value: str, expected: tuple[str, ...]) -> None:
    if value not in expected:
        raise ConfigError(_env(name), f"is {value!r}", f"expected one of {', '.join(expected)}")


def _each_of(field: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        _one_of(field, value, known)


def _check_url(name: str, value: str, schemes: tuple[str, ...]) -> None:
    # The value itself stays out of the message: it may hold a password.
    if value and not value.startswith(schemes):
        raise ConfigError(_env(name), "has an unknown scheme", f"expected {' or '.join(schemes)}…")


Clock = Callable[[], int]
"""Milliseconds since the epoch. Passed in wherever a rule depends on the time."""


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
