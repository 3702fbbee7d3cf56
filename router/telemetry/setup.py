"""The daemon's own log: structlog, one line an event, to standard error.

JSON with a UTC time by default; under systemd JSON behind a `<N>` priority and without the time, which the journal has
itself; on a terminal short coloured lines (NO_COLOR: without colour). Standard error, because standard output belongs
to what a command answers. Libraries' standard logging goes the same way. Looks: styles.py; secrets: redaction.py; a
blocked reader: lines.py. Keys and events are listed in docs/telemetry.md."""

import atexit
import logging
import os
import time
from collections.abc import Iterable, Mapping, MutableMapping
from typing import IO, Any, Final

import structlog

from router.telemetry import styles
from router.telemetry.direct import DirectLines, Facts, Fields, Telling
from router.telemetry.lines import LineWriter
from router.telemetry.redaction import Redaction

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_CHATTY: Final = ("aiobotocore", "aiohttp", "apscheduler", "asyncio", "boto3", "botocore", "urllib3", "watchdog")  # their info is our debug

_PROCESSORS: Final[list[structlog.typing.Processor]] = []  # one list for good: loggers that were used hold on to it
_writers: Final[list[LineWriter]] = []  # the current one, and nothing else
_redactions: Final[list[Redaction]] = []  # likewise
_direct: Final[list[DirectLines]] = []  # takes fields at info; nothing when the level is above it


def hide(secrets: Iterable[str]) -> None:
    """Have these values hidden too, in the log that was configured last."""
    for redaction in _redactions:
        redaction.learn(secrets)
    for direct in _direct:
        direct.renew()


def configure(
    level: str = "",
    stream: IO[bytes] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    secrets: Iterable[str] = (),
) -> LineWriter:
    """Set up structlog and logging. May be called again: the last call counts. Gives the writer; its *dropped* counts lost lines.

    *level*: debug, info, warning, error; "": what ROUTER_LOG_LEVEL says, else info. *stream*: binary; None: standard
    error. A logger that was used before keeps its level, but not its looks or its place."""
    wanted = (level or environ.get("ROUTER_LOG_LEVEL", "") or "info").lower()
    number = LEVELS.get(wanted, logging.INFO)
    target = stream or open(2, "wb", buffering=0, closefd=False)  # noqa: SIM115 - the descriptor itself, for the process's life
    style, redaction = style_of(target, environ), Redaction(secrets)
    _redactions[:] = [redaction]
    writer = LineWriter(
        _patient(target), lambda count: style({"event": "log_lines_dropped", "level": "warning", "count": count}, time.time())
    )

    def render(_: Any, __: str, fields: MutableMapping[str, Any]) -> bytes:
        return style(redaction.entries(fields), time.time())

    shutdown()
    _writers.append(writer)
    _direct[:] = [DirectLines(_Look(style, redaction), writer.put)] if number <= logging.INFO else []
    _PROCESSORS[:] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _named, _traced, render]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Output,
        cache_logger_on_first_use=True,
    )
    _route_libraries(number)
    if wanted not in LEVELS:
        structlog.get_logger("router").warning("log_level_unknown", wanted=wanted, known=list(LEVELS), used="info")
    return writer


def shutdown() -> None:
    """Write what waits, for a second at most."""
    for direct in _direct:
        direct.flush()
    while _writers:
        _writers.pop().close()


atexit.register(shutdown)


class _Look:
    """How direct lines look: as structlog's do."""

    def __init__(self, style: styles.Style, redaction: Redaction) -> None:
        self._style, self._redaction = style, redaction

    def opening(self, names: styles.Names, ms: int) -> str:
        return styles.opening(self._style, names, ms) if self._redaction.idle else ""

    def line(self, names: styles.Names, fields: Fields, now: float) -> bytes:
        return self._style(self._redaction.flat({**dict(zip(styles.FIRST, names, strict=True)), **fields}), now)


class DirectLog:
    """A logger for what comes with every invocation: the line that structlog would write, for a fraction of its cost.

    Same level, redaction, look, writer and order; no context variables, and nothing before configure()."""

    __slots__ = ("_names", "_telling")

    def __init__(self, name: str, event: str, telling: Telling) -> None:
        """*name*: the logger's."""
        self._names, self._telling = ("info", name, event), telling

    def info(self, facts: Facts) -> None:
        """Log the event at this level."""
        for direct in _direct:
            direct.add(self._names, self._telling, facts)


def style_of(stream: IO[bytes], environ: Mapping[str, str]) -> styles.Style:
    """How lines look on *stream*."""
    if _is_journal(stream, environ.get("JOURNAL_STREAM", "")):
        return styles.journal
    if not stream.isatty():
        return styles.structured
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    return styles.terminal if plain else styles.coloured


def _is_journal(stream: IO[bytes], named: str) -> bool:
    """Whether *stream* is the socket that JOURNAL_STREAM names as device:inode (systemd.exec(5)); a child may have another."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


def _patient(stream: IO[bytes]) -> Any:
    """A write of everything, also to a descriptor that somebody set non-blocking; for the writer's thread."""

    def write(content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            taken = stream.write(rest)
            if taken is None:
                time.sleep(0.01)
            rest = rest[taken or 0 :]
        stream.flush()

    return write


class _Output:
    """What structlog hands rendered lines to; it knows the logger's name."""

    __slots__ = ("name",)

    def __init__(self, name: str = "router") -> None:
        self.name = name

    def msg(self, line: bytes) -> None:
        """Have one line written, behind those that came before it."""
        for direct in _direct:
            direct.flush()
        if _writers:
            _writers[0].put(line)

    debug = info = warning = error = critical = exception = msg


def _named(logger: Any, _: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    fields.setdefault("logger", logger.name)
    return fields


def _traced(logger: Any, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.processors.format_exc_info(logger, method, fields) if "exc_info" in fields else fields


class _Forward(logging.Handler):
    """Standard logging's records, as events of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's message as its event; what cannot be formatted is said by name."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's broken format string is not worth an exception
            message = str(record.msg)
        level = max(number for number in (10, 20, 30, 40, 50) if number <= max(record.levelno, 10))
        structlog.get_logger(record.name).log(level, message, **({"exc_info": record.exc_info} if record.exc_info else {}))


def _route_libraries(level: int) -> None:
    root = logging.getLogger()
    others = [handler for handler in root.handlers if type(handler) not in {_Forward, logging.StreamHandler}]
    root.handlers = [*others, _Forward()]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
