"""The daemon's own settings: where it listens, how much it runs at once, how long it keeps things. Pure."""

import ipaddress
import re
from typing import Final

from router.config.node import Node
from router.config.types import Limits, Listen, Retention

HTTP: Final = Listen("tcp", "127.0.0.1", 8080)
AWS: Final = Listen("tcp", "127.0.0.1", 4566)
CONSOLE: Final = Listen("tcp", "127.0.0.1", 8081)
_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>0|[1-9][0-9]{0,4})")
_HINT: Final = "write off, 127.0.0.1:8080, [::1]:8080, unix:PATH or systemd"
_USERS: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
_LONGEST_SOCKET: Final = 107  # bytes of a Unix socket's path: unix(7)

_LIMITS: Final = Limits()
_RETENTION: Final = Retention()

_MOST_MEMORY: Final = 64 * 1024 * 1024  # MB
_MOST_STORE: Final = 2**30  # MB: more than SQLite takes
HOUR: Final = 3600.0
DAY: Final = 86400.0


def listen(node: Node) -> tuple[Listen, Listen, Listen]:
    """The http, the aws and the console listener, from the value under `listen`."""
    form = node.form(known=("http", "aws", "console"))
    http, aws, console = _listener(form, "http", HTTP), _listener(form, "aws", AWS), _listener(form, "console", CONSOLE)
    if not loopback(console):
        form.problem(
            f"{console} can be reached from other machines, and the console's token would cross the network unencrypted; "
            "bind 127.0.0.1, [::1] or unix:PATH and put a TLS proxy or an SSH tunnel before it",
            "console",
        )
    for name, one, other, where in (("http", http, "console", console), ("http", http, "aws", aws), ("aws", aws, "console", console)):
        if _meet(one, where):
            at, whose = (other, name) if form.has(other) else (name, other)
            there = "is" if one == where else f"and {one} are one port, which is"
            default = "" if form.has(whose) else ", by default"
            form.problem(f"{where} {there} the {whose} listener's address{default}; each needs its own", at)
    return http, aws, console


def _meet(one: Listen, other: Listen) -> bool:
    """Whether two listeners would want one path, or one port of one address."""
    if one.kind != other.kind or one.kind not in {"tcp", "unix"}:
        return False
    if one.kind == "unix" or one == other:
        return one == other and (one.kind == "unix" or one.port != 0)  # 0 is a free one
    return one.port == other.port != 0 and (_takes(one.host, other.host) or _takes(other.host, one.host))


def _takes(wide: str, host: str) -> bool:
    """Whether who listens on *wide* has *host* too: all addresses of IPv4 or of IPv6, or localhost, which is both of this machine's own."""
    six = ":" in host
    own = wide == "localhost" and host in {"127.0.0.1", "::1"}
    every = wide == "0.0.0.0"  # noqa: S104 - compared
    return own or (every and not six) or (wide == "::" and (six or host == "localhost"))


def loopback(where: Listen) -> bool:
    """Whether only this machine can reach it; a socket of systemd's is the operator's own decision."""
    if where.kind != "tcp" or where.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(where.host).is_loopback
    except ValueError:
        return False


def limits(node: Node) -> Limits:
    """The value under `limits`."""
    form = node.form(known=("concurrency", "idle", "memory"))
    return Limits(
        concurrency=form.integer("concurrency", _LIMITS.concurrency, low=1, high=10_000),
        idle=form.seconds("idle", _LIMITS.idle, low=1, high=DAY),
        memory=form.megabytes("memory", low=128, high=_MOST_MEMORY) if form.has("memory") else None,
    )


def users(form: Node) -> tuple[int, int] | None:
    """The range under `users`, as 200000-265535."""
    if not form.has("users"):
        return None
    found = _USERS.fullmatch(form.text("users"))
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1000 <= low <= high < 2**32 - 1:
        form.problem("the user ids that functions run as, one each, nobody else's; write LOW-HIGH, as 200000-265535, from 1000 on", "users")
        return None
    return low, high


def retention(node: Node) -> Retention:
    """The value under `retention`."""
    form = node.form(known=("logs", "history", "size"))
    return Retention(
        logs=form.seconds("logs", _RETENTION.logs, low=HOUR, high=3650 * DAY),
        history=form.seconds("history", _RETENTION.history, low=HOUR, high=3650 * DAY),
        size=form.megabytes("size", low=64, high=_MOST_STORE) if form.has("size") else None,
    )


def _listener(form: Node, key: str, default: Listen) -> Listen:
    child = form.child(key)
    if child is None:
        return default
    if not child.scalar:
        child.problem(f"put the address in quotes; {_HINT}")
        return default
    text = form.text(key)
    if text.startswith("unix:"):
        return _unix(child, text.removeprefix("unix:"))
    found = parsed(text)
    if found is None:
        child.problem(
            f"{text} is no address to listen on; {_HINT}" if text and "${" not in form.written(key) else f"no address to listen on; {_HINT}"
        )
        return default
    return found


def _unix(node: Node, path: str) -> Listen:
    where = Listen("unix", path=node.beside(path))
    if not path:
        node.problem("unix: needs a path, as in unix:./state/http.sock")
    elif len(bytes(where.path)) > _LONGEST_SOCKET:
        node.problem(f"a socket's path has {_LONGEST_SOCKET} bytes at most, this one {len(bytes(where.path))}")
    return where


def parsed(text: str) -> Listen | None:
    """`off`, `systemd` or HOST:PORT; None when it is none of them. A name is resolved when the daemon binds it."""
    if text in {"off", "systemd"}:
        return Listen("off" if text == "off" else "systemd")
    found = _ADDRESS.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        return None
    host = found["six"] or found["host"]
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        named = not found["six"] and _HOST.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host)
        return Listen("tcp", host, int(found["port"])) if named else None
    return Listen("tcp", host, int(found["port"])) if (version == 6) == bool(found["six"]) else None
