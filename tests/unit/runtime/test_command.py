"""What a command's output means."""

import os

import pytest

from router.model import RESPONSE_LIMIT
from router.runtime import frames
from router.runtime.command import CommandLink
from router.runtime.frames import Frame
from router.runtime.launcher import Exit

FAILED = 1 << 8  # wait status of exit status 1


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
