"""What the table cannot say of the settings: the forms of texts, and which values do not go together."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seatserver.address_forms import is_host, is_network, is_origin, is_redis_address, is_web_address
from seatserver.config.table import Settings, rows
from seatserver.errors import ConfigError
from seatserver.secrecy import ADVICE, is_guessable

FOR_GUESTS = ("watch", "hold", "claim", "book")
DOMAIN = r"(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}"
"""Of an e-mail, in small letters; other alphabets as `xn--…`."""
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


def check(settings: Settings) -> None:
    """Refuse settings with which the server could not do what it promises. Raises `ConfigError`."""
    _check_limits(settings)
    _check_model(settings)
    _check_choices(settings)
    _check_secrets(settings)
    _check_stores(settings)
    _check_door(settings)
    _check_stripe(settings)
    _check_captcha(settings)
    _check_openid(settings)


def _check_limits(settings: Settings) -> None:
    """Refuse limits of which one makes another pointless."""

    def wrong(name: str, expected: str) -> ConfigError:
        return ConfigError(_env(name), f"is {getattr(settings, name)}", f"expected {expected}")

    def limit(name: str) -> str:
        return f"{_env(name)} ({getattr(settings, name)})"

    for smaller, larger, why in SMALLER:
        if getattr(settings, smaller) >= getattr(settings, larger):
            raise wrong(smaller, f"less than {limit(larger)}: {why}")
    if settings.hold_total_ms < settings.hold_ms:
        raise wrong("hold_total_ms", f"at least {limit('hold_ms')}: a hold would outlive its own limit")
    if settings.kiosk_reader != "none" and settings.kiosk_pay_ms >= settings.claim_ms:
        why = "a booking could expire while its card is being charged"
        raise wrong("kiosk_pay_ms", f"less than {limit('claim_ms')}: {why}")
    if settings.hold_pause_ms <= settings.sweep_ms:
        why = "the pause could be over before others see that the seat is free"
        raise wrong("hold_pause_ms", f"more than {limit('sweep_ms')}: {why}")
    if settings.database_statement_ms * CLAIM_STATEMENTS >= settings.checkout_ms:
        why = "a hold's pin could end while its booking is written"
        raise wrong("checkout_ms", f"more than {CLAIM_STATEMENTS} times {limit('database_statement_ms')}: {why}")
    if (wait_ms := settings.database_pool_wait_ms + settings.database_statement_ms) >= settings.answer_ms:
        both = f"{_env('database_pool_wait_ms')} and {_env('database_statement_ms')} together ({wait_ms})"
        raise wrong("answer_ms", f"more than {both}: a booking that only waited for a connection would time out")
    if 0 < settings.guest_renewal_s < settings.guest_token_s:
        why = "a guest would end before its first token does"
        raise wrong("guest_renewal_s", f"0, or at least {limit('guest_token_s')}: {why}")
    if settings.gemini_api_key and settings.gemini_turn_ms >= settings.concierge_answer_ms:
        why = "the rules could not answer any more where the model is too slow"
        raise wrong("gemini_turn_ms", f"less than {limit('concierge_answer_ms')}: {why}")
    if 0 < settings.network_connections <= settings.network_sockets:
        why = "a network that has all its sockets could load no page"
        raise wrong("network_connections", f"0, or more than {limit('network_sockets')}: {why}")


def _check_choices(settings: Settings) -> None:
    """Refuse words that are none of those expected, and those that need another setting."""
    _one_of("database_pooler", settings.database_pooler, ("auto", "yes", "no"))
    _one_of("forwarded_header", settings.forwarded_header, ("x-forwarded-for", "forwarded"))
    for name in ("metrics", "documents"):
        _one_of(name, getattr(settings, name), ("auto", "everyone", "operators"))
    _one_of("kiosk_reader", settings.kiosk_reader, ("none", "simulated", "stripe"))
    _one_of("kiosk_printer", settings.kiosk_printer, ("none", "simulated", "agent"))
    _one_of("log_level", settings.log_level, ("debug", "info", "warning", "error"))
    _one_of("log_format", settings.log_format, ("auto", "text", "json"))
    _each_of("voice", settings.voice, ("pages", "kiosks"))
    _each_of("guest_scopes", settings.guest_scopes, FOR_GUESTS)
    if settings.kiosk_needs_paper and settings.kiosk_printer == "none":
        raise ConfigError(
            _env("kiosk_needs_paper"), "is 1", f"expected {_env('kiosk_printer')} too: without one nothing is sold"
        )


def _check_secrets(settings: Settings) -> None:
    """Refuse secrets that are short or can be guessed, and guests without the secret for their tokens."""
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


def _check_stores(settings: Settings) -> None:
    """Refuse addresses of Postgres and Redis that cannot be read. None is shown: it may hold a password."""
    _check_scheme("database_url", settings.database_url, ("postgresql://", "postgres://", "postgresql+asyncpg://"))
    _check_scheme("redis_url", settings.redis_url, ("redis://", "rediss://", "unix://"))
    if settings.redis_url and not is_redis_address(settings.redis_url):
        raise ConfigError(
            _env("redis_url"),
            "cannot be read",
            "expected redis://:password@host:port/0 or unix:///path; write / and @ in a password as %2F and %40",
        )


def _check_scheme(name: str, url: str, schemes: tuple[str, ...]) -> None:
    if url and not url.startswith(schemes):
        raise ConfigError(_env(name), "has an unknown scheme", f"expected {' or '.join(schemes)}…")


def _check_model(settings: Settings) -> None:
    """Refuse an address to which the model's key would be sent in the clear, and a model that hears without a key."""
    _check_key_goes("gemini_url", settings.gemini_url)
    if settings.gemini_live_model and not settings.gemini_api_key:
        raise ConfigError(_env("gemini_live_model"), "is set", f"expected {_env('gemini_api_key')} too")


