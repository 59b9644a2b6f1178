"""The load lab rushes a server with TLS whose certificate a private authority has signed, and no other one."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loadtests.__main__ import main
from loadtests.rush import result
from tests.conftest import TOKEN_SECRET
from tests.integration.cheating_server import cheating

SCENARIO = """
title = "Small"
question = "Does it come through TLS?"
seconds = 30
showtimes = [{ hall = "plain:24" }]
arrivals = { kind = "at_once", seconds = 0.2 }
people = { pick = 4, look = 2 }
habits = { think = [0.02, 0.1], change_mind = 0.0, vanish = 0.0 }
"""
DAY = datetime.timedelta(days=1)


class Authority:
    """A private authority and a certificate of it for this machine, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ca.pem"
        authority, certificate = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = _name("A cinema's own authority")
        identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
        own = _certificate(issuer, issuer, authority.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(_pem(own.add_extension(identifier, critical=False).sign(authority, hashes.SHA256())))
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        signed = _certificate(_name("seats"), issuer, certificate.public_key())
        signed = signed.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = signed.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        (folder / "server.pem").write_bytes(_pem(signed.sign(authority, hashes.SHA256())))
        (folder / "key.pem").write_bytes(
            certificate.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.options = {"ssl_certfile": str(folder / "server.pem"), "ssl_keyfile": str(folder / "key.pem")}


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def rush(tmp_path: Path) -> list[str]:
    """The command of a small rush, without its target."""
    scenario = tmp_path / "small.toml"
    scenario.write_text(SCENARIO)
    return ["rush", str(scenario), "--token-secret", TOKEN_SECRET, "--counts-only"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_rush_passes_at_a_server_with_a_certificate_of_a_private_authority(
    host: str, rush: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority(tmp_path)
    with cheating("", **authority.options) as url:
        target = url.replace("127.0.0.1", host)
        assert target.startswith("https://")
        code = main([*rush, "--target", target, "--ca-file", str(authority.file), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code == 0, said.out + said.err
    (path,) = (tmp_path / "out").glob("*.json")
    found = result.read(path)
    assert found.notes.sockets_open == found.notes.sockets_asked == 7, "everybody and the observer"
    assert found.notes.receipts and found.notes.looked_up


def test_a_certificate_that_is_not_trusted_is_one_line_that_says_how_to_mend_it(
    rush: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with cheating("", **Authority(tmp_path).options) as url:
        assert main([*rush, "--target", url]) == 1
    said = capsys.readouterr().err
    assert "signed by nobody that is trusted here: give --ca-file" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read: No such file"), ("key", "has no certificates")])
def test_a_file_of_no_authority_is_refused_before_anything_is_asked(
    content: str | None, why: str, rush: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    assert main([*rush, "--target", "https://127.0.0.1:1", "--ca-file", str(path)]) == 1
    said = capsys.readouterr().err
    assert f"--ca-file {why}" in said
    assert said.count("\n") == 1
