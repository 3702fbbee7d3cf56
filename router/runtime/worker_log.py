"""What a Python function's process writes besides its prints: logging records and error reports, as AWS's runtime client does.

Text or JSON as AWS_LAMBDA_LOG_FORMAT says; AWS_LAMBDA_LOG_LEVEL is the root logger's level. Fields, their order and their
spelling: awslambdaric 4.2.

Standard library only; runs in the worker. A record of several lines stays one log event: its newlines travel as the
environment's separator (output.py restores them), so order with prints is kept: all of it is one pipe."""

import json
import logging
import os
import time
import traceback
from collections.abc import Sequence
from typing import Any, Final

from router.runtime.marshalling import to_json

_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_INDENT = "\u00a0"  # AWS shows stack traces indented with no-break spaces
_SECOND: Final = "%Y-%m-%dT%H:%M:%SZ"
_COARSE: Final = 10  # levels of a JSON record are multiples of it
_HIGHEST: Final = 50
_OWN: Final = frozenset({*vars(logging.makeLogRecord({})), "aws_request_id"}) - {"taskName"}  # a record's own, and so no extra fields
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode  # what JSON has no form for is told as text


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: the fields that are there, then what the function passed as extra."""

    def __init__(self) -> None:
        super().__init__(datefmt=_SECOND)
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """See JsonFormatter."""
        level = logging.getLevelName(min(_HIGHEST, max(0, record.levelno)) // _COARSE * _COARSE)
        kind, error, trace = record.exc_info or (None, None, None)
        told = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": level,
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(trace) if kind else None,
            "errorType": kind.__name__ if kind else None,
            "errorMessage": str(error) if kind else None,
            "requestId": getattr(record, "aws_request_id", "") or None,
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if kind else None,
        }
        extra = {key: value for key, value in vars(record).items() if key not in _OWN and key not in told}
        return _encode({key: value for key, value in (told | extra).items() if value is not None})


class WorkerLog(logging.Handler):
    """The root logger's one handler; without a level to go by WARNING and above are shown."""

    def __init__(self, separator: bytes) -> None:
        super().__init__()
        self._separator = separator
        self._json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
        self.request_id = ""  # of the running invocation; "" during init
        self.setFormatter(JsonFormatter() if self._json else _text())
        self.addFilter(self._attribute)

    def install(self) -> None:
        """Become the root logger's handler, which makes logging.basicConfig() do nothing, as on AWS."""
        root = logging.Logger.manager.root
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
        if level:
            root.setLevel("DEBUG" if level == "TRACE" else level)
        root.addHandler(self)

    def separate(self, separator: bytes) -> None:
        """From now on *separator* stands for newlines inside a record."""
        self._separator = separator

    def _attribute(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one event."""
        try:
            self.write(self.format(record))
        except Exception:  # noqa: BLE001  # logging's contract: a record never raises into the function
            self.handleError(record)

    def error(self, fault: dict[str, Any]) -> None:
        """Write an unhandled error: type, message, stack trace."""
        if self._json:
            self.write(_object({"timestamp": time.strftime(_SECOND, time.gmtime()), "level": "ERROR", **fault}))
            return
        lines = [f"[ERROR] {fault['errorType']}: {fault['errorMessage']}" if fault["errorMessage"] else f"[ERROR] {fault['errorType']}"]
        lines.append("Traceback (most recent call last):")
        lines += indented(fault["stackTrace"])
        self.write("\n".join(lines))

    def write(self, text: str) -> None:
        """Write *text* as one log event."""
        data = memoryview(text.encode("utf-8", "backslashreplace").replace(b"\n", self._separator) + b"\n")
        while data:
            data = data[os.write(1, data) :]


def _text() -> logging.Formatter:
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


def _object(fault: dict[str, Any]) -> str:
    try:
        return to_json(fault, raw=True).decode()
    except ValueError:  # lone surrogates in the message
        return to_json(fault, raw=False).decode()


def indented(trace: Sequence[str]) -> list[str]:
    """The lines of traceback.format_list(), leading spaces turned into no-break spaces."""
    lines = [line for entry in trace for line in (entry.splitlines() or [""])]
    return [_INDENT * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in lines]
