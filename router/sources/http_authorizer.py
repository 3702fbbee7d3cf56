"""Lambda authorizers: a function decides whether another may be called.

Routes of one API with equal authorizers share one Authorizer, and so the answers that are kept. An answer is kept for
the values of the identity sources that it was given for; what is kept is judged anew for each method."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

import orjson
import structlog

from router.clock import Clock
from router.errors import RouterError
from router.events import authorizer
from router.events.authorizer import BadAnswer, Grant
from router.events.gateway import FREE, Api, Arrival, Asked, Denied, Passage
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from router.model import Envelope, Outcome
from router.regular import Regular
from router.sources.base import Outlet
from router.sources.http_access import LambdaAuthorizer
from router.sources.http_keys import KeyGuard, key_in
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.http")

KEPT: Final = 4096  # answers of one authorizer, of 8 KB at most

Shape = Literal["rest", "1.0", "2.0"]
"""Of the function's event: a REST API's, or an HTTP API's payload format."""


class Fault(StrEnum):
    """Why there is no answer."""

    UNAUTHORIZED = "unauthorized"  # the function said so
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"  # the daemon stops, or no environment could be started


class Heard(NamedTuple):
    """What was learned from an authorizer."""

    answer: Grant | Fault
    latency_ms: int  # of the invocation; 0 for an answer that was kept


_INVALID: Final = Heard(Fault.UNAUTHORIZED, 0)
_UNAUTHORIZED: Final = Denied(401, {"message": "Unauthorized"}, "UnauthorizedException")
_UNAVAILABLE: Final = Denied(503, {"message": "Service Unavailable"}, "ServiceUnavailableException", 1)
_FAILED: Final = {
    "rest": Denied(500, {"message": None}, "AuthorizerConfigurationException"),
    "http": Denied(500, {"message": "Internal Server Error"}),
}
_FORBIDDEN: Final = Denied(403, {"message": "Forbidden"})
_REST_DENIED: Final = {
    "deny": Denied(403, {"Message": "User is not authorized to access this resource with an explicit deny"}, "AccessDeniedException"),
    "none": Denied(403, {"Message": "User is not authorized to access this resource"}, "AccessDeniedException"),
}


class Authorizer:
    """A function that decides, and what it has decided."""

    def __init__(self, config: LambdaAuthorizer, clock: Clock, metrics: Metrics) -> None:
        self.config = config
        self._clock = clock
        self._limit = authorizer.TIMEOUTS["http" if config.payload else "rest"]
        self._kept: OrderedDict[bytes, tuple[float, Grant]] = OrderedDict()  # values → until when (monotonic), answer
        self._asking: dict[bytes, asyncio.Task[Heard]] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._told_condition = False
        self._valid = Regular(config.validation).matches if config.validation else None
        self._invocations = metrics.counter("router_authorizer_invocations_total", "Authorizers asked.", "authorizer", "outcome")
        self._hits = metrics.counter("router_authorizer_kept_answers_total", "Requests decided by an answer kept.", "authorizer")

    async def ask(self, values: tuple[str, ...], event: Callable[[], dict[str, Any]], outlet: Outlet) -> Heard:
        """The answer for these identities: one that is kept, else the function's. Requests alike share one invocation. Nobody is asked
        about a token that is not valid; what is kept was given for valid ones."""
        if not self.config.ttl:
            return await self._invoke(event(), outlet) if self._worth_asking(values) else _INVALID
        key = hashlib.sha256(orjson.dumps(values)).digest()
        if (kept := self._kept.get(key)) is not None and self._clock.monotonic() < kept[0]:
            self._kept.move_to_end(key)
            self._hits.add(self.config.function)
            return Heard(kept[1], 0)
        if not self._worth_asking(values):
            return _INVALID
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._invoke_and_keep(key, event(), outlet), name=f"authorizer-{self.config.function}")
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)  # who leaves takes the answer from nobody else

    async def close(self) -> None:
        """End what still runs."""
        tasks = [*self._asking.values(), *self._running]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, RouterError):
                await task

    def _worth_asking(self, values: tuple[str, ...]) -> bool:
        return self._valid is None or self._valid(values[0])

    async def _invoke_and_keep(self, key: bytes, event: dict[str, Any], outlet: Outlet) -> Heard:
        heard = await self._invoke(event, outlet)
        if isinstance(heard.answer, Grant):
            self._kept[key] = (self._clock.monotonic() + self.config.ttl, heard.answer)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return heard

    async def _invoke(self, event: dict[str, Any], outlet: Outlet) -> Heard:
        begun = self._clock.monotonic()
        answer = await self._answer(event, outlet)
        outcome = "ok" if isinstance(answer, Grant) else str(answer)
        self._invocations.add(self.config.function, outcome)
        return Heard(answer, round((self._clock.monotonic() - begun) * 1000))

    async def _answer(self, event: dict[str, Any], outlet: Outlet) -> Grant | Fault:
        function = self.config.function
        try:
            outcome = await self._outcome(Envelope(function, orjson.dumps(event), f"authorizer:{function}"), outlet)
        except RouterError as error:
            log.warning("authorizer_not_run", authorizer=function, error=str(error))
            return Fault.UNAVAILABLE if error.status == 503 else Fault.FAILED
        if outcome is None:
            log.warning("authorizer_timed_out", authorizer=function, limit_s=self._limit)
            return Fault.TIMED_OUT
        if outcome.function_error:
            if authorizer.is_unauthorized(outcome.payload):
                return Fault.UNAUTHORIZED
            log.warning("authorizer_failed", authorizer=function, error_type=outcome.error_type)
            return Fault.FAILED
        return self._read(outcome.payload)

    async def _outcome(self, envelope: Envelope, outlet: Outlet) -> Outcome | None:
        """The outcome; None when it is not there in time: the invocation then goes on, and reaches nobody."""
        task = asyncio.ensure_future(outlet.invoke(envelope))
        self._running.add(task)
        done = asyncio.Event()
        task.add_done_callback(lambda _: done.set())
        task.add_done_callback(self._ended)
        try:
            in_time = task.done() or await self._clock.wait(done, self._limit)
        except asyncio.CancelledError:
            task.cancel()
            raise
        return task.result() if in_time else None

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; a late one has nobody

    def _read(self, payload: bytes) -> Grant | Fault:
        config = self.config
        try:
            grant = (
                authorizer.read_simple(payload) if config.simple else authorizer.read_policy(payload, any_context=config.payload == "2.0")
            )
        except BadAnswer as error:
            log.warning("authorizer_answer_malformed", authorizer=config.function, error=str(error))
            return Fault.MALFORMED
        if grant.policy is not None and authorizer.conditional(grant.policy) and not self._told_condition:
            self._told_condition = True
            log.warning("authorizer_condition_unread", authorizer=config.function)
        return grant


