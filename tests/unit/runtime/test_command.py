"""What a command's output means."""

import errno
import os

import pytest

from router.model import RESPONSE_LIMIT
from router.runtime import frames
from router.runtime.command import CommandLink
from router.runtime.endings import Exit
from router.runtime.frames import Frame

FAILED = 1 << 8  # wait status of exit status 1


def descriptors() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")}


@pytest.mark.parametrize("call", ["write", "lseek", "pipe"])
async def test_a_link_that_cannot_be_made_holds_no_descriptor(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(OSError, match="no space"):
            CommandLink(b"event", lambda _: None)
    assert not [name for name in descriptors() if "memfd:event" in name]


async def test_a_process_that_goes_on_writing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as was there is taken, however much comes meanwhile."""
    link = CommandLink(b"event", lambda _: None)
    _, stdout = link.theirs
    os.write(stdout, b"x" * 1000)
    read, reads = os.read, 0

    def followed(descriptor: int, size: int) -> bytes:
        nonlocal reads
        data = read(descriptor, size)
        reads += 1
        assert reads < 100
        os.write(stdout, b"x" * 1000)
        return data

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", followed)
        link.pump()
    assert reads == 1
    link.close()


async def answered(output: bytes, status: int) -> tuple[list[Frame], Frame | None]:
    told: list[Frame] = []
    link = CommandLink(b'{"n":1}', told.append)
    stdin, stdout = link.theirs
    assert os.read(stdin, 100) == b'{"n":1}'
    for data in (*frames.encode(frames.READY, b"[]"), output):
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(stdout, rest[:60_000]) :]
            link.pump()
    link.passed_on()
    link.pump()
    answer = link.answer(Exit(status, 7))
    link.close()
    return told, answer


@pytest.mark.parametrize(
    ("output", "status", "answer"),
    [
        (b'{"a": 1}\n', 0, Frame(frames.RESULT, b"", b'{"a": 1}\n', 7)),
        (b"", 0, Frame(frames.RESULT, b"", b"null", 7)),
        (b"\x0b\x00 no json", 0, Frame(frames.RESULT, b"", b"\x0b\x00 no json", 7)),
        (b"", FAILED, None),
        (b"some text", FAILED, None),
        (b'{"errorMessage": "no errorType"}', FAILED, None),
        (b'{"errorType": "E"}', FAILED, Frame(frames.ERROR, b"E", b'{"errorType": "E"}', 7)),
        (b"x" * RESPONSE_LIMIT, 0, Frame(frames.RESULT, b"", b"x" * RESPONSE_LIMIT, 7)),
        (b"x" * (RESPONSE_LIMIT + 1), 0, Frame(frames.OVERSIZED, memory=7)),
    ],
    ids=["json", "nothing", "bytes", "failed", "failed with text", "no error object", "error object", "at the limit", "over the limit"],
)
async def test_output_and_status(output: bytes, status: int, answer: Frame | None) -> None:
    told, found = await answered(output, status)
    assert (told, found) == ([Frame(frames.READY, b"[]")], answer)
