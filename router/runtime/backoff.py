"""When a function whose init fails may try again: at most a few starts a minute, whatever calls it. Pure; time is a parameter."""

from dataclasses import dataclass
from typing import Final

FREE: Final = 2  # failed inits in a row before any delay
CEILING: Final = 10.0  # seconds between starts at most, so that a repaired function is back soon


@dataclass(slots=True)
class _Record:
    failures: int = 0
    until: float = 0.0
    payload: bytes = b""
    error_type: str = ""
    request_id: str = ""


def delay(failures: int) -> float:
    """Seconds to wait after so many failed inits in a row: 0, 0, 1, 2, 4, 8, 10, 10 …"""
    return 0.0 if failures <= FREE else min(CEILING, 2.0 ** (failures - FREE - 1))


class InitBackoff:
    """One record for each function whose last init failed."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def failed(self, function: str, now: float, payload: bytes, error_type: str, request_id: str) -> int:
        """An init failed with this error object, which may name the request; give how many in a row."""
        record = self._records.setdefault(function, _Record())
        record.failures += 1
        record.until = now + delay(record.failures)
        record.payload, record.error_type, record.request_id = payload, error_type, request_id
        return record.failures

    def succeeded(self, function: str) -> None:
        """An init succeeded: forget."""
        self._records.pop(function, None)

    def refusal(self, function: str, now: float, request_id: str) -> tuple[bytes, str] | None:
        """The last init's error object and type when it is too early for another start, else None.

        A None while failures are on record books the turn: whoever asks next within the delay is refused."""
        record = self._records.get(function)
        if record is None:
            return None
        if now < record.until:
            return record.payload.replace(record.request_id.encode(), request_id.encode()), record.error_type
        record.until = now + delay(record.failures)
        return None
