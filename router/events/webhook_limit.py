"""How many deliveries one source may have refused: a token bucket each, all of them in bounded memory.

Pure; time is the caller's, monotonic seconds."""

from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from router.events.gateway import LOCAL
from router.events.http import Request

BURST: Final = 20  # refusals at once
RATE: Final = BURST / 60  # tokens a second
ONE: Final = 1 - 1e-9  # token; sums of floats fall short of it
SOURCES: Final = 4096  # that are remembered; those refused longest ago are forgotten first, and have most of their tokens back


class Buckets:
    """The sources of one route and the refusals they have left."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # source → tokens, when they were counted; refused last stands last

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def left(self, source: str, now: float) -> float:
        """Tokens that *source* has."""
        found = self._buckets.get(source)
        return BURST if found is None else min(BURST, found[0] + max(0.0, now - found[1]) * RATE)

    def spent(self, source: str, now: float) -> bool:
        """Whether *source* has none left."""
        return source in self._buckets and self.left(source, now) < ONE

    def refused(self, source: str, now: float) -> bool:
        """Take a token for a refusal; False when there was none."""
        tokens = self.left(source, now)
        allowed = tokens >= ONE
        self._buckets.pop(source, None)
        self._buckets[source] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > SOURCES:
            del self._buckets[next(iter(self._buckets))]
        return allowed

    def wait(self, source: str, now: float) -> int:
        """Whole seconds until *source* has a token."""
        return max(1, ceil((ONE - self.left(source, now)) / RATE))


def source_of(request: Request) -> str:
    """Who sent it: the peer, or whom a proxy on this machine names last in X-Forwarded-For.

    A proxy that hands on what its client wrote there tells a lie: nobody may be turned away unheard for it. Of an IPv6 address
    the network counts, as its owner has 2^64 of them."""
    if request.peer not in LOCAL:
        return network(request.peer)
    told = [value for name, value in request.headers if name == "x-forwarded-for"]
    return network(told[-1].rpartition(",")[2].strip()[:64] if told else request.peer)


def network(address: str) -> str:
    """An address; of IPv6 its network."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64" if parsed.version == 6 and parsed.ipv4_mapped is None else address
