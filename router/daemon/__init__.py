"""The daemon: the only place that builds and wires. Start order, readiness, drain.

Start: lock → store → journal → environments → listeners of our own → sources. Stop: the same way back, in the
order of the data flow: sources take nothing new, what is leased runs on, environments end, the store closes."""

from router.daemon.checking import by_class, check, sources
from router.daemon.running import SWITCH, Daemon, main

__all__ = ["SWITCH", "Daemon", "by_class", "check", "main", "sources"]
