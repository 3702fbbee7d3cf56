"""Which connections of a listener are in, and which are one too many."""

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from router.events.gateway import LOCAL
from router.web.counters import Counters
from router.web.limits import Limits

if TYPE_CHECKING:
    from router.web.connection import Connection

LEFT: Final = 2  # requests under way for each connection that may be: a handler goes on when its client has left
SILENCE: Final = 60.0  # seconds between two lines of the log about connections that were one too many
TURNED_AWAY: Final = 64  # connections over the caps that are told so at one time; more are dropped unheard

log = structlog.get_logger("router.web")


class Door:
    """Counts connections in and out, all together and those of one address."""

    def __init__(self, listener: str, limits: Limits, monotonic: Callable[[], float], metrics: Counters) -> None:
        self._listener, self._limits, self._monotonic = listener, limits, monotonic
        self.inside: set[Connection] = set()
        self.turned_away: set[Connection] = set()  # and not gone yet
        self._addresses: Counter[str] = Counter()
        self._silent_until = -inf  # of the monotonic clock: when the operator may be told of another one
        self._opened = metrics.counter("router_http_connections_opened_total", "Connections accepted.", "listener")
        self._closed = metrics.counter("router_http_connections_closed_total", "Connections ended.", "listener")
        self._excess = metrics.counter("router_http_turned_away_total", "Connections that were one too many.", "listener")

    @property
    def addresses(self) -> frozenset[str]:
        """Who has connections that are in."""
        return frozenset(self._addresses)

    def everybody(self) -> list["Connection"]:
        """Who is in, and who was turned away and is not gone yet."""
        return [*self.inside, *self.turned_away]

    def admit(self, connection: "Connection", under_way: int) -> str:
        """Count a connection in; a reason when it is one too many, and then it is told so or dropped. *under_way*: requests."""
        self._opened.add(self._listener)
        reason = self._reason(connection.peer, under_way)
        if reason:
            self._turn_away(connection, reason)
        else:
            self.inside.add(connection)
            self._addresses[connection.peer] += 1
        return reason

    def forget(self, connection: "Connection") -> None:
        """Count a connection out."""
        self._closed.add(self._listener)
        self.turned_away.discard(connection)
        if connection in self.inside:
            self.inside.remove(connection)
            self._addresses[connection.peer] -= 1
            if not self._addresses[connection.peer]:
                del self._addresses[connection.peer]

    def _reason(self, peer: str, under_way: int) -> str:
        """Why another connection of *peer* is one too many; "": it is not."""
        limits = self._limits
        if len(self.inside) >= limits.connections:
            return f"over {limits.connections} connections"
        if under_way >= LEFT * limits.connections:
            return f"over {LEFT * limits.connections} requests under way"  # most of them of clients that did not wait
        if peer and self._addresses[peer] >= (most := limits.per_local if peer in LOCAL else limits.per_address):
            return f"over {most} connections of one address"
        return ""

    def _turn_away(self, connection: "Connection", reason: str) -> None:
        """It is told why, while not too many are; told to the operator once a minute at most."""
        self.turned_away.add(connection)
        self._excess.add(self._listener)
        if self._monotonic() >= self._silent_until:
            self._silent_until = self._monotonic() + SILENCE
            log.warning("connections_turned_away", listener=self._listener, reason=reason, peer=connection.peer)
        if len(self.turned_away) > TURNED_AWAY:
            connection.abort()
