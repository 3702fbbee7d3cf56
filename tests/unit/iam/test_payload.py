"""Bodies of signed requests: whole, in signed chunks, with trailers; cut anywhere, changed anywhere.

The two examples with their figures: S3 API reference, "Signature calculations for the Authorization header: transferring
payload in multiple chunks" and "including trailing headers"."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.iam import claims, payload, sigv4
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.claims import Request, Signed, Where
from router.iam.payload import SMALLEST, Body, body_of
from router.iam.sigv4 import Verified
from tests.helpers.signing import SECRET

AT = 1369353600.0  # 2013-05-24T00:00:00Z, the examples' time
KEY = "AKIAIOSFODNN7EXAMPLE"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def example(mode: str, seed: str, more: Sequence[tuple[str, str]]) -> Request:
    """The examples' PUT of 65 KB."""
    headers = [
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", mode),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
        *more,
    ]
    names = ";".join(sorted(name for name, _ in headers if name != "content-length" or not more))
    authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={names},Signature={seed}"
    return Request("PUT", "/examplebucket/chunkObject.txt", "", [*headers, ("authorization", authorization)])


def test_the_documented_example_of_chunks() -> None:
    request = example(payload.STREAMING, SEED, ())
    where = Where("us-east-1", "s3")
    signed = claims.read(request, where)
    sigv4.check_time(signed, where, AT)
    verified = sigv4.verify(request, signed, SECRET, payload=payload.STREAMING)
    data = b"a" * 66560
    parts = [data[:65536], data[65536:], b""]
    wire = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), sign.encode(), part) for part, sign in zip(parts, CHUNKS, strict=True))
    body = body_of(verified, request.headers)
    assert body.feed(wire) == data
    assert body.finish() == {}


def test_the_documented_example_of_trailers() -> None:
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    request = example(payload.STREAMING_TRAILER, seed, [("x-amz-trailer", "x-amz-checksum-crc32c")])
    signed = claims.read(request, Where("us-east-1", "s3"))
    data = b"a" * 66560
    parts = [data[:65536], data[65536:], b""]
    chunks = (
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    )
    wire = b"".join(
        b"%x;chunk-signature=%s\r\n%s" % (len(part), sign.encode(), part + b"\r\n" * bool(part))
        for part, sign in zip(parts, chunks, strict=True)
    )
    wire += b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    wire += b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    body = body_of(sigv4.verify(request, signed, SECRET, payload=payload.STREAMING_TRAILER), request.headers)
    assert body.feed(wire) == data
    assert body.finish() == {"x-amz-checksum-crc32c": "sOO8/Q=="}


# -- chunks that are made here


def verified(mode: str) -> Verified:
    signed = Signed("header", KEY, "20130524", "us-east-1", "s3", ("host",), SEED, "20130524T000000Z")
    return Verified(signed, mode, sigv4.signing_key(SECRET, signed))


