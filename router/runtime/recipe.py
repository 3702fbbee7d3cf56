"""What a runtime tells an environment: what its process is, and how to talk to it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from router.config.types import Function
from router.runtime import frames
from router.runtime.launcher import Launcher
from router.runtime.shared import Shared
from router.telemetry import report

OnFrame = Callable[[frames.Frame], None]
OnEnd = Callable[[], None]


class Link(Protocol):
    """Both ways to one process, in frames, whatever it speaks itself. Nothing here blocks the loop."""

    @property
    def theirs(self) -> tuple[int, ...]:
        """The process's ends, requests and responses, to be passed on."""

    @property
    def taken(self) -> bool:
        """Whether the process has seen the last event; false only when it certainly has not."""

    @property
    def bare(self) -> bool:
        """Whether nothing comes for an event but its answer, unless that is streamed: then what announced it is the answer itself."""

    def passed_on(self, pid: int, listener: int = -1) -> None:
        """The process has its ends now: drop ours of them, so that its death is our end of file.

        *listener*: of its Runtime API, when it has a network of its own; ours to close from now on."""

    def send(self, kind: int, meta: bytes, body: bytes) -> bool:
        """Send a frame, now or as the process reads. False: it is gone and has seen nothing of it."""

    def pump(self) -> None:
        """Take what has arrived, without waiting for the loop to say so, and paused or not."""

    def pause(self) -> None:
        """Take no more: the process waits."""

    def resume(self) -> None:
        """Go on after pause()."""

    def close(self) -> None:
        """Close our ends. No callback comes after this."""


class Recipe(Protocol):
    """How environments of one family of runtimes are made."""

    shared: Shared

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """The spawner's message, less its number. *separator*: letters that stand for newlines inside a log record."""

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Link, Mapping[str, Any]]:
        """The ends of a process to be, and *spec* with what it has to know of them. Raises OSError (no descriptors).

        *on_end* is called once, when the process will send no more; frames are those of frames.py, READY or INIT_ERROR first."""

    def launcher(self, function: Function) -> Launcher:
        """Who starts processes of *function*. Raises EnvironmentUnavailable."""

    def init_start(self, function: Function) -> report.InitStart:
        """What initialises; see report.init_start."""
