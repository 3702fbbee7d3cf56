"""Records and errors of a worker."""

import logging
import os
import re
from collections.abc import Callable, Iterator

import pytest

from router.runtime.worker_log import WorkerLog, indented

SEPARATOR = b"\x00|\x00"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    reading, writing = os.pipe()
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(writing if descriptor == 1 else descriptor, data[:7]))  # short writes
    yield lambda: os.read(reading, 65536)
    monkeypatch.undo()
    os.close(reading)
    os.close(writing)


def test_a_record_has_awss_format_and_its_newlines_travel_as_the_separator(written: Callable[[], bytes]) -> None:
    log = WorkerLog(SEPARATOR)
    log.request_id = "id"
    logger = logging.Logger("own")  # noqa: LOG001  # leaves nothing behind
    logger.addHandler(log)
    logger.warning("a\n%s", "b")
    assert re.fullmatch(rb"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid\ta\x00\|\x00b\n", written())


def test_an_error_is_one_event_with_no_break_spaces(written: Callable[[], bytes]) -> None:
    WorkerLog(SEPARATOR).error({"errorType": "E", "errorMessage": "", "stackTrace": ['  File "x"\n    y\n']})
    sep, nbsp = SEPARATOR, b"\xc2\xa0"
    assert written() == b"[ERROR] E" + sep + b"Traceback (most recent call last):" + sep + nbsp * 2 + b'File "x"' + sep + nbsp * 4 + b"y\n"


def test_inner_spaces_stay() -> None:
    assert indented(["  a b\n", ""]) == ["\xa0\xa0a b", ""]
