"""Exit codes, and the one way in which a command gives up."""

from enum import IntEnum
from typing import NoReturn


class Exit(IntEnum):
    """What the shell learns. 0 and 1 as everywhere, 2 as click's; the rest tell a function's fault from ours."""

    OK = 0
    FAILED = 1
    USAGE = 2
    FUNCTION_ERROR = 3
    THROTTLED = 4
    NOT_REACHABLE = 5


class Failure(Exception):
    """A sentence for stderr and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class NotRunning(Failure):
    """Nobody listens on the control socket."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.NOT_REACHABLE)


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Give up with one sentence."""
    raise Failure(message, code)
