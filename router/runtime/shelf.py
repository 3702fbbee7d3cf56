"""The idle environments: which one a function gets, which go first. Pure; time is a parameter.

Provisioned ones are taken before others and never make room for anybody."""

from collections.abc import Iterator

from router.config.types import Function
from router.runtime.base import Environment
from router.runtime.capacity import Idle
from router.runtime.lifecycle import PROVISIONED, READY


class Shelf:
    """Each function's own stack, and an order of all that may be evicted."""

    def __init__(self) -> None:
        self._since: dict[Environment, float] = {}  # idle since, monotonic; the least recently used first
        self._kept: set[Environment] = set()  # provisioned
        self._stacks: dict[str, list[Environment]] = {}  # of a function's version, the most recently used last

    def __contains__(self, environment: Environment) -> bool:
        """Whether it is idle."""
        return environment in self._since or environment in self._kept

    def put(self, environment: Environment, now: float) -> None:
        """It is idle from now on."""
        if environment.initialization is PROVISIONED:
            self._kept.add(environment)
        else:
            self._since[environment] = now
        self._stacks.setdefault(environment.function.qualified, []).append(environment)

    def take(self, function: Function) -> Environment | None:
        """The environment that an invocation gets: provisioned, else the most recently used; an initialised one if there is any."""
        stack = self._stacks.get(function.qualified)
        if not stack:
            return None
        found = stack[-1]
        if found.state is not READY or function.provisioned_concurrency:
            found = max(reversed(stack), key=lambda one: (one.state is READY, one in self._kept))  # the first of several
        self.remove(found)
        return found

    def remove(self, environment: Environment) -> None:
        """It is idle no more. KeyError when it was not."""
        if environment in self._kept:
            self._kept.remove(environment)
        else:
            del self._since[environment]
        key = environment.function.qualified
        stack = self._stacks[key]
        if stack[-1] is environment:
            stack.pop()
        else:
            stack.remove(environment)
        if not stack:
            del self._stacks[key]

    def evictable(self) -> Iterator[Idle[Environment]]:
        """Those that may make room: the least recently used first, but the one of each function that is used next after all others."""
        for only in (False, True):
            for environment in self._since:
                if (self._stacks[environment.function.qualified][-1] is environment) is only:
                    yield Idle(environment, environment.function.memory, only)

    def spared(self) -> int:
        """How many functions have an idle environment."""
        return len(self._stacks)

    def expired(self, before: float) -> list[Environment]:
        """Those idle since *before* or longer."""
        found = []
        for environment, since in self._since.items():
            if since > before:
                break
            found.append(environment)
        return found

    def oldest(self, default: float) -> float:
        """Since when the one is idle that expires first."""
        return next(iter(self._since.values()), default)