def wire(mode: str, parts: Sequence[bytes], trailers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A body as a client makes it."""
    known, previous, out = verified(mode), SEED, b""
    how = payload.MODES[mode]
    for part in (*parts, b""):
        head = b"%x" % len(part)
        if how.signed:
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n{known.signed.scope}\n{previous}\n{hashlib.sha256().hexdigest()}\n{hashlib.sha256(part).hexdigest()}"
            previous = sigv4.digest(known.key, text)
            head += f";chunk-signature={previous}".encode()
        out += head + b"\r\n" + part + (b"\r\n" if part or not how.trailer else b"")
    if not how.trailer:
        return out
    out += b"".join(f"{name}:{value}\r\n".encode() for name, value in trailers)
    if how.signed:
        listed = "".join(f"{name}:{value}\n" for name, value in sorted(trailers))
        text = (
            f"AWS4-HMAC-SHA256-TRAILER\n20130524T000000Z\n{known.signed.scope}\n{previous}\n{hashlib.sha256(listed.encode()).hexdigest()}"
        )
        out += f"x-amz-trailer-signature:{sigv4.digest(known.key, text)}\r\n".encode()
    return out + b"\r\n"


def opened(mode: str, length: int, trailers: Sequence[str] = ()) -> Body:
    headers = [("x-amz-decoded-content-length", str(length))]
    if trailers:
        headers.append(("x-amz-trailer", ",".join(trailers)))
    return body_of(verified(mode), headers)


def taken(mode: str, sent: bytes, length: int, trailers: Sequence[str] = (), cuts: Sequence[int] = ()) -> tuple[bytes, dict[str, str]]:
    body, out, start = opened(mode, length, trailers), b"", 0
    for end in (*sorted(cut % (len(sent) + 1) for cut in cuts), len(sent)):
        out += body.feed(sent[start:end])
        start = end
    return out, body.finish()


MODES = [payload.STREAMING, payload.STREAMING_TRAILER, payload.UNSIGNED_TRAILER]
CRC = [("x-amz-checksum-crc32", "NhCmhg==")]


def trailers_of(mode: str) -> list[tuple[str, str]]:
    return CRC if payload.MODES[mode].trailer else []


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data())
def test_a_body_cut_anywhere_is_the_same_body(mode: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from([b"x" * SMALLEST, b"\r\n" * SMALLEST]), max_size=2)) + data.draw(
        st.lists(st.binary(min_size=1, max_size=30), max_size=1)
    )
    sent, whole, trailers = wire(mode, parts, trailers_of(mode)), b"".join(parts), trailers_of(mode)
    cuts = data.draw(st.lists(st.integers(0, 1 << 20), max_size=8))
    assert taken(mode, sent, len(whole), [name for name, _ in trailers], cuts) == (whole, dict(trailers))


def test_the_bytes_that_sdks_were_seen_to_send() -> None:
    sent = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    assert taken(payload.UNSIGNED_TRAILER, sent, 5, ["x-amz-checksum-crc32"], range(len(sent))) == (b"hello", dict(CRC))


@pytest.mark.parametrize("mode", [payload.STREAMING, payload.STREAMING_TRAILER])
@given(data=st.data())
def test_a_byte_changed_anywhere_in_a_signed_body_is_refused(mode: str, data: st.DataObject) -> None:
    trailers = trailers_of(mode)
    sent = bytearray(wire(mode, [b"y" * SMALLEST, b"hello"], trailers))
    at = data.draw(st.integers(0, len(sent) - 1) | st.integers(0, 90) | st.integers(len(sent) - 300, len(sent) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != sent[at]))
    if chr(byte).lower() == chr(sent[at]).lower() and chr(byte).isalpha():
        return  # the letter case of a size or of a trailer's name says nothing else
    sent[at] = byte
    with pytest.raises(AuthFailure):
        taken(mode, bytes(sent), SMALLEST + 5, [name for name, _ in trailers])


@pytest.mark.parametrize("mode", MODES)
def test_a_body_that_ends_early_or_goes_on_is_refused(mode: str) -> None:
    trailers = trailers_of(mode)
    sent, names = wire(mode, [b"hello"], trailers), [name for name, _ in trailers]
    for end in range(len(sent)):
        with pytest.raises(AuthFailure):
            taken(mode, sent[:end], 5, names)
    with pytest.raises(AuthFailure):
        taken(mode, sent + b"x", 5, names)
    for length in (4, 6):
        with pytest.raises(AuthFailure) as caught:
            taken(mode, sent, length, names)
        assert caught.value.told("s3")[:2] == (400, "IncompleteBody")


@pytest.mark.parametrize(
    "sent",
    [
        b"z\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5;x=y\r\nhello\r\n0\r\n\r\n",
        b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"f" * 13 + b"\r\n",
        b"5" * 2000,
        b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:a\r\n\r\n",
        b"5\r\nhello\r\n0\r\nno trailer\r\n\r\n",
        b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-trailer-signature:a\r\n\r\n",
        b"5\r\nhello\r\n0\r\nx-amz-checksum-sha1:a\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nx:" + b"a" * 5000,
    ],
)
def test_chunks_that_are_none(sent: bytes) -> None:
    with pytest.raises(AuthFailure):
        taken(payload.UNSIGNED_TRAILER, sent, 5, ["x-amz-checksum-crc32"])


def test_only_the_last_signed_chunk_is_small() -> None:
    sent = wire(payload.STREAMING, [b"hello", b"hello"])
    with pytest.raises(AuthFailure) as caught:
        taken(payload.STREAMING, sent, 10)
    assert caught.value.flaw is Flaw.BAD_CHUNK
    unsigned = wire(payload.UNSIGNED_TRAILER, [b"hello", b"hello"], CRC)
    assert taken(payload.UNSIGNED_TRAILER, unsigned, 10, ["x-amz-checksum-crc32"])[0] == b"hellohello"


def test_chunks_of_another_request_are_refused() -> None:
    first = wire(payload.STREAMING, [b"a" * SMALLEST, b"b" * SMALLEST])
    head = first.index(b"\r\n") + 2 + SMALLEST + 2
    swapped = first[head : 2 * head] + first[:head] + first[2 * head :]
    with pytest.raises(AuthFailure):
        taken(payload.STREAMING, swapped, 2 * SMALLEST)


@pytest.mark.parametrize("mode", [payload.STREAMING, payload.STREAMING_TRAILER, payload.UNSIGNED_TRAILER])
def test_nothing_is_held_of_what_comes_behind_the_end(mode: str) -> None:
    body = body_of(verified(mode), [("x-amz-decoded-content-length", "0")])
    sent = wire(mode, [])
    assert body.feed(sent) == b""
    with pytest.raises(AuthFailure) as caught:
        body.feed(b"x")
    assert caught.value.flaw is Flaw.INCOMPLETE
    with pytest.raises(AuthFailure):
        body_of(verified(mode), [("x-amz-decoded-content-length", "0")]).feed(sent + b"x")


def test_trailers_are_bounded_by_their_names_too() -> None:
    body = body_of(verified(payload.UNSIGNED_TRAILER), [("x-amz-decoded-content-length", "0")])
    body.feed(b"0\r\n")
    with pytest.raises(AuthFailure, match="too long"):
        body.feed(b"".join(b"%064d:\r\n" % number for number in range(payload.TRAILERS // 64 + 1)))


def test_memory_is_bounded_while_a_chunk_is_large() -> None:
    body = opened(payload.UNSIGNED_TRAILER, 1 << 30)
    body.feed(b"%x\r\n" % (1 << 30))
    for _ in range(100):
        assert len(body.feed(b"x" * 65536)) == 65536
    assert len(body._held) == 0


@given(st.binary(max_size=200), st.sampled_from([*MODES, payload.UNSIGNED_PAYLOAD, hashlib.sha256(b"x").hexdigest()]))
def test_whatever_comes_is_a_body_or_an_auth_failure(sent: bytes, mode: str) -> None:
    body = opened(mode, 100)
    with suppress(AuthFailure):
        assert len(body.feed(sent)) <= len(sent)
        assert isinstance(body.finish(), dict)


# -- whole bodies


def test_a_whole_body_has_the_hash_that_was_signed() -> None:
    body = opened(hashlib.sha256(b"hello").hexdigest(), 5)
    assert body.feed(b"hel") + body.feed(b"lo") == b"hello"
    assert body.finish() == {}
    other = opened(hashlib.sha256(b"hello").hexdigest(), 5)
    other.feed(b"hellO")
    with pytest.raises(AuthFailure) as caught:
        other.finish()
    assert caught.value.told("s3")[:2] == (400, "XAmzContentSHA256Mismatch")


def test_an_unsigned_body_is_passed_on() -> None:
    body = opened(payload.UNSIGNED_PAYLOAD, 5)
    assert (body.feed(b"hello"), body.finish()) == (b"hello", {})


@pytest.mark.parametrize("mode", ["", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "unsigned-payload", "A" * 64, "0" * 63])
def test_other_ways_to_sign_a_body_are_refused(mode: str) -> None:
    with pytest.raises(AuthFailure) as caught:
        opened(mode, 5)
    assert caught.value.told("s3")[:2] == (400, "InvalidArgument")


@pytest.mark.parametrize("length", ["", "-1", "5.0", "9" * 30, "\u0665"])
def test_the_length_of_the_object_is_announced(length: str) -> None:
    with pytest.raises(AuthFailure) as caught:
        body_of(verified(payload.STREAMING), [("x-amz-decoded-content-length", length)])
    assert caught.value.flaw is Flaw.INCOMPLETE
