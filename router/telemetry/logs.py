"""Log groups and streams of functions on disk: LogStore writes them, read() and follow() give them back.

The layout and an event's spelling are in logfiles.py, writing in logwriter.py, reading in logreader.py."""

from router.telemetry.logfiles import LogEvent
from router.telemetry.logreader import follow, read
from router.telemetry.logwriter import LogStore, LogStream

__all__ = ["LogEvent", "LogStore", "LogStream", "follow", "read"]
