"""Checksums against published check values, and against each other."""

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.buckets import checksums
from router.buckets.checksums import Running

# Check values of the RevEng catalogue for the nine digits, and NVM Express's for CRC-64.
KNOWN = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": hashlib.sha1(b"123456789").hexdigest(),
    "sha256": hashlib.sha256(b"123456789").hexdigest(),
}
PIECES = st.lists(st.binary(max_size=300), max_size=8)


@pytest.mark.parametrize(("algorithm", "hexadecimal"), KNOWN.items())
def test_check_values(algorithm: str, hexadecimal: str) -> None:
    assert checksums.of(algorithm, b"123456789").hex() == hexadecimal


@pytest.mark.parametrize(
    ("data", "hexadecimal"),
    [
        (bytes(4096), "6482d367eb22b64e"),
        (b"\xff" * 4096, "c0ddba7302eca3ac"),
        (bytes(range(256)) * 16, "3e729f5f6750449c"),
        (bytes(range(255, -1, -1)) * 16, "9a2df64b8e9e517e"),
    ],
    ids=["zeros", "ones", "up", "down"],
)
def test_crc64nvme_of_the_blocks_in_its_specification(data: bytes, hexadecimal: str) -> None:
    """NVM Express, NVM command set specification, "64b CRC test cases"."""
    assert checksums.of("crc64nvme", data).hex() == hexadecimal


def bitwise(data: bytes) -> bytes:
    """CRC-64/NVME bit by bit, from its definition: reflected, polynomial AD93D23594C93659, all ones before and after."""
    value = 2**64 - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    return (value ^ 2**64 - 1).to_bytes(8)


@given(PIECES)
def test_in_pieces_is_as_at_once(pieces: list[bytes]) -> None:
    running, whole = Running(frozenset(checksums.SIZES)), b"".join(pieces)
    for piece in pieces:
        running.update(memoryview(piece))
    digests = running.digests()
    assert (digests.size, digests.md5) == (len(whole), hashlib.md5(whole).digest())
    assert digests.checksums == {name: checksums.of(name, whole) for name in checksums.SIZES}
    assert digests.checksums["crc32"] == zlib.crc32(whole).to_bytes(4)
    assert digests.checksums["crc64nvme"] == bitwise(whole)


@given(PIECES)
def test_joined_checksums_are_those_of_the_joined_bytes(pieces: list[bytes]) -> None:
    for algorithm in checksums.LINEAR:
        parts = [(checksums.of(algorithm, piece), len(piece)) for piece in pieces]
        assert checksums.joined(algorithm, parts) == checksums.of(algorithm, b"".join(pieces))


@given(st.binary(max_size=64), st.sampled_from(sorted(checksums.SIZES)))
def test_text_is_read_back(data: bytes, algorithm: str) -> None:
    digest = checksums.of(algorithm, data)
    assert checksums.read(algorithm, checksums.text(digest)) == digest


@given(st.text(), st.sampled_from(sorted(checksums.SIZES)))
def test_any_text_is_read_or_refused(text: str, algorithm: str) -> None:
    digest = checksums.read(algorithm, text)
    assert digest is None or len(digest) == checksums.SIZES[algorithm]


def test_a_composite_names_the_number_of_its_parts() -> None:
    parts = [checksums.of("sha256", b"a"), checksums.of("sha256", b"b")]
    assert checksums.composite("sha256", parts) == f"{checksums.text(hashlib.sha256(b''.join(parts)).digest())}-2"
    assert checksums.multipart_etag([b"\0" * 16]) == f"{hashlib.md5(bytes(16)).hexdigest()}-1"


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="no such checksum algorithm: crc16"):
        Running({"crc16"})
