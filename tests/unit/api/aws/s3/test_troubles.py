"""What keeps S3 from being served stands in the log, once a minute."""

from typing import Any

from structlog.testing import capture_logs

from router.api.aws.s3.troubles import KNOWN, QUIET, Troubles
from router.buckets.object_errors import NoSuchKey, StorageTrouble
from router.errors import JournalError, RouterError


def trouble(text: str, number: int = 28) -> StorageTrouble:
    """As a bucket gives it, of an error of the system."""
    made = StorageTrouble(text)
    made.__cause__ = OSError(number, "No space left on device")
    return made


def logged(errors: list[tuple[float, RouterError, str]]) -> list[dict[str, Any]]:
    """What is logged of troubles: when, what, and of which bucket."""
    times = iter([at for at, _, _ in errors])
    troubles = Troubles(lambda: next(times))
    with capture_logs() as lines:
        for _, error, bucket in errors:
            troubles.note(error, bucket, "PutObject", "ID")
    return [{name: one[name] for name in ("bucket", "error", "more", "log_level")} for one in lines]


def test_a_storm_is_one_line_a_minute() -> None:
    storm = [(number / 10, trouble(f"file {number}"), "bkt") for number in range(100)]
    assert logged([*storm, (QUIET, trouble("still"), "bkt")]) == [
        {"bucket": "bkt", "error": "file 0", "more": 0, "log_level": "warning"},
        {"bucket": "bkt", "error": "still", "more": 99, "log_level": "warning"},
    ]


def test_another_trouble_is_another_line() -> None:
    errors = [trouble("full"), trouble("broken", 5), JournalError("the store"), StorageTrouble("gone")]
    lines = logged([(0.0, error, "bkt") for error in errors] + [(0.0, trouble("full"), "other")])
    assert [one["error"] for one in lines] == ["full", "broken", "the store", "gone", "full"]


def test_what_is_the_clients_own_is_none() -> None:
    assert logged([(0.0, NoSuchKey("bkt", "k"), "bkt")]) == []


def test_they_are_bounded() -> None:
    lines = logged([(0.0, trouble("full"), str(number)) for number in range(KNOWN + 1)] + [(0.0, trouble("full"), "0")])
    assert len(lines) == KNOWN + 2
