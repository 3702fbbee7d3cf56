"""Records and errors of a worker."""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from awslambdaric.lambda_runtime_log_utils import JsonFormatter as Theirs
from hypothesis import given
from hypothesis import strategies as st

from router.runtime.worker_log import JsonFormatter, WorkerLog, indented

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


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")


def record(level: int, message: Any, extra: dict[str, Any], error: BaseException | None) -> logging.LogRecord:
    made = logging.Logger("shop.cart").makeRecord(  # noqa: LOG001
        "shop.cart", level, "/srv/app.py", 7, message, (), error and (type(error), error, error.__traceback__), "sell", extra
    )
    made.aws_request_id = "id"
    return made


EXTRA = st.dictionaries(
    st.text(min_size=1).filter(
        lambda name: name not in {*vars(logging.makeLogRecord({})), "message", "asctime", "_frame_type", "tenant_id"}
    ),
    st.recursive(
        st.none() | st.text() | st.integers() | st.floats() | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
    max_size=3,
)


@given(
    level=st.integers(-10, 99),
    message=st.text().map(lambda text: text.replace("%", "")) | st.dictionaries(st.text(), st.integers()) | st.integers(),
    extra=EXTRA,
    error=st.none() | st.text().map(ValueError),
)
def test_a_json_record_is_that_of_awss_own_client(level: int, message: Any, extra: dict[str, Any], error: BaseException | None) -> None:
    theirs = Theirs()
    theirs.converter = time.gmtime
    ours, other = record(level, message, extra, error), record(level, message, extra, error)
    other.created = ours.created
    assert JsonFormatter().format(ours) + "\n" == theirs.format(other)


@pytest.mark.usefixtures("as_json")
def test_a_json_record_is_one_line_and_nothing_stands_for_no_request(written: Callable[[], bytes]) -> None:
    logger = logging.Logger("own")  # noqa: LOG001
    logger.addHandler(WorkerLog(SEPARATOR))
    logger.warning("a\n\udc80", extra={"order": 7})
    line = written()
    assert line.count(b"\n") == 1
    found = json.loads(line)
    assert (found["message"], found["level"], found["order"]) == ("a\n\udc80", "WARNING", 7)
    assert "requestId" not in found


@pytest.mark.usefixtures("as_json")
def test_an_unhandled_error_is_its_error_object(written: Callable[[], bytes]) -> None:
    fault = {"errorMessage": "\udc80", "errorType": "E", "requestId": "id", "stackTrace": ["  File"]}
    WorkerLog(SEPARATOR).error(fault)
    found = json.loads(written())
    assert list(found) == ["timestamp", "level", *fault]
    assert found["level"] == "ERROR"
    assert {key: found[key] for key in fault} == fault


@pytest.mark.parametrize(
    ("told", "level"), [("TRACE", logging.DEBUG), ("WARN", logging.WARNING), ("FATAL", logging.CRITICAL), ("", logging.WARNING)]
)
def test_the_level_of_the_root_logger_is_the_one_that_is_told(told: str, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging.Logger.manager, "root", root)
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", told)
    WorkerLog(SEPARATOR).install()
    assert root.level == level
