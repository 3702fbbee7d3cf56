"""The AWS endpoint: a request to its service, whichever protocol it came in, and the answer back.

The order is AWS's: which operation, who asks, what is asked for, whether they may, and only then the operation."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import structlog

from router import names
from router.api.aws import identities, refusals, routing, sizes, values
from router.api.aws.cbor_protocol import CborProtocol
from router.api.aws.gate import Admitted, Gate
from router.api.aws.identities import Identities
from router.api.aws.json_protocol import JsonProtocol
from router.api.aws.models import Models
from router.api.aws.protocol import Aimed, Codec, Fault, Found
from router.api.aws.query import QueryProtocol
from router.api.aws.rest_json import RestJson
from router.api.aws.service import Call, Need, Service
from router.api.aws.services import Services
from router.api.aws.shapes import ServiceModel
from router.api.aws.sqs.wire import SqsQuery
from router.api.aws.tracing import trace_of
from router.errors import JournalError, RouterError
from router.events.http import Request, Response
from router.iam.auth_errors import AuthFailure
from router.iam.policy import Policy
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.aws")

PROTOCOLS: Final[Mapping[str, Codec]] = {"json": JsonProtocol(), "rest-json": RestJson(), "query": QueryProtocol(), "cbor": CborProtocol()}
SQS_QUERY: Final = SqsQuery()


class Refused(Exception):
    """A request that is answered with a fault; *outcome* is for the counter."""

    def __init__(self, fault: Fault, outcome: str) -> None:
        super().__init__(fault.code)
        self.fault, self.outcome = fault, outcome


class Asked(NamedTuple):
    """One request to a service that is known."""

    service: Service
    model: ServiceModel
    codec: Codec
    aimed: Aimed
    found: Found | None  # None: no operation of this service
    request: Request
    request_id: str


class Endpoint:
    """Answers the requests of the aws listener."""

    def __init__(self, services: Services, gate: Gate, identities: Identities, metrics: Metrics) -> None:
        self._services, self._gate, self._identities = services, gate, identities
        self._models = Models()
        self._held = 0  # bytes of large bodies at work
        self._requests = metrics.counter(
            "router_aws_requests_total", "Requests of the AWS endpoint, by what came of them.", "service", "operation", "outcome"
        )

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        request_id = names.request_id()
        if request.target == identities.PATH:
            return self._identities.serve(request)
        aimed = routing.aimed(request)
        if aimed.protocol == "s3":
            response = await (await self._services.wire(aimed.protocol)).serve(request, self._gate, request_id)
            self._requests.add(aimed.protocol, "any", _came_of(response.status))
            return response
        codec = SQS_QUERY if (aimed.service, aimed.protocol) == ("sqs", "query") else PROTOCOLS[aimed.protocol]
        if not self._services.has(aimed.service):
            self._requests.add("unknown", "unknown", "unknown")  # anybody may name anything: no label is made of it
            return codec.fault(None, refusals.nowhere(aimed, signed=bool(routing.scope_of(request))), request_id)
        service = await self._services.get(aimed.service)
        model = self._models.known(service.name) or await self._models.get(service.name)
        return await self._answered(Asked(service, model, codec, aimed, codec.found(model, request, aimed), request, request_id))

    async def _answered(self, asked: Asked) -> Response:
        """The answer of a service that is known."""
        service, found, codec = asked.service.name, asked.found, asked.codec
        name = found.operation.name if found is not None else "unknown"
        try:
            with self._holding(0 if name in sizes.SLOTTED else len(asked.request.body), service):
                response = await self._done(asked)
        except Refused as refused:
            self._requests.add(service, name, refused.outcome)
            return codec.fault(asked.model, refused.fault, asked.request_id)
        except Exception:  # the bulkhead around a single request: what was half done is the service's to know
            log.exception("call_crashed", service=service, operation=name, request_id=asked.request_id)
            self._requests.add(service, name, "error")
            return codec.fault(asked.model, refusals.broken(service), asked.request_id)
        self._requests.add(service, name, "ok")
        return response

    async def _done(self, asked: Asked) -> Response:
        """Run the operation. Raises Refused."""
        if asked.found is None:
            raise Refused(refusals.NOT_FOUND[asked.aimed.protocol](asked.aimed.operation), "unknown")
        admitted = await self._admitted(asked)
        model = asked.found.operation
        parameters = await asyncio.to_thread(_read, asked, asked.found) if _large(asked) else _read(asked, asked.found)
        operation = asked.service.operations.get(model.name)
        if operation is None:
            raise Refused(refusals.missing(model.name), "unknown")
        call = Call(
            asked.service.name,
            model.name,
            parameters,
            admitted.caller,
            asked.request_id,
            admitted.context,
            f"{asked.request.scheme}://{asked.request.host}",
            asked.request.client,
            trace_of(asked.request),
        )
        try:
            await self._check(asked, operation.needs(call), admitted)
            if why := self._models.refusal(asked.service.name, model.name, parameters):
                raise Refused(Fault("ValidationException", why, 400), "refused")
            members = await operation.run(call)
        except RouterError as error:
            fault = refusals.failed(error, asked.service.name)
            raise Refused(fault, "refused" if fault.sender else "error") from error
        return asked.codec.answer(asked.model, model, members, asked.request_id)

    @contextmanager
    def _holding(self, size: int, service: str) -> Iterator[None]:
        """While a large body is at work, which is copied more than once. Raises Refused when there are too many of them."""
        size = size if size > sizes.APART else 0
        if self._held and self._held + size > sizes.HELD:
            raise Refused(refusals.busy(service), "error")
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    async def _admitted(self, asked: Asked) -> Admitted:
        """Who sent it. Raises Refused."""
        try:
            if _large(asked):
                return await self._gate.admit_apart(asked.request, asked.model.signing_name)
            return self._gate.admit(asked.request, asked.model.signing_name)
        except AuthFailure as failure:
            log.debug("signature_refused", target=asked.model.name, flaw=failure.flaw.value, error=str(failure))
            raise Refused(refusals.unbelieved(failure, asked.aimed.protocol), "unauthenticated") from None
        except JournalError as error:
            log.error("keys_unreadable", error=str(error))
            raise Refused(refusals.broken(asked.model.name), "error") from None

    async def _check(self, asked: Asked, needs: Sequence[Need], admitted: Admitted) -> None:
        """Whether the caller may. Raises Refused."""
        for need in needs:
            if why := self._gate.refusal(admitted.caller, admitted.context, need, await self._policy(asked.service, need)):
                raise Refused(refusals.unauthorised(why, asked.service.name, asked.codec.status), "denied")

    async def _policy(self, service: Service, need: Need) -> Policy | None:
        """That of the resource, which may be another service's: of the queue that a topic or a rule is to fill."""
        owner = need.action.partition(":")[0]
        if self._services.has(owner) and not service.name.startswith(owner):  # DynamoDB's streams are DynamoDB's
            service = await self._services.get(owner)
        return service.policy(need.resource)


def _large(asked: Asked) -> bool:
    """Whether to read it would hold up others."""
    return len(asked.request.body) > sizes.APART


def _came_of(status: int) -> str:
    """The outcome of an answer of which only its status is known."""
    return "ok" if status < 400 else "error" if status >= 500 else "denied" if status == 403 else "refused"


def _read(asked: Asked, found: Found) -> dict[str, Any]:
    """The operation's input. Raises Refused."""
    try:
        members = asked.codec.read(asked.model, found, sizes.unpacked(asked.request, asked.model.name))
        if found.operation.input is not None:
            values.complete(found.operation.input, members)
    except values.Malformed as error:
        raise Refused(refusals.malformed(str(error), asked.model.name), "refused") from None
    except values.Incomplete as error:
        raise Refused(refusals.incomplete(error.places, asked.model.name), "refused") from None
    return members