class AuthorizerGuard:
    """Asks an Authorizer; see http_face.Guard."""

    def __init__(self, shared: Authorizer, api: Api, shape: Shape, keys: KeyGuard | None = None) -> None:
        """*shape*: of the function's event; *keys*: the guard that took the API key from x-api-key."""
        self._shared, self._api, self._shape, self._keys = shared, api, shape, keys
        config = shared.config
        self._kind: Literal["rest", "http"] = "rest" if shape == "rest" else "http"
        self._gateway = RestApi(api) if config.payload == "" else HttpApi(api, config.payload)

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:
        """401 without an identity, 403 when the authorizer says no, 500 when it says nothing."""
        learned = await self.learn(asked, arrival, outlet)
        return learned if isinstance(learned, Denied) else learned[0]

    async def learn(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> tuple[Passage, str] | Denied:
        """The same, and the API key (usageIdentifierKey) of who passes; "" when the authorizer named none."""
        values = authorizer.identities(self._shared.config.sources, asked, self._api)
        if values is None:
            return _UNAUTHORIZED
        arn = authorizer.method_arn(asked, self._api)
        heard = await self._shared.ask(values, lambda: self._event(asked, arrival, arn, values), outlet)
        if isinstance(heard.answer, Fault):
            return self._fault(heard.answer)
        ruling = authorizer.ruling(heard.answer, arn)
        if ruling != "allow":
            return _REST_DENIED[ruling] if self._kind == "rest" else _FORBIDDEN
        if self._shape == "2.0":
            return Passage(authorizer.http_context(heard.answer)), heard.answer.usage_key
        return Passage(authorizer.rest_context(heard.answer, heard.latency_ms)), heard.answer.usage_key

    def _fault(self, fault: Fault) -> Denied:
        if fault is Fault.UNAUTHORIZED:
            return _UNAUTHORIZED
        return _UNAVAILABLE if fault is Fault.UNAVAILABLE else _FAILED[self._kind]

    def _event(self, asked: Asked, arrival: Arrival, arn: str, values: tuple[str, ...]) -> dict[str, Any]:
        config = self._shared.config
        if config.type == "token":
            return authorizer.token_event(values[0], arn)
        passage = FREE if self._keys is None else self._keys.identify(key_in(asked))
        event = self._gateway.event(asked._replace(request=asked.request._replace(body=b"")), arrival, passage)
        length = str(len(asked.request.body))
        for headers, value in ((event["headers"], length), (event.get("multiValueHeaders", {}), [length])):
            headers.update({name: value for name in ("content-length", "Content-Length") if name in headers})
        return authorizer.request_event(event, arn, values, config.payload)


class KeyedGuard:
    """An authorizer, and then the plan of the API key that it named; see http_face.Guard."""

    def __init__(self, authorizer_guard: AuthorizerGuard, keys: KeyGuard) -> None:
        self._authorizer, self._keys = authorizer_guard, keys

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:
        """What the authorizer says; then 403 without a key of the route's plans, 429 over its throttle or quota."""
        learned = await self._authorizer.learn(asked, arrival, outlet)
        if isinstance(learned, Denied):
            return learned
        passage, key = learned
        admitted = self._keys.admit_key(key)
        return admitted if isinstance(admitted, Denied) else Passage(passage.authorizer, admitted.identity)
