"""What a Python function's process writes besides its prints: logging records and error reports, as AWS's runtime does.

Standard library only; runs in the worker. A record of several lines stays one log event: its newlines travel as the
environment's separator (output.py restores them), so order with prints is kept: all of it is one pipe."""

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_INDENT = "\u00a0"  # AWS shows stack traces indented with no-break spaces


class WorkerLog(logging.Handler):
    """The root logger's one handler; level unchanged, so that WARNING and above are shown."""

    def __init__(self, separator: bytes) -> None:
        super().__init__()
        self._separator = separator
        self.request_id = ""  # of the running invocation; "" during init
        formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self.addFilter(self._attribute)

    def install(self) -> None:
        """Become the root logger's handler, which makes logging.basicConfig() do nothing, as on AWS."""
        logging.Logger.manager.root.addHandler(self)

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
        lines = [f"[ERROR] {fault['errorType']}: {fault['errorMessage']}" if fault["errorMessage"] else f"[ERROR] {fault['errorType']}"]
        lines.append("Traceback (most recent call last):")
        lines += indented(fault["stackTrace"])
        self.write("\n".join(lines))

    def write(self, text: str) -> None:
        """Write *text* as one log event."""
        data = memoryview(text.encode("utf-8", "backslashreplace").replace(b"\n", self._separator) + b"\n")
        while data:
            data = data[os.write(1, data) :]


def indented(trace: Sequence[str]) -> list[str]:
    """The lines of traceback.format_list(), leading spaces turned into no-break spaces."""
    lines = [line for entry in trace for line in (entry.splitlines() or [""])]
    return [_INDENT * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in lines]
