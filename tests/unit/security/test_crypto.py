from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.crypto import Cipher, KeyRing, key_id, sealed_under
from hub.errors import AuthError, ConfigError, Fatal

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
CIPHER = Cipher(KeyRing([NEW, OLD]), "test")
CHUNK = 1 << 10


def stream(value: bytes, context: str = "file/1") -> bytes:
    target = io.BytesIO()
    CIPHER.seal_stream(io.BytesIO(value), target, context, chunk_log2=10)
    return target.getvalue()


def opened(sealed: bytes, context: str = "file/1", cipher: Cipher = CIPHER) -> bytes:
    return b"".join(cipher.open_stream(io.BytesIO(sealed), context))


@given(st.binary(max_size=300), st.text(max_size=30))
def test_what_is_sealed_opens(value: bytes, context: str) -> None:
    context = context.encode("utf-8", "replace").decode()
    assert CIPHER.open(CIPHER.seal(value, context), context) == value


@given(st.binary(max_size=40), st.data())
def test_any_changed_byte_is_noticed(value: bytes, data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal(value, "row/1"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Fatal, AuthError)) as caught:
        CIPHER.open(bytes(sealed), "row/1")
    assert caught.value.code in {"sealed.tampered", "sealed.format", "key.unknown"}


@given(st.binary(max_size=40), st.data())
def test_any_cut_is_noticed(value: bytes, data: st.DataObject) -> None:
    sealed = CIPHER.seal(value, "row/1")
    with pytest.raises(Fatal, match="sealed"):
        CIPHER.open(sealed[: data.draw(st.integers(0, len(sealed) - 1))], "row/1")


def test_another_context_or_purpose_does_not_open() -> None:
    sealed = CIPHER.seal(b"x", "secret/a")
    for cipher, context in ((CIPHER, "secret/b"), (Cipher(CIPHER.ring, "other"), "secret/a")):
        with pytest.raises(Fatal) as caught:
            cipher.open(sealed, context)
        assert caught.value.code == "sealed.tampered"


def test_equal_values_look_different() -> None:
    assert CIPHER.seal(b"x", "a") != CIPHER.seal(b"x", "a")


def test_old_keys_open_and_the_newest_seals() -> None:
    old = Cipher(KeyRing([OLD]), "test").seal(b"x", "a")
    assert CIPHER.open(old, "a") == b"x"
    assert not CIPHER.is_current(old)
    again = CIPHER.reseal(old, "a")
    assert sealed_under(again) == key_id(NEW)
    assert CIPHER.reseal(again, "a") == again
    assert CIPHER.ring.kids == (key_id(NEW), key_id(OLD))


def test_a_missing_key_is_named() -> None:
    sealed = CIPHER.seal(b"x", "a")
    with pytest.raises(AuthError) as caught:
        Cipher(KeyRing([OLD]), "test").open(sealed, "a")
    assert caught.value.code == "key.unknown"
    assert key_id(NEW).hex() in caught.value.message


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b""]])
def test_a_ring_of_bad_keys_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(ConfigError, match="32 bytes"):
        KeyRing(keys)


def test_the_format_is_constant() -> None:
    """Sealed by the first release: must open for ever."""
    value = bytes.fromhex("43485331") + key_id(OLD) + bytes(12)
    assert len(CIPHER.seal(b"x", "a")) == len(value) + 1 + 16
    assert CIPHER.open(bytes.fromhex(SEALED_BY_FIRST_RELEASE), "golden") == b"COP Hub"
    assert opened(bytes.fromhex(STREAM_BY_FIRST_RELEASE), "golden") == b"COP Hub"


SEALED_BY_FIRST_RELEASE = (
    "4348533192a3373d9837ea7770219554aea77e74167316a1d314b5aa683d6e9f0065bd5dd8b1f1dbe7d1588c3e1767"
)
STREAM_BY_FIRST_RELEASE = (
    "4348463192a3373d9837ea770a2c4d0e467e5e7e44b424aeb4fa9e35ce1226ddf59aeefbab952aaf5a34031fcac85c99b43bdcfe"
)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_a_stream_opens_whatever_its_length(size: int) -> None:
    value = bytes(index % 251 for index in range(size))
    assert opened(stream(value)) == value


def test_a_stream_is_read_whole_from_short_reads() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 100))

    assert b"".join(CIPHER.open_stream(Slow(stream(b"a" * 3000)), "file/1")) == b"a" * 3000


@pytest.mark.parametrize("cut", [1, 16, 17, CHUNK, CHUNK + 15, CHUNK + 16, CHUNK + 17])
def test_a_truncated_stream_is_noticed(cut: int) -> None:
    with pytest.raises(Fatal):
        opened(stream(b"a" * (2 * CHUNK))[:-cut])


def test_reordered_repeated_and_extended_streams_are_noticed() -> None:
    sealed = stream(b"a" * CHUNK + b"b" * CHUNK + b"c" * 10)
    size = CHUNK + 16
    head, first, second, rest = (
        sealed[:29],
        sealed[29 : 29 + size],
        sealed[29 + size : 29 + 2 * size],
        sealed[29 + 2 * size :],
    )
    twins = [
        head + second + first + rest,
        head + first + first + rest,
        head + first + rest,
        head + second + rest,
        sealed + b"x",
        sealed + rest,
        head + first + second + rest + bytes(16),
        head + first + second,
        head,
        sealed[:20],
    ]
    for twin in twins:
        with pytest.raises(Fatal):
            opened(twin)
    with pytest.raises(Fatal):
        opened(sealed, "file/2")


@given(st.binary(min_size=1, max_size=2500), st.data())
def test_any_changed_byte_of_a_stream_is_noticed(value: bytes, data: st.DataObject) -> None:
    sealed = bytearray(stream(value))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Fatal, AuthError)):
        opened(bytes(sealed))


def test_values_and_streams_are_not_taken_for_each_other() -> None:
    with pytest.raises(Fatal, match="not a sealed value"):
        CIPHER.open(stream(b"x" * 100), "file/1")
    with pytest.raises(Fatal, match="not a sealed file"):
        opened(CIPHER.seal(b"x" * 100, "file/1"))


def test_a_blind_index_is_stable_per_field_and_key() -> None:
    index = CIPHER.blind_index("110101199003074233", "person.id_card")
    assert index == CIPHER.blind_index("110101199003074233", "person.id_card")
    assert index != CIPHER.blind_index("110101199003074233", "person.passport")
    old = Cipher(KeyRing([OLD]), "test").blind_index("110101199003074233", "person.id_card")
    assert CIPHER.blind_indexes("110101199003074233", "person.id_card") == (index, old)


def test_nothing_shows_a_key() -> None:
    assert NEW.hex() not in repr(CIPHER) + repr(CIPHER.ring)
    assert repr(NEW)[2:-1] not in repr(CIPHER.ring)
