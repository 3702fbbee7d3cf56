"""Webhooks: a delivery is verified, made durable, answered; its function runs afterwards.

The order of steps is what keeps the promise: nothing looks into a body before its signature is borne out; the event is durable
(emit, with the delivery as its sequencer) before the memory says so, and both before the sender is told."""

import asyncio
from functools import partial
from typing import Final

import orjson
import structlog

from router import names
from router.errors import RequestTooLarge, RouterError
from router.events import webhook_limit
from router.events.cors import Cors
from router.events.gateway import FREE, LOCAL, Arrival, Asked, Gateway
from router.events.http import Request, Response
from router.events.http_api import HttpApi
from router.events.webhook import Reason, Refusal, Verified, verify
from router.model import ASYNC_LIMIT, Envelope
from router.sources.http_face import RETRY_AFTER, Line, http_arrival
from router.sources.webhook_memory import Memory, key_of, request_id_of
from router.sources.webhook_trigger import WebhookTrigger

log = structlog.get_logger("router.webhooks")

IN_A_THREAD: Final = 64 * 1024  # bytes; MACs of larger bodies take long enough that others would wait for them
FORM: Final = "application/x-www-form-urlencoded"


class WebhookFace:
    """A function behind a webhook; see http_face.Face."""

    cors: Cors | None = None  # senders are no browsers

    def __init__(self, function: str, trigger: WebhookTrigger, gateway: HttpApi, line: Line, memory: Memory) -> None:
        self.gateway: Gateway = gateway
        self.body_limit = trigger.body_limit
        self._function, self._trigger, self._line, self._memory = function, trigger, line, memory
        self._route = trigger.route.key
        self._source = f"webhook:{trigger.route.key.partition(' ')[2]}"
        self._buckets = webhook_limit.Buckets()
        metrics = line.metrics
        self._verified = metrics.counter("router_webhook_verified_total", "Deliveries that a secret bore out.", "route", "key")
        self._rejected = metrics.counter("router_webhook_rejected_total", "Deliveries that were not taken.", "route", "reason")
        self._limited = metrics.counter("router_webhook_limited_total", "Deliveries refused for those before them.", "route")

    def arrive(self, request: Request) -> Arrival:
        """The ids of a request."""
        return http_arrival(request, self._line.clock.now())

    def blocked(self, peer: str) -> bool:
        """Whether what comes from a connection's address is refused unread: too much of it was no delivery. Never a proxy of ours."""
        if not self._buckets or peer in LOCAL or not self._buckets.spent(webhook_limit.network(peer), self._line.clock.monotonic()):
            return False
        self._limited.add(self._route)
        return True

    async def serve(self, asked: Asked) -> Response:
        """Answer one request."""
        request = asked.request
        arrival = self.arrive(request)
        if self.blocked(request.peer):
            return self._too_many(request, arrival)
        if len(request.body) > self.body_limit:
            return self.gateway.failure(413, arrival)
        try:
            verified = await self._verify(request, arrival.at)
        except Refusal as refusal:
            return self._refuse(refusal.reason, request, arrival)
        self._verified.add(self._route, verified.key)
        if (challenge := self._trigger.scheme.challenge(request.body)) is not None:
            return Response(200, (("content-type", "text/plain; charset=utf-8"),), challenge.encode(errors="replace"))
        try:
            return await self._take(asked, arrival, verified)
        except RouterError as error:
            return self._unable(error, arrival)

    # -- who is it

    async def _verify(self, request: Request, now: float) -> Verified:
        """Grammar, time, secrets. Raises Refusal."""
        trigger = self._trigger
        judge = partial(verify, trigger.scheme, trigger.keys, request, now=now, tolerance=trigger.tolerance)
        return await asyncio.to_thread(judge) if len(request.body) > IN_A_THREAD else judge()

    def _refuse(self, reason: Reason, request: Request, arrival: Arrival) -> Response:
        """401 and nothing about why; 429 once a source has had too many of them. Beyond that it is counted and no longer logged."""
        self._rejected.add(self._route, reason)
        source = webhook_limit.source_of(request)
        if not self._buckets.refused(source, self._line.clock.monotonic()):
            self._limited.add(self._route)
            return self._too_many(request, arrival)
        log.warning("webhook_rejected", route=self._route, provider=self._trigger.scheme.name, reason=reason.value, peer=source)
        return self.gateway.failure(401, arrival)

    def _too_many(self, request: Request, arrival: Arrival) -> Response:
        wait = self._buckets.wait(webhook_limit.source_of(request), self._line.clock.monotonic())
        return self.gateway.failure(429, arrival, retry_after=wait)

    # -- take it

    async def _take(self, asked: Asked, arrival: Arrival, verified: Verified) -> Response:
        """Make it an event, unless it is one already. Raises RouterError: it is not remembered, and the sender may try again."""
        if not verified.delivery:
            return await self._emit(asked, arrival, verified, names.request_id(), "")
        where, delivery = _place(asked), verified.delivery
        key = key_of(f"{self._route}{where}", delivery)
        async with self._memory.alone(key):
            if known := await self._memory.find(key):
                return self._replayed(asked, known, arrival)
            request_id = request_id_of(self._function, key)
            response = await self._emit(asked, arrival, verified, request_id, f"{delivery}{where}")
            if response.status < 300:
                await self._memory.remember(key, request_id, verified.remember)
            return response

    async def _emit(self, asked: Asked, arrival: Arrival, verified: Verified, request_id: str, sequencer: str) -> Response:
        """The event, made durable. The journal may have it already: nobody was told of it yet, or it was forgotten here and not there."""
        payload = self.gateway.text(asked, arrival, FREE)
        if len(payload) > ASYNC_LIMIT:
            return self.gateway.failure(413, arrival)
        envelope = Envelope(self._function, payload, self._source, sequencer or request_id, request_id=request_id)
        facts = {"route": self._route, "provider": self._trigger.scheme.name, "matched": verified.key, "request_id": request_id}
        if await self._line.outlet.emit(envelope):
            log.info("webhook_accepted", **facts)
        else:
            log.info("webhook_known", **facts)
        return self._answer(202, asked, request_id, arrival)

    def _replayed(self, asked: Asked, request_id: str, arrival: Arrival) -> Response:
        """It was taken before: say so, do nothing."""
        self._rejected.add(self._route, Reason.REPLAY)
        log.info("webhook_replayed", route=self._route, provider=self._trigger.scheme.name, reason="replay", request_id=request_id)
        return self._answer(200, asked, request_id, arrival)

    def _answer(self, status: int, asked: Asked, request_id: str, arrival: Arrival) -> Response:
        """{"requestId": …}. Where Slack shows a person what it is answered (commands, buttons), it gets the plain 200 it waits for."""
        ids = (("apigw-requestid", arrival.request_id), ("x-amzn-requestid", request_id))
        if self._trigger.scheme.name == "slack" and asked.request.header("content-type").partition(";")[0].strip().lower() == FORM:
            return Response(200, ids)
        return Response(status, (("content-type", "application/json"), *ids), orjson.dumps({"requestId": request_id}))

    def _unable(self, error: RouterError, arrival: Arrival) -> Response:
        """The answer when it could not be made durable."""
        if isinstance(error, RequestTooLarge):
            return self.gateway.failure(413, arrival)
        log.warning("webhook_not_accepted", route=self._route, error=str(error))
        if error.status == 503:
            return self.gateway.failure(503, arrival, retry_after=RETRY_AFTER)
        return self.gateway.failure(500, arrival)


def _place(asked: Asked) -> str:
    """What the variables of the path hold, as JSON; "" where there are none. Each place is a receiver of its own, to which a sender may send one delivery."""
    return orjson.dumps(asked.parameters, option=orjson.OPT_SORT_KEYS).decode() if asked.parameters else ""
