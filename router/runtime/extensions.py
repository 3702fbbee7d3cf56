"""The conversations of an environment's extensions. No sockets, no processes: those are in extension_processes.py.

One object for one generation: from the start of its extensions to their end, which is the environment's reset at the latest."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from router.events.http import Headers, Response
from router.runtime import extension_api, runtime_api
from router.runtime.api_session import Call, Caller, Front
from router.runtime.extension_api import NEXT, Function, Kind, Reason, State, Step
from router.web.heads import Head

_BODY: Final = 64 * 1024  # bytes of a call's body


@dataclass(slots=True)
class Extension:
    """One of them."""

    name: str
    external: bool  # a process of its own; else it lives in the runtime's
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.STARTED
    events: frozenset[Kind] = frozenset()
    waiting: Caller | None = None  # in a `next`
    held: list[dict[str, Any]] = field(default_factory=list)  # events it has not asked for yet
    owes: bool = False  # its `next` ends the invocation


class Asked(Call):
    """A call whose whole body is looked at; what is over the limit is not kept."""

    def __init__(self, caller: Caller, answer: Callable[[bytes], Response | None]) -> None:
        """*answer*: the body to the answer; None when that comes later."""
        self._caller, self._answer = caller, answer
        self._body = bytearray()

    def feed(self, piece: bytes) -> None:
        """See Call."""
        if len(self._body) <= _BODY:
            self._body += piece

    def end(self, trailers: Headers) -> None:  # noqa: ARG002
        """See Call."""
        large = len(self._body) > _BODY
        response = runtime_api.failed(413, "RequestEntityTooLarge", f"over {_BODY} bytes") if large else self._answer(bytes(self._body))
        if response is not None:
            self._caller.answer(response)


class Extensions:
    """Registers them, hands out events, knows who is not done yet."""

    def __init__(self, names: Iterable[str], function: Function, now: Callable[[], float], on_change: Callable[[], None]) -> None:
        """*names*: of the external ones; *now*: epoch seconds; *on_change*: something that is waited for may have come."""
        self.all = {name: Extension(name, external=True) for name in names}
        self._function, self._now, self._on_change = function, now, on_change
        self.open = True  # init goes on: internal ones may register, and every one has to ask for its first event
        self.failure: tuple[Extension, str] | None = None  # the first that reported an error, and its type

    @property
    def registered(self) -> bool:
        """Whether every external one has registered."""
        return all(extension.state is not State.STARTED for extension in self.all.values())

    @property
    def settled(self) -> bool:
        """Whether all wait for the next event: init, or the invocation, is over for them."""
        return all(not extension.owes and (extension.state is State.READY or not self.open) for extension in self.all.values())

    @property
    def shutting(self) -> list[Extension]:
        """Those that want to hear of the end."""
        return [extension for extension in self.all.values() if Kind.SHUTDOWN in extension.events]

    def invoke(self, meta: Mapping[str, Any]) -> None:
        """An invocation begins; *meta* as assignment.requested() tells it."""
        for extension in self.all.values():
            if Kind.INVOKE in extension.events:
                extension.owes = True
                self._tell(extension, extension_api.invoke(meta, self._now()))

    def shut_down(self, reason: Reason, seconds: float) -> None:
        """The environment ends in so many seconds."""
        for extension in self.shutting:
            self._tell(extension, extension_api.shutdown(reason, self._now() + seconds))

    def call(self, head: Head, caller: Caller) -> Call:
        """See Front."""
        step = extension_api.target(head.method, head.target.partition("?")[0])
        if isinstance(step, Response):
            return Call(caller, step)
        if step is Step.REGISTER:
            return Asked(caller, lambda body: self._register(head.headers, body))
        extension = self.whose(head.headers)
        if isinstance(extension, Response):
            return Call(caller, extension)
        return Asked(caller, lambda _: self._called(extension, step, head.headers, caller))

    def left(self, caller: Caller) -> None:
        """The connection is gone."""
        for extension in self.all.values():
            if extension.waiting is caller:
                extension.waiting = None

    def whose(self, headers: Headers) -> Extension | Response:
        """The extension that a call's headers name, or the answer to it."""
        identifier = extension_api.identified(headers)
        if isinstance(identifier, Response):
            return identifier
        found = next((extension for extension in self.all.values() if extension.identifier == identifier), None)
        return extension_api.unknown(identifier) if found is None or found.state is State.STARTED else found

    def _register(self, headers: Headers, body: bytes) -> Response:
        wanted = extension_api.registration(headers, body)
        if isinstance(wanted, Response):
            return wanted
        extension = self.all.get(wanted.name)
        wrong = self._no_internal(wanted) if extension is None or not extension.external else None
        if wrong is not None:
            return wrong
        extension = extension or Extension(wanted.name, external=False)
        late = extension_api.refusal(extension.state, Step.REGISTER, extension.name)
        if late is not None:
            return late
        extension.state, extension.events = NEXT[extension.state][Step.REGISTER], wanted.events
        self.all[extension.name] = extension
        self._on_change()
        return extension_api.registered(extension.identifier, self._function, with_account=wanted.with_account)

    def _no_internal(self, wanted: extension_api.Registration) -> Response | None:
        """Why no internal extension may register so; None when it may."""
        wrong = extension_api.no_shutdown(wanted.events)
        if wrong is not None:
            return wrong
        if not self.open:
            return extension_api.CLOSED
        if wanted.name in self.all:
            return extension_api.TWICE
        return extension_api.TOO_MANY if len(self.all) >= extension_api.MOST else None

    def _called(self, extension: Extension, step: Step, headers: Headers, caller: Caller) -> Response | None:
        error_type = runtime_api.named(headers, extension_api.ERROR_TYPE)
        if step is not Step.NEXT and not error_type:
            return extension_api.NO_ERROR_TYPE
        late = extension_api.refusal(extension.state, step, extension.name)
        if late is not None:
            return late
        extension.state = NEXT[extension.state][step]
        if step is not Step.NEXT:
            self.failure = self.failure or (extension, error_type[:128])
            self._on_change()
            return extension_api.ACCEPTED
        extension.waiting, extension.owes = caller, False
        self._hand_out(extension)
        self._on_change()
        return None

    def _tell(self, extension: Extension, told: dict[str, Any]) -> None:
        extension.held.append(told)
        self._hand_out(extension)

    @staticmethod
    def _hand_out(extension: Extension) -> None:
        if extension.waiting is not None and extension.held:
            caller, extension.waiting = extension.waiting, None
            told = extension.held.pop(0)
            extension.state = NEXT[extension.state][Step.EVENT]
            extension.owes = told["eventType"] == Kind.INVOKE
            caller.answer(extension_api.event(told))


class Doors:
    """One port for a runtime, its extensions and their subscriptions: see Front."""

    def __init__(self, extensions: Extensions, others: Mapping[str, Callable[[Head, Caller], Call]]) -> None:
        """*others*: what else is served, by its path."""
        self._extensions, self._others = extensions, others
        self._runtime: Front | None = None

    def attach(self, runtime: Front) -> None:
        """The runtime speaks the Runtime API."""
        self._runtime = runtime

    def call(self, head: Head, caller: Caller) -> Call:
        """See Front."""
        path = head.target.partition("?")[0].rstrip("/")
        if path.startswith(extension_api.BASE):
            return self._extensions.call(head, caller)
        if path in self._others:
            return self._others[path](head, caller)
        if self._runtime is not None:
            return self._runtime.call(head, caller)
        return Call(caller, extension_api.NOT_FOUND)

    def left(self, caller: Caller, *, unread: bool) -> None:
        """See Front."""
        self._extensions.left(caller)
        if self._runtime is not None:
            self._runtime.left(caller, unread=unread)
