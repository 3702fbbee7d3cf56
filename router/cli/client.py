"""The daemon's control socket, spoken to: HTTP/1.1 and JSON over STATE/control.sock."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from router.cli.exits import Exit, NotRunning, fail
from router.cli.place import state_directory
from router.cli.settings import Settings

SOCKET: Final = "control.sock"
PATH_LIMIT: Final = 107  # bytes of a socket's path, sun_path(7) without its final NUL
TIMEOUT: Final = 960.0  # seconds; longer than the longest timeout a function may have (900 s)
_STATUS_EXITS: Final = {429: Exit.THROTTLED}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the daemon answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body) if self.body else None


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket, whatever the length of its path."""

    def __init__(self, directory: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._directory, self._patience = directory, timeout

    def connect(self) -> None:
        """Connect; a path too long for a socket address goes through a descriptor of its directory."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._patience)
        path = os.fsencode(self._directory / SOCKET)
        if len(path) <= PATH_LIMIT:
            self.sock.connect(path)
            return
        held = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{held}/{SOCKET}")
        finally:
            os.close(held)


class Daemon:
    """One running daemon, named by its state directory. Use as a context manager."""

    def __init__(self, state: Path, timeout: float = TIMEOUT) -> None:
        self.state = state
        self._connection = _UnixConnection(state, timeout)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The daemon of the config in force; nothing is sent yet."""
        return cls(state_directory(settings))

    def __enter__(self) -> Self:
        """Nothing to do: the connection is made with the first request."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hang up."""
        self._connection.close()

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One exchange, whatever its status. Fails with exit 5 and what to do when nobody answers."""
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            answer = self._connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NotRunning(f"the daemon is not running on {self.state}: start it with `router run`") from error
        except PermissionError:
            fail(f"{self.state / SOCKET} belongs to another user: run this as the user that runs the daemon", Exit.NOT_REACHABLE)
        except TimeoutError:
            fail(f"the daemon on {self.state} did not answer in time: see its log", Exit.NOT_REACHABLE)
        except (HTTPException, OSError) as error:
            fail(f"the daemon on {self.state} went away before it answered ({error or type(error).__name__})", Exit.NOT_REACHABLE)

    def get(self, path: str, **query: object) -> Any:
        """The JSON under *path*; query values that are None or empty are left out."""
        wanted = {key: value for key, value in query.items() if value is not None and value != ""}
        return self._json("GET", f"{path}?{urlencode(wanted)}" if wanted else path)

    def post(self, path: str, value: object = None) -> Any:
        """Send JSON, get JSON."""
        return self._json("POST", path, json.dumps(value if value is not None else {}).encode())

    def _json(self, method: str, path: str, body: bytes = b"") -> Any:
        reply = self.request(method, path, body, {"Content-Type": "application/json"} if body else None)
        refuse(reply)
        return reply.json()


def part(text: str) -> str:
    """*text* as one segment of a path. Fails with exit 2 for an empty one: what it stands in would be the path of something else."""
    if not text:
        fail("an empty text names nothing: give a name or an id", Exit.USAGE)
    return quote(text, safe="")


def refuse(reply: Reply) -> None:
    """Fail with the daemon's own sentence when the reply is a refusal."""
    if reply.status < 400:
        return
    try:
        said = json.loads(reply.body)["message"]
    except (ValueError, KeyError, TypeError):
        said = f"the daemon answered {reply.status}"
    fail(str(said), _STATUS_EXITS.get(reply.status, Exit.FAILED))
