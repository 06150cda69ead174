"""The hub's signature."""

from __future__ import annotations

import pytest

from hub.crypto import KeyRing
from hub.errors import AuthError
from hub.security.actors import actor_of
from hub.security.signing import Signer

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def signer(*keys: bytes) -> Signer:
    return Signer(lambda: KeyRing(keys))


def test_what_was_signed_verifies():
    one = signer(OLD)
    assert one.verify(b"plan", one.sign(b"plan"))


@pytest.mark.parametrize("other", [b"plan2", b"", b"Plan"])
def test_another_message_does_not(other):
    one = signer(OLD)
    assert not one.verify(other, one.sign(b"plan"))


@pytest.mark.parametrize("text", ["", ":", "zz:zz", "00:00", "0011223344556677:" + "00" * 64])
def test_what_is_no_signature_is_none(text):
    one = signer(OLD)
    if text.startswith("0011"):
        with pytest.raises(AuthError, match="key"):
            one.verify(b"plan", text)
    else:
        assert not one.verify(b"plan", text)


def test_a_rotated_ring_still_verifies_what_the_old_key_signed():
    signed = signer(OLD).sign(b"plan")
    rotated = signer(NEW, OLD)
    assert rotated.verify(b"plan", signed)
    assert rotated.sign(b"plan") != signed


def test_a_flipped_bit_is_noticed():
    signed = signer(OLD).sign(b"plan")
    flipped = signed[:-1] + ("0" if signed[-1] != "0" else "1")
    assert not signer(OLD).verify(b"plan", flipped)


def test_the_actor_is_said_or_the_user():
    assert actor_of({"COPHUB_ACTOR": "wang", "COPHUB_ON_BEHALF": "li"}).name == "wang"
    assert actor_of({"COPHUB_ACTOR": "wang", "COPHUB_ON_BEHALF": "li"}).on_behalf == "li"
    assert actor_of({}).name
