"""What keeps S3 from being served: the client is told 503 and no more, the operator reads in the log what it was."""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from router.api.aws.s3.call import S3Call
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.telling import told_of
from router.buckets.object_errors import StorageTrouble
from router.errors import JournalError

log: Final = structlog.get_logger("router.aws.s3")

QUIET: Final = 60.0  # seconds in which the same trouble of one operation on one bucket is counted only
KNOWN: Final = 1000  # troubles that are told apart


class Troubles:
    """Those of all buckets: the first of each kind is logged, the next when a minute has passed, with how many came in between."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[tuple[Any, ...], tuple[float, int]] = {}  # when it was logged, and how many came since

    def told_of(self, error: Exception, call: S3Call) -> S3Error:
        """What the sender is told of a refusal, which is noted if it is a trouble."""
        self.note(error, call.bucket, call.operation, call.ids.request)
        return told_of(error, call)

    def note(self, error: Exception, bucket: str, operation: str, request_id: str) -> None:
        """Log it, or count it; what is no trouble of the disk or the store is neither."""
        if not isinstance(error, StorageTrouble | JournalError):
            return
        kind = bucket, operation, type(error), getattr(error.__cause__, "errno", None)  # its words may name another file each time
        now, (at, more) = self._now(), self._known.get(kind, (float("-inf"), 0))
        if now - at < QUIET:
            self._known[kind] = at, more + 1
            return
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[kind] = now, 0
        log.warning("s3_request_failed", request_id=request_id, bucket=bucket, operation=operation, error=str(error), more=more)
