"""A body is gathered, digested and written as it comes; what is held is bounded."""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.buckets import upload
from router.buckets.object_errors import TooLarge
from router.buckets.staging import Staged
from router.buckets.upload import Body, Gathered

T = TypeVar("T")


async def at_once(function: Callable[..., T], /, *arguments: object) -> T:
    """In the place of a thread."""
    return function(*arguments)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 700_000), max_size=8))
async def test_any_pieces_make_the_body(sizes: list[int]) -> None:
    content = b"".join(os.urandom(min(size, 100)) + bytes(max(0, size - 100)) for size in sizes)
    with tempfile.TemporaryDirectory() as place:
        root = os.open(place, os.O_RDONLY)
        body, offset = Body(at_once, lambda: Staged(root), Gathered(), {"crc32"}), 0
        for size in sizes:
            await body.write(content[offset : offset + size])
            offset += size
            assert body._size < upload.PIECE + 700_000
        staged, digests = await body.taken()
        staged.seal()
        assert os.pread(staged.file, len(content) + 1, 0) == content
        assert (digests.size, digests.md5) == (len(content), hashlib.md5(content).digest())
        assert digests.checksums == {"crc32": zlib.crc32(content).to_bytes(4)}
        await body.abort()  # after it was taken: nothing
        os.fstat(staged.file)
        staged.close()
        os.close(root)


async def test_given_up_it_leaves_nothing(tmp_path: Path) -> None:
    root = os.open(tmp_path, os.O_RDONLY)
    body = Body(at_once, lambda: Staged(root), Gathered(), frozenset())
    await body.write(bytes(upload.PIECE))
    await body.abort()
    await body.abort()
    assert list((tmp_path / ".router").iterdir()) == []
    never = Body(at_once, lambda: Staged(root), Gathered(), frozenset())
    await never.write(b"small")
    await never.abort()
    os.close(root)


async def test_many_bodies_together_hold_no_more_than_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come late are written as they come; those that were there first, and stall, keep what they have."""
    monkeypatch.setattr(upload, "GATHERED", 1000)
    root, gathered = os.open(tmp_path, os.O_RDONLY), Gathered()
    bodies = [Body(at_once, lambda: Staged(root), gathered, {"sha256"}) for _ in range(50)]
    for _ in range(3):
        for body in bodies:
            await body.write(b"x" * 100)
            assert gathered.size <= 1000
    assert gathered.size > 0
    for body in bodies[1:]:
        await body.abort()
    assert gathered.size <= 300
    staged, digests = await bodies[0].taken()
    assert (gathered.size, digests.checksums["sha256"]) == (0, hashlib.sha256(b"x" * 300).digest())
    staged.close()
    os.close(root)


async def test_a_body_that_cannot_be_written_is_held_no_longer() -> None:
    gathered = Gathered()

    def full() -> Staged:
        raise OSError(28, "No space left on device")

    body = Body(at_once, full, gathered, frozenset())
    await body.write(b"x" * upload.PIECE)
    with pytest.raises(OSError, match="No space left"):
        await body.digests()
    await body.write(b"more")
    await body.abort()
    assert gathered.size == 0


async def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LARGEST", 10)
    body = Body(at_once, lambda: pytest.fail("nothing is written"), Gathered(), frozenset())
    await body.write(b"x" * 10)
    await body.write(b"x")
    with pytest.raises(TooLarge):
        await body.digests()
    await body.abort()


async def test_what_comes_is_decoded_in_order_and_what_is_wrong_with_it_is_told(tmp_path: Path) -> None:
    root, came = os.open(tmp_path, os.O_RDONLY), list[bytes]()

    def decode(data: bytes) -> bytes:
        came.append(data)
        if data == b"bad":
            raise ValueError("bad")
        return data[1:]

    body = Body(at_once, lambda: Staged(root), Gathered(), frozenset())
    body.decode = decode
    large = bytes(upload.PIECE)
    await body.write(b"!" + large)
    await body.write(b"!end")
    staged, digests = await body.taken()
    assert digests == (len(large) + 3, hashlib.md5(large + b"end").digest(), {})
    assert came == [b"!" + large, b"!end"]
    staged.close()
    gathered = Gathered()
    wrong = Body(at_once, lambda: Staged(root), gathered, frozenset())
    wrong.decode = decode
    await wrong.write(b"bad")
    with pytest.raises(ValueError, match="bad"):
        await wrong.digests()
    await wrong.abort()
    assert gathered.size == 0
    os.close(root)
