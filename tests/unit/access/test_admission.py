"""Promises of the codes on tickets, and of the keys in the links to them."""

from __future__ import annotations

import base64
import hmac
import re
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access.admission import PURPOSE, VERSION, AdmissionCodes, BookingKeys
from seatserver.errors import BadTicket, Conflict

pytestmark = pytest.mark.clock

SECRET, NEWER, FOREIGN = (f"the {name} secret of these tests, long enough" for name in ("first", "newer", "foreign"))
BOOKING = UUID("6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11")


def codes(*secrets: str, token_secret: str = "") -> AdmissionCodes:
    return AdmissionCodes(config.load({}, admission_secrets=secrets, token_secret=token_secret))


def keys(*secrets: str, token_secret: str = "") -> BookingKeys:
    return BookingKeys(config.load({}, admission_secrets=secrets, token_secret=token_secret))


def key_of(own: BookingKeys, booking_id: UUID = BOOKING) -> str:
    key = own.write(booking_id)
    assert key is not None
    return key


@given(st.uuids())
def test_a_code_leads_back_to_its_booking_and_fits_a_small_qr_code(booking_id: UUID) -> None:
    code = codes(SECRET).write(booking_id)
    assert re.fullmatch("[A-Z2-7]{48}", code)
    assert codes(SECRET).read(code) == booking_id
    assert codes(SECRET).write(booking_id) == code


def test_a_code_may_be_typed_as_people_type() -> None:
    code = codes(SECRET).write(BOOKING)
    groups = " - ".join(re.findall("....", code.lower()))
    assert codes(SECRET).read(f"\t{groups}\n") == BOOKING
    misread = code.replace("O", "0").replace("I", "1").replace("B", "8")
    assert codes(SECRET).read(misread) == BOOKING


@given(st.integers(0, 47), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    code = codes(SECRET).write(BOOKING)
    changed = code[:place] + letter + code[place + 1 :]
    if changed != code:
        with pytest.raises(BadTicket):
            codes(SECRET).read(changed)


@given(st.one_of(st.text(max_size=100), st.text("ABCDEF234567=", min_size=46, max_size=50)))
@example("")
@example("=" * 48)
@example("ß" * 24)
@example("A" * 48)
def test_garbage_is_no_ticket(text: str) -> None:
    with pytest.raises(BadTicket, match="not issued by this server"):
        codes(SECRET).read(text)


def test_signatures_of_other_things_or_other_servers_are_refused() -> None:
    with pytest.raises(BadTicket):
        codes(SECRET).read(codes(FOREIGN).write(BOOKING))
    unsigned = base64.b32encode(VERSION + BOOKING.bytes + bytes(13)).decode()
    with pytest.raises(BadTicket):
        codes(SECRET).read(unsigned)


def test_tickets_outlive_their_secret_while_the_old_one_is_still_named() -> None:
    old, rotated = codes(SECRET), codes(NEWER, SECRET)
    assert rotated.read(old.write(BOOKING)) == BOOKING
    assert codes(NEWER).read(rotated.write(BOOKING)) == BOOKING
    with pytest.raises(BadTicket):
        codes(NEWER).read(old.write(BOOKING))


def test_the_tokens_secret_serves_where_there_is_no_other() -> None:
    assert codes(token_secret=SECRET).write(BOOKING) == codes(SECRET).write(BOOKING)
    with pytest.raises(Conflict, match="SEATSERVER_ADMISSION_SECRETS"):
        codes().write(BOOKING)
    with pytest.raises(BadTicket):
        codes().read(codes(SECRET).write(BOOKING))


@given(st.uuids(), st.uuids())
def test_a_key_fits_its_booking_and_no_other(booking_id: UUID, other: UUID) -> None:
    key = key_of(keys(SECRET), booking_id)
    assert re.fullmatch("[a-z2-7]{32}", key), "160 bits, and no sign at the end that a text might keep for itself"
    assert key == key_of(keys(SECRET), booking_id)
    assert keys(SECRET).fits(key, booking_id)
    assert keys(SECRET).fits(key, other) == (other == booking_id)
    assert keys(SECRET).link(booking_id) == f"/bookings/{booking_id}#key={key}"


@given(st.integers(0, 31), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
def test_no_letter_of_a_key_can_be_changed(place: int, letter: str) -> None:
    key = key_of(keys(SECRET))
    changed = key[:place] + letter + key[place + 1 :]
    assert keys(SECRET).fits(changed, BOOKING) == (changed == key)


@given(st.text(max_size=100))
@example("")
@example("ß" * 12)
@example("\ud800" * 24)
def test_garbage_is_no_key(text: str) -> None:
    assert not keys(SECRET).fits(text, BOOKING)
    assert not keys(SECRET).fits(key_of(keys(SECRET)) + (text or "="), BOOKING)


def test_a_key_outlives_its_secret_while_the_old_one_is_still_named() -> None:
    old, rotated = keys(SECRET), keys(NEWER, SECRET)
    assert rotated.fits(key_of(old), BOOKING)
    assert key_of(rotated) == key_of(keys(NEWER))
    assert not keys(NEWER).fits(key_of(old), BOOKING)
    assert not keys(FOREIGN).fits(key_of(old), BOOKING)


def test_what_the_same_secret_signs_for_another_purpose_is_no_key() -> None:
    signature = base64.b32decode(codes(SECRET).write(BOOKING))[-13:]
    key = base64.b32decode(key_of(keys(SECRET)).upper())
    assert not key.startswith(signature)
    for content in (BOOKING.bytes, str(BOOKING).encode(), VERSION + BOOKING.bytes):
        for own in (SECRET.encode(), hmac.digest(SECRET.encode(), PURPOSE, "sha256")):
            signed = hmac.digest(own, content, "sha256")[: len(key)]
            assert not keys(SECRET).fits(base64.b32encode(signed).decode().lower(), BOOKING)


def test_the_tokens_secret_makes_keys_where_there_is_no_other() -> None:
    assert key_of(keys(token_secret=SECRET)) == key_of(keys(SECRET))
    assert keys().write(BOOKING) is keys().link(BOOKING) is None
    assert not keys().fits(key_of(keys(SECRET)), BOOKING)
