"""Whose certificates the lab trusts: those that Python trusts, and the installation's own authority from ``--ca-file``.

Verification cannot be switched off: a rush signs tokens for its target, and must not show them to anybody else.
"""

from __future__ import annotations

import ssl

from seatserver.errors import ConfigError

NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"


def trust(ca_file: str) -> ssl.SSLContext:
    """What all connections to the target use. Raises `ConfigError` for a file that has no certificates."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            why = "has no certificates" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
            raise ConfigError("--ca-file", why, "expected certificates of authorities in PEM form") from None
    return context


def explained(error: Exception) -> str:
    """What went wrong, in words; and how to mend it, if the certificate is not trusted."""
    said = str(error) or type(error).__name__
    if NOT_TRUSTED in said:
        return "its certificate is signed by nobody that is trusted here: give --ca-file with that of your authority"
    return said
