"""The settings: a wrong one stops the start with one line that names it, and the README shows them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatserver import config
from seatserver.config.checks import SMALLER
from seatserver.errors import ConfigError

README = Path(__file__).parents[2] / "README.md"
SECRET = "7Hq2vXbN9sKd4tRw8mZc3yLf6pGj5aEu"
OPENID = {
    "SEATSERVER_OPENID_ISSUER": "https://accounts.google.com",
    "SEATSERVER_OPENID_CLIENT_ID": "1057-seats",
    "SEATSERVER_OPENID_CLIENT_SECRET": "GOCSPX-secret",  # pragma: allowlist secret
    "SEATSERVER_PUBLIC_URL": "https://seats.example",
    "SEATSERVER_TOKEN_SECRET": SECRET,
}
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def test_an_empty_environment_is_a_working_configuration() -> None:
    settings = config.load({})
    assert (settings.host, settings.port, settings.guest_scopes) == ("127.0.0.1", 8000, ())


def test_values_are_converted_to_their_type() -> None:
    settings = config.load(
        {
            "PORT": "0",
            "SEATSERVER_DUTIES": "off",
            "SEATSERVER_HOLD_MS": "120_000",
            "SEATSERVER_ALLOWED_ORIGINS": " https://a.example , ,https://b.example",
            "DATABASE_URL": "  postgresql://u@h/d  ",
            "SEATSERVER_HOST": "",
        }
    )
    assert settings.port == 0
    assert settings.duties is False
    assert settings.hold_ms == 120_000
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert settings.database_url == "postgresql://u@h/d"
    assert settings.host == "127.0.0.1", "an empty variable is an unset one"


def test_addresses_and_origins_are_accepted_in_every_usual_form() -> None:
    for redis_url in ("redis://h", "redis://u:p@h:6379/0", "rediss://h:1", "unix:///run/redis.sock", "redis://[::1]:1"):
        assert config.load({"REDIS_URL": redis_url}).redis_url == redis_url
    for origins in ("*", "https://a.example", "http://a.example:8080/", "https://A.example:443", "http://[::1]:8000"):
        config.load({"SEATSERVER_ALLOWED_ORIGINS": origins})
    for proxies in ("*", "10.0.0.0/8, ::1", "127.0.0.1"):
        config.load({"SEATSERVER_TRUSTED_PROXIES": proxies})
    for host in ("0.0.0.0", "::", "::1", "localhost", "seats.example", "my_host", "bücher.example"):
        config.load({"SEATSERVER_HOST": host})
    config.load({"SEATSERVER_PUBLIC_URL": "https://seats.example/live"})


def test_an_empty_host_on_the_command_line_is_refused() -> None:
    with pytest.raises(ConfigError, match="SEATSERVER_HOST is ''"):
        config.load({}, host="")


def test_the_command_line_wins_over_the_environment() -> None:
    assert config.load({"PORT": "1"}, port=2, host=None).port == 2


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"PORT": "http"}, "PORT is 'http': expected a whole number"),
        ({"PORT": "65536"}, "PORT is 65536: expected at most 65535"),
        ({"SEATSERVER_DUTIES": "maybe"}, "SEATSERVER_DUTIES is 'maybe': expected 1 or 0"),
        ({"SEATSERVER_HOLD_MS": "1"}, "SEATSERVER_HOLD_MS is 1: expected at least 200"),
        ({"SEATSERVER_HOLD_MSS": "1"}, "SEATSERVER_HOLD_MSS is not a setting of this server: did you mean "),
        (
            {"SEATSERVER_" + "Q" * 40: "1"},
            f"SEATSERVER_{'Q' * 40} is not a setting of this server: `seatserver settings` lists",
        ),
        (
            {"SEATSERVER_GUEST_RENEWAL_S": "3600"},
            "SEATSERVER_GUEST_RENEWAL_S is 3600: expected 0, or at least SEATSERVER_GUEST_TOKEN_S (7200)",
        ),
        ({"SEATSERVER_LOG_LEVEL": "loud"}, "SEATSERVER_LOG_LEVEL is 'loud': expected one of debug, info, warning"),
        ({"SEATSERVER_TOKEN_SECRET": "short"}, "SEATSERVER_TOKEN_SECRET is shorter than 32 bytes"),
        ({"SEATSERVER_GUEST_SCOPES": "watch"}, "SEATSERVER_GUEST_SCOPES is set: expected SEATSERVER_TOKEN_SECRET too"),
        (
            {"SEATSERVER_GUEST_SCOPES": "fly", "SEATSERVER_TOKEN_SECRET": SECRET},
            "SEATSERVER_GUEST_SCOPES is 'fly': expected one of watch, hold",
        ),
        *(
            (
                {"SEATSERVER_GUEST_SCOPES": f"watch,{scope}", "SEATSERVER_TOKEN_SECRET": SECRET},
                f"SEATSERVER_GUEST_SCOPES is '{scope}': expected one of watch, hold, claim, book",
            )
            for scope in ("settle", "admit", "admin")
        ),
        (
            {"SEATSERVER_GEMINI_LIVE_MODEL": "x"},
            "SEATSERVER_GEMINI_LIVE_MODEL is set: expected SEATSERVER_GEMINI_API_KEY",
        ),
        ({"SEATSERVER_VOICE": "phones"}, "SEATSERVER_VOICE is 'phones': expected one of pages, kiosks"),
        ({"SEATSERVER_TOKEN_SECRET": "x" * 32}, "SEATSERVER_TOKEN_SECRET can be guessed: expected a random one, such"),
        ({"SEATSERVER_ADMISSION_SECRETS": f"{SECRET},{'ab' * 20}"}, "SEATSERVER_ADMISSION_SECRETS can be guessed: "),
        (
            {"SEATSERVER_KIOSK_NEEDS_PAPER": "1"},
            "SEATSERVER_KIOSK_NEEDS_PAPER is 1: expected SEATSERVER_KIOSK_PRINTER too",
        ),
        ({"SEATSERVER_KIOSK_READER": "stripe"}, "SEATSERVER_STRIPE_KEY is empty: expected a key, as SEATSERVER_KIOSK_"),
        (
            {"SEATSERVER_STRIPE_KEY": "pk_test_0123456789"},
            "SEATSERVER_STRIPE_KEY is no secret key: expected sk_… or rk_",
        ),
        (
            {"SEATSERVER_STRIPE_URL": "http://stripe.example"},
            "SEATSERVER_STRIPE_URL is 'http://stripe.example': expected https://host: the key is sent there",
        ),
        (
            {"SEATSERVER_GEMINI_URL": "http://gemini.example"},
            "SEATSERVER_GEMINI_URL is 'http://gemini.example': expected https://host: the key is sent there",
        ),
        (
            {"SEATSERVER_OPENID_ISSUER": "http://issuer.example"},
            "SEATSERVER_OPENID_ISSUER is 'http://issuer.example': expected https://host: the key is sent there",
        ),
        ({**OPENID, "SEATSERVER_OPENID_ISSUER": "https://a.example?b"}, "SEATSERVER_OPENID_ISSUER is 'https://a."),
        ({**OPENID, "SEATSERVER_OPENID_CLIENT_SECRET": ""}, "SEATSERVER_OPENID_CLIENT_SECRET is empty: expected"),
        ({**OPENID, "SEATSERVER_PUBLIC_URL": ""}, "SEATSERVER_PUBLIC_URL is empty: expected a value"),
        ({**OPENID, "SEATSERVER_TOKEN_SECRET": ""}, "SEATSERVER_TOKEN_SECRET is empty: expected a value"),
        ({**OPENID, "SEATSERVER_OPENID_DOMAINS": "Rex"}, "SEATSERVER_OPENID_DOMAINS names 'Rex': expected domains"),
        ({**OPENID, "SEATSERVER_OPENID_NEWCOMERS": "rex.example"}, "SEATSERVER_OPENID_NEWCOMERS names 'rex.example': "),
        (
            {**OPENID, "SEATSERVER_OPENID_DOMAINS": "a.example", "SEATSERVER_OPENID_NEWCOMERS": "b.example=usher"},
            "SEATSERVER_OPENID_NEWCOMERS names 'b.example': expected only domains of SEATSERVER_OPENID_DOMAINS",
        ),
        ({"SEATSERVER_METRICS": "nobody"}, "SEATSERVER_METRICS is 'nobody': expected one of auto, everyone, operators"),
        ({"SEATSERVER_OPERATORS": "me"}, "SEATSERVER_OPERATORS names 'me': expected addresses such as 10.0.0.1"),
        ({"SEATSERVER_HOSTS": "a.example:80"}, "SEATSERVER_HOSTS names 'a.example:80': expected names"),
        ({"DATABASE_URL": "mysql://u:pass@h/d"}, "DATABASE_URL has an unknown scheme: expected postgresql://"),
        ({"REDIS_URL": "http://h"}, "REDIS_URL has an unknown scheme: expected redis://"),
        ({"REDIS_URL": "redis://:hunter2/x@h:6379"}, "REDIS_URL cannot be read: expected redis://"),
        ({"REDIS_URL": "redis://h:99999"}, "REDIS_URL cannot be read: expected redis://"),
        ({"REDIS_URL": "redis://[::1"}, "REDIS_URL cannot be read: expected redis://"),
        ({"REDIS_URL": "unix://"}, "REDIS_URL cannot be read: expected redis://"),
        ({"PORT": "٣"}, "PORT is '٣': expected a whole number"),
        ({"SEATSERVER_HOST": "a" * 70}, f"SEATSERVER_HOST is '{'a' * 70}': expected a name or an address"),
        ({"SEATSERVER_HOST": "two words"}, "SEATSERVER_HOST is 'two words': expected a name or an address"),
        ({"SEATSERVER_PUBLIC_URL": "seats.example"}, "SEATSERVER_PUBLIC_URL is 'seats.example': expected https://"),
        ({"SEATSERVER_PUBLIC_URL": "https://[::1"}, "SEATSERVER_PUBLIC_URL is 'https://[::1': expected https://"),
        (
            {"SEATSERVER_ALLOWED_ORIGINS": "https://a.example,b.example"},
            "SEATSERVER_ALLOWED_ORIGINS names 'b.example': expected https://",
        ),
        (
            {"SEATSERVER_ALLOWED_ORIGINS": "https://a.example/shop"},
            "SEATSERVER_ALLOWED_ORIGINS names 'https://a.example/shop': expected https://",
        ),
        (
            {"SEATSERVER_ALLOWED_ORIGINS": "https://*.example"},
            "SEATSERVER_ALLOWED_ORIGINS names 'https://*.example': expected https://",
        ),
        (
            {"SEATSERVER_ALLOWED_ORIGINS": "https://bücher.example"},
            "SEATSERVER_ALLOWED_ORIGINS names 'https://bücher.example': expected https://",
        ),
        (
            {"SEATSERVER_FRAME_ANCESTORS": "https://a.example;script-src"},
            "SEATSERVER_FRAME_ANCESTORS names 'https://a.example;script-src': expected https://",
        ),
        (
            {"SEATSERVER_ADMISSION_SECRETS": f"{SECRET},short"},
            "SEATSERVER_ADMISSION_SECRETS has a secret shorter than 32 bytes: expected",
        ),
        (
            {"SEATSERVER_TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/99"},
            "SEATSERVER_TRUSTED_PROXIES names '10.0.0.0/99': expected addresses",
        ),
        ({"SEATSERVER_TRUSTED_PROXIES": "10.0.0.1/8"}, "SEATSERVER_TRUSTED_PROXIES names '10.0.0.1/8': expected"),
        ({"SEATSERVER_TRUSTED_PROXIES": "proxy"}, "SEATSERVER_TRUSTED_PROXIES names 'proxy': expected addresses"),
        (
            {"SEATSERVER_HOLD_MS": "60000", "SEATSERVER_HOLD_TOTAL_MS": "30000"},
            "SEATSERVER_HOLD_TOTAL_MS is 30000: expected at least SEATSERVER_HOLD_MS (60000)",
        ),
        (
            {"SEATSERVER_HOLD_PAUSE_MS": "5000"},
            "SEATSERVER_HOLD_PAUSE_MS is 5000: expected more than SEATSERVER_SWEEP_MS (5000): the pause could be",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_bad_value_is_reported_in_one_line_that_names_the_variable(environ: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(environ)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("smaller", "larger", "why"), SMALLER)
def test_related_limits_are_checked_against_each_other(smaller: str, larger: str, why: str) -> None:
    bounds = {row.name: row for row in config.rows()}
    limit = bounds[larger].default
    # Both at the larger one's default: no room is left between them.
    with pytest.raises(ConfigError, match=f"expected less than {bounds[larger].env}") as caught:
        config.load({bounds[smaller].env: str(limit)})
    assert why in str(caught.value)


def test_a_claim_outlasts_a_payment_at_a_kiosk_where_kiosks_take_payments() -> None:
    brief = {"SEATSERVER_CLAIM_MS": "1500"}
    assert config.load(brief).kiosk_pay_ms > config.load(brief).claim_ms
    with pytest.raises(ConfigError, match=r"KIOSK_PAY_MS is 90000: expected less than SEATSERVER_CLAIM_MS \(1500\)"):
        config.load({**brief, "SEATSERVER_KIOSK_READER": "simulated"})


def test_the_answer_timeout_exceeds_a_wait_for_a_connection_and_one_statement() -> None:
    with pytest.raises(ConfigError, match=r"ANSWER_MS is 8000: expected more than .*POOL_WAIT_MS and .*STATEMENT_MS"):
        config.load({"SEATSERVER_ANSWER_MS": "8000"})
    config.load({"SEATSERVER_ANSWER_MS": "8001"})


def test_the_checkout_timeout_exceeds_all_statements_that_write_a_booking() -> None:
    with pytest.raises(ConfigError, match=r"CHECKOUT_MS is 25000: expected more than 5 times .*STATEMENT_MS"):
        config.load({"SEATSERVER_CHECKOUT_MS": "25000"})


def test_no_error_message_shows_a_secret() -> None:
    for variable, value in [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("REDIS_URL", "redis://:hunter2/x@h:6379"),
        ("SEATSERVER_TOKEN_SECRET", "hunter2"),
        ("SEATSERVER_STRIPE_KEY", "hunter2"),
    ]:
        with pytest.raises(ConfigError) as caught:
            config.load({variable: value})
        assert "hunter2" not in str(caught.value)


def test_every_number_has_bounds_and_its_default_is_within_them() -> None:
    for row in config.rows():
        if row.kind is int:
            assert row.at_least is not None, row.env
            assert row.at_most is not None, row.env
            assert row.at_least <= row.default <= row.at_most, row.env


def test_the_readme_shows_every_setting() -> None:
    text = README.read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == config.markdown(), (
        "the README's table is not that of config/table.py: replace what stands between the markers by the output of "
        "`seatserver settings --markdown`"
    )


def test_a_network_with_all_its_sockets_can_still_load_a_page() -> None:
    with pytest.raises(ConfigError, match=r"SEATSERVER_NETWORK_CONNECTIONS is 1000: .*SEATSERVER_NETWORK_SOCKETS"):
        config.load({"SEATSERVER_NETWORK_CONNECTIONS": "1000"})
    assert config.load({"SEATSERVER_NETWORK_CONNECTIONS": "0"}).network_connections == 0
