"""The gate of the AWS endpoint: who sent a request, and whether they may do what it asks for.

Who may sign is looked up with every request: a key that was revoked a moment ago is refused. Every decision is logged at
debug level, with why."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from router.api.aws.service import Need
from router.clock import Clock
from router.config.types import Config
from router.credentials import Signers, believed, signed
from router.events.gateway import secure
from router.events.http import Request
from router.iam import telling
from router.iam.callers import Caller, Realm, context_of
from router.iam.claims import Where
from router.iam.evaluation import Request as Action
from router.iam.evaluation import evaluate
from router.iam.policy import Policy
from router.iam.sigv4 import Verified
from router.iam.variables import Context

log = structlog.get_logger("router.aws")


class Admitted(NamedTuple):
    """A request whose sender is known."""

    caller: Caller
    verified: Verified  # what its body is checked with (iam/payload.py)
    context: Context  # the condition keys that every request has


class Gate:
    """See above. A service with a wire of its own (S3) asks it itself."""

    def __init__(self, config: Config, signers: Signers, clock: Clock) -> None:
        self.region, self.account = config.region, config.account
        self._signers, self._clock = signers, clock

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self._clock.now()

    def realm(self) -> Realm:
        """Everybody who may sign now. Raises JournalError."""
        return self._signers.realm()

    def where(self, service: str) -> Where:
        """What signatures for a service must be made for; *service*: its signing name."""
        return Where(self.region, service)

    def admit(self, request: Request, service: str) -> Admitted:
        """Who sent a request whose body is here whole. Raises AuthFailure, JournalError."""
        caller, verified = self._signers.whole(request, self.where(service), self._clock.now())
        return self.admitted(request, caller, verified)

    async def admit_apart(self, request: Request, service: str) -> Admitted:
        """The same; the body, which is large, is digested beside the loop."""
        caller, verified = await asyncio.to_thread(believed, self.realm(), request, self.where(service), self._clock.now())
        return self.admitted(request, caller, verified)

    def admit_head(self, request: Request, service: str, payload: Callable[[], str]) -> Admitted:
        """Who sent a request of which only the head is looked at; its body is to be checked against *payload* and verified.

        *payload*: the last line of the canonical request; asked for only when the key is known. Raises AuthFailure, JournalError."""
        found = self.realm().authenticate(signed(request), self.where(service), self._clock.now(), payload)
        return self.admitted(request, *found)

    def admitted(self, request: Request, caller: Caller, verified: Verified) -> Admitted:
        """With the condition keys that follow from the request and its sender."""
        return Admitted(caller, verified, self.context(request, caller, verified))

    def context(self, request: Request, caller: Caller, verified: Verified | None) -> dict[str, tuple[str, ...]]:
        """The condition keys that every request has."""
        return context_of(
            caller,
            verified.signed if verified is not None else None,
            address=request.peer,
            secure=secure(request),
            agent=request.header("user-agent"),
            referer=request.header("referer"),
            region=self.region,
            now=self._clock.now(),
        )

    def refusal(self, caller: Caller, context: Context, need: Need, resource: Policy | None = None) -> str:
        """Why the caller may not, in AWS's words; "" when they may. *resource*: the policy of the resource itself."""
        asked = Action(need.action, need.resource, caller.principal, {**context, **need.context}, self.account)
        decision = evaluate(asked, caller.policies._replace(resource=resource))
        log.debug(
            "call_decided",
            caller=caller.principal.arn,
            action=need.action,
            resource=need.resource,
            allowed=decision.allowed,
            why=telling.verdict(decision),
        )
        return "" if decision.allowed else telling.denial(asked, decision)