def _check_stripe(settings: Settings) -> None:
    key, url = settings.stripe_key, settings.stripe_url
    if settings.kiosk_reader == "stripe" and not key:
        raise ConfigError(_env("stripe_key"), "is empty", f"expected a key, as {_env('kiosk_reader')} is stripe")
    if key and not re.fullmatch("(sk|rk)_[A-Za-z0-9_]{8,250}", key):
        raise ConfigError(_env("stripe_key"), "is no secret key", "expected sk_… or rk_…; pk_… is for browsers")
    _check_key_goes("stripe_url", url)


def _check_captcha(settings: Settings) -> None:
    """Refuse a provider of CAPTCHAs that could not be asked, or would never be."""
    _one_of("captcha", settings.captcha, ("none", "turnstile", "hcaptcha", "recaptcha"))
    if url := settings.captcha_verify_url:
        _check_key_goes("captcha_verify_url", url)
    if settings.captcha == "none":
        return
    wanted = f"as {_env('captcha')} is {settings.captcha}"
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", settings.captcha_site_key):
        raise ConfigError(_env("captcha_site_key"), "is no key", f"expected the provider's key for your site, {wanted}")
    if not settings.captcha_secret:
        raise ConfigError(_env("captcha_secret"), "is empty", f"expected the secret of your site, {wanted}")
    if not settings.public_url:
        raise ConfigError(_env("public_url"), "is empty", f"expected where your pages are, {wanted}: it is compared")
    if not settings.guests_free_per_min:
        raise ConfigError(
            _env("guests_free_per_min"), "is 0", f"expected a number of guests, {wanted}: none is checked"
        )


def _check_openid(settings: Settings) -> None:
    """Refuse a provider to which nobody could be sent, and domains that no e-mail could have."""
    if not settings.openid_issuer:
        return
    _check_key_goes("openid_issuer", settings.openid_issuer)
    if set(settings.openid_issuer) & set("?#"):
        raise ConfigError(_env("openid_issuer"), f"is {settings.openid_issuer[:80]!r}", "expected no `?` and no `#`")
    for name in ("openid_client_id", "openid_client_secret", "public_url", "token_secret"):
        if not getattr(settings, name):
            raise ConfigError(_env(name), "is empty", f"expected a value, as {_env('openid_issuer')} is set")
    for domain in settings.openid_domains:
        if not re.fullmatch(DOMAIN, domain):
            raise ConfigError(_env("openid_domains"), f"names {domain[:80]!r}", "expected domains such as rex.example")
    for newcomers in settings.openid_newcomers:
        domain, _, role = newcomers.partition("=")
        if not re.fullmatch(DOMAIN, domain) or not role:
            expected = "expected a domain with a role, such as rex.example=usher"
            raise ConfigError(_env("openid_newcomers"), f"names {newcomers[:80]!r}", expected)
        if settings.openid_domains and domain not in settings.openid_domains:
            expected = f"expected only domains of {_env('openid_domains')}"
            raise ConfigError(_env("openid_newcomers"), f"names {domain[:80]!r}", expected)


def _check_key_goes(name: str, url: str) -> None:
    """Refuse an address to which a key would be sent in the clear."""
    is_here = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)", url) is not None
    if not is_here and not (url.startswith("https://") and is_web_address(url)):
        raise ConfigError(_env(name), f"is {url[:80]!r}", "expected https://host: the key is sent there")


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


def _env(name: str) -> str:
    return next(row.env for row in rows() if row.name == name)
