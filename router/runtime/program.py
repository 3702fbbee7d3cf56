"""A worker that becomes another program: what is left to do before exec, and what is said when there is nothing to exec.

Standard library only; runs in the worker, isolated already (isolation.py). The program keeps output at 1 and 2 and, by
spec["passes"], requests and responses: "frames" as they are, at 3 and 4; "streams" as its 0 and 1; "" not at all. Over
responses goes a READY frame that only says that there is a program, or NO_PROGRAM; after it, they are the program's own."""

import errno
import os
import signal
from typing import Any, Final, NoReturn

from router.runtime import frames, isolation

_NOT_FOUND: Final = 127  # exit statuses, as shells have them
_NOT_RUN: Final = 126


def run(spec: dict[str, Any]) -> NoReturn:
    """Become spec["argv"] in directory spec["code"]."""
    try:
        os.chdir(spec["code"])
    except OSError as error:
        _refuse("Runtime.InvalidWorkingDir", f"Working directory {spec['code']}: {error.strerror}")
    path = spec.get("path", spec["argv"][0])
    if not os.path.isfile(path) or not os.access(path, os.X_OK):  # noqa: PTH113  # no pathlib in a worker
        _refuse("Runtime.InvalidEntrypoint", spec["absent"])
    _send(frames.READY)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so over exec
        signal.signal(number, signal.SIG_DFL)
    _pass(spec["passes"])
    try:
        os.execve(path, spec["argv"], os.environ)  # noqa: S606  # that is the point
    except OSError as error:
        if spec["passes"] != "streams":
            _refuse("Runtime.InvalidEntrypoint", f"{path}: {error.strerror}")
        os.write(2, f"{path}: {error.strerror}\n".encode())
        os._exit(_NOT_FOUND if error.errno == errno.ENOENT else _NOT_RUN)


def _pass(passes: str) -> None:
    if passes == "frames":
        os.set_inheritable(isolation.REQUESTS, True)
        os.set_inheritable(isolation.RESPONSES, True)
    elif passes == "streams":
        os.dup2(isolation.REQUESTS, 0)
        os.dup2(isolation.RESPONSES, 1)


def _refuse(error_type: str, message: str) -> NoReturn:
    """Say why there is nothing to run."""
    _send(frames.NO_PROGRAM, error_type.encode(), message.encode())
    os._exit(1)


def _send(kind: int, meta: bytes = b"", body: bytes = b"") -> None:
    for data in frames.encode(kind, meta, body):
        os.write(isolation.RESPONSES, data)
