"""A token bucket, as API Gateway throttles: requests at a rate over time, and a burst of them at once.

Pure: time is a parameter. Source: API Gateway developer guide, "Throttle requests to your REST APIs"."""

import math


class TokenBucket:
    """Lets at most burst + rate × t requests pass in any t seconds."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        """A full bucket. *rate* per second, *now* in seconds of a clock that only grows."""
        self._rate, self._burst = rate, burst
        self._tokens, self._at = float(burst), now

    def take(self, now: float) -> float:
        """Take a token: 0 when there was one, else the seconds until there will be. Time that runs backwards stands still."""
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


def retry_after(seconds: float) -> int:
    """Whole seconds for a Retry-After header: one at least."""
    return max(1, math.ceil(seconds))
