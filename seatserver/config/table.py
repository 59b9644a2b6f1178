"""Every setting, in one table.

What an operator may tune is a setting; other bounds are constants where they are used. Each field of `Settings` below is
one row of the table: its environment variable, its unit (the last part of the name), its default, its bounds, and one
sentence for the operator. The README shows the same table, and a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_type_hints


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
    openid_issuer: str = setting("SEATSERVER_OPENID_ISSUER", "", "OpenID provider with which staff can sign in too, such as `https://accounts.google.com`. If empty, there is none. Plain HTTP only on this machine.")
    openid_name: str = setting("SEATSERVER_OPENID_NAME", "", "What the provider is called on the sign-in page; if empty, by its host.")
    openid_client_id: str = setting("SEATSERVER_OPENID_CLIENT_ID", "", "The id that the provider gave to this server.")
    openid_client_secret: str = setting("SEATSERVER_OPENID_CLIENT_SECRET", "", "The secret that goes with it.", secret=True)
    openid_domains: tuple[str, ...] = setting("SEATSERVER_OPENID_DOMAINS", (), "Domains of the e-mails by which users may sign in with the provider for the first time, comma-separated; if empty, all.")
    openid_newcomers: tuple[str, ...] = setting("SEATSERVER_OPENID_NEWCOMERS", (), "Accounts are made for people who have none yet, where their e-mail has one of these domains, with its role: `rex.example=usher`, comma-separated. If empty, none are made.")
    openid_ms: int = setting("SEATSERVER_OPENID_MS", 5000, "Longest wait for each of up to three answers of the provider.", at_least=50, at_most=60_000)
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
    concierge_log: bool = setting("SEATSERVER_CONCIERGE_LOG", False, "Keep what visitors write to the concierge and what it answers, of those who agree: redacted, never sound. See “What is kept of visitors”.")
    concierge_log_days: int = setting("SEATSERVER_CONCIERGE_LOG_DAYS", 14, "For how many days that is kept.", at_least=1, at_most=365)
    concierge_log_rows: int = setting("SEATSERVER_CONCIERGE_LOG_ROWS", 100_000, "Most questions that are kept; beyond that the oldest go first.", at_least=100, at_most=1_000_000)

    # The language model behind the concierge.
    gemini_api_key: str = setting("SEATSERVER_GEMINI_API_KEY", "", "Key of the Gemini API. With it the concierge is answered by a language model, which is sent what visitors write; without it, by rules alone, and nothing is sent.", secret=True)
    gemini_model: str = setting("SEATSERVER_GEMINI_MODEL", "gemini-3.8-flash", "Name of the model.")
    gemini_url: str = setting("SEATSERVER_GEMINI_URL", "https://generativelanguage.googleapis.com", "Where the Gemini API is reached. Plain HTTP only on this machine.")
    gemini_turn_ms: int = setting("SEATSERVER_GEMINI_TURN_MS", 20_000, "Longest the model may take for an answer with all its steps; then the rules answer.", at_least=100, at_most=110_000)
    gemini_quiet_ms: int = setting("SEATSERVER_GEMINI_QUIET_MS", 6000, "Longest wait for the next piece of its answer.", at_least=50, at_most=60_000)
    gemini_pause_ms: int = setting("SEATSERVER_GEMINI_PAUSE_MS", 30_000, "How long the model is not asked after it has failed three times in a row.", at_least=50, at_most=600_000)
    gemini_answers: int = setting("SEATSERVER_GEMINI_ANSWERS", 24, "Most answers that the model gives at the same time, per process; beyond that the rules answer.", at_least=1, at_most=200)
    gemini_memory_mb: int = setting("SEATSERVER_GEMINI_MEMORY_MB", 512, "Most memory of the process that talks to the model, in MiB: each process of the server starts one of its own with the first question. An answer that needs more fails.", at_least=128, at_most=16_384)
    gemini_turn_tokens: int = setting("SEATSERVER_GEMINI_TURN_TOKENS", 40_000, "Most tokens of one answer, read and written, in all its steps.", at_least=10_000, at_most=1_000_000)
    gemini_input_cents: int = setting("SEATSERVER_GEMINI_INPUT_CENTS", 50, "Price of a million tokens that the model reads, in cents.", at_least=0, at_most=100_000)
    gemini_output_cents: int = setting("SEATSERVER_GEMINI_OUTPUT_CENTS", 300, "Price of a million tokens that the model writes, in cents.", at_least=0, at_most=100_000)
    gemini_user_turns: int = setting("SEATSERVER_GEMINI_USER_TURNS", 100, "Most questions of one user that the model answers in a day (UTC), over all instances; all guests of one network have four times as much of this and of the next two. After that, the rules answer.", at_least=0, at_most=1_000_000)
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
    gemini_live_input_cents: int = setting("SEATSERVER_GEMINI_LIVE_INPUT_CENTS", 300, "Price of a million tokens that the model reads which hears, in cents. All of them are charged as sound.", at_least=0, at_most=100_000)
    gemini_live_output_cents: int = setting("SEATSERVER_GEMINI_LIVE_OUTPUT_CENTS", 1200, "Price of a million tokens that this model says, in cents.", at_least=0, at_most=100_000)
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
    network_guests_per_h: int = setting("SEATSERVER_NETWORK_GUESTS_PER_H", 3000, "The same, in an hour.", at_least=0, at_most=10_000_000)
    network_connections: int = setting("SEATSERVER_NETWORK_CONNECTIONS", 2000, "Most open connections of one network, sockets included. Those of `SEATSERVER_TRUSTED_PROXIES` are not counted.", at_least=0, at_most=1_000_000)
    guests_free_per_min: int = setting("SEATSERVER_GUESTS_FREE_PER_MIN", 600, "While more new guests than this are wanted of a process in a minute, each costs its browser some work, up to 2 s on a cheap phone. Who renews a guest's token pays nothing.", at_least=0, at_most=10_000_000)
    captcha: str = setting("SEATSERVER_CAPTCHA", "none", "Who checks new guests then instead of that work: `none`, `turnstile` (Cloudflare), `hcaptcha` or `recaptcha` (Google's version 2). The provider learns the visitors' addresses, and its script runs in their pages, then only. While it is away, new guests do the work.")
    captcha_site_key: str = setting("SEATSERVER_CAPTCHA_SITE_KEY", "", "The provider's key for your site, which browsers see.")
    captcha_secret: str = setting("SEATSERVER_CAPTCHA_SECRET", "", "The secret that belongs to it.", secret=True)
    captcha_verify_url: str = setting("SEATSERVER_CAPTCHA_VERIFY_URL", "", "Where answers are verified, if not at the provider's usual address. Plain HTTP only on this machine.")
    captcha_ms: int = setting("SEATSERVER_CAPTCHA_MS", 3000, "Longest wait for the provider to verify an answer. After that, and after any failure of the provider, the visitor does the work.", at_least=50, at_most=30_000)
    network_sockets: int = setting("SEATSERVER_NETWORK_SOCKETS", 1000, "Most sockets of one network.", at_least=0, at_most=1_000_000)
    network_handshakes: int = setting("SEATSERVER_NETWORK_HANDSHAKES", 250, "Most handshakes of one network that may wait for their turn (see `SEATSERVER_HANDSHAKES`).", at_least=0, at_most=100_000)
    network_handshakes_per_min: int = setting("SEATSERVER_NETWORK_HANDSHAKES_PER_MIN", 2400, "Most handshakes of one network.", at_least=0, at_most=10_000_000)
    network_passwords_per_min: int = setting("SEATSERVER_NETWORK_PASSWORDS_PER_MIN", 30, "Most passwords that may be tried from one network. For one e-mail it is 5 at once, then one every 20 s, even from an unlimited network. All networks of an IPv6 /48 together have four times as many, not all at once. Sign-ins with OpenID count too.", at_least=0, at_most=10_000_000)
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
    kiosk_reader: str = setting("SEATSERVER_KIOSK_READER", "none", "The card reader of kiosks: `none` (they only show what is on), `simulated` (it takes no money), or `stripe` (Stripe Terminal’s readers, one for each kiosk). Set the same for all processes, because any that runs the duties ends payments that were broken off.")
    stripe_key: str = setting("SEATSERVER_STRIPE_KEY", "", "The secret or restricted key of the Stripe account. Restricted: it may write PaymentIntents, refunds and Terminal readers.", secret=True)
    stripe_ms: int = setting("SEATSERVER_STRIPE_MS", 5000, "Longest wait for an answer of Stripe.", at_least=100, at_most=60_000)
    stripe_url: str = setting("SEATSERVER_STRIPE_URL", "https://api.stripe.com", "Address of Stripe’s API. Plain HTTP only on this machine.")
    kiosk_pay_ms: int = setting("SEATSERVER_KIOSK_PAY_MS", 90_000, "How long a kiosk waits for a card. Then the payment is void and the seats are free.", at_least=1000, at_most=3_600_000)
    kiosk_handoff_ms: int = setting("SEATSERVER_KIOSK_HANDOFF_MS", 60_000, "How long the QR code works with which a phone takes over a kiosk’s seats.", at_least=1000, at_most=600_000)
    kiosk_printer: str = setting("SEATSERVER_KIOSK_PRINTER", "none", "The printer of kiosks: `none`, so that the ticket is a code on the screen, `simulated`, which shows the paper there, or `agent`: each kiosk has a printer on its machine, and `seatserver kiosk agent` prints there.")
    kiosk_needs_paper: bool = setting("SEATSERVER_KIOSK_NEEDS_PAPER", False, "Whether a kiosk that cannot print sells nothing. Otherwise it says so before its customers pay, and shows the ticket’s code.")
    kiosk_quiet_ms: int = setting("SEATSERVER_KIOSK_QUIET_MS", 45_000, "After this long without a touch, a kiosk asks whether anybody is there.", at_least=1000, at_most=600_000)
    kiosk_answer_ms: int = setting("SEATSERVER_KIOSK_ANSWER_MS", 20_000, "How long a kiosk then waits for an answer before it gives the seats back and starts over.", at_least=1000, at_most=600_000)
    sweep_ms: int = setting("SEATSERVER_SWEEP_MS", 5000, "Longest time between two checks of the deadlines in a room where something is held.", at_least=20, at_most=60_000)
    # fmt: on

    @property
    def hears_s(self) -> int:
        """The longest spoken question that this server itself hears, in seconds; 0: it hears none."""
        return self.voice_s if self.concierge and self.gemini_api_key and self.gemini_live_model else 0

    @property
    def kept_days(self) -> int:
        """For how many days the concierge's conversations are kept of visitors who agree; 0: none are."""
        return self.concierge_log_days if self.concierge and self.concierge_log else 0

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
