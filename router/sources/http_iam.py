"""Function URLs with `auth: iam`: who signed a request, and whether they may call the function.

The caller's policies and the function's own (AddPermission) decide together. Two actions are needed, as of AWS since October 2025: lambda:InvokeFunctionUrl and, with lambda:InvokedViaFunctionUrl,
lambda:InvokeFunction. Who may sign is looked up with every request: a key that was revoked a moment ago is refused."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from router import names
from router.credentials import Signers
from router.errors import JournalError
from router.events.gateway import Arrival, Asked, Denied, Passage, secure
from router.events.http import Request
from router.iam import telling
from router.iam.auth_errors import AuthFailure, Flaw
from router.iam.callers import Caller, context_of
from router.iam.claims import Where
from router.iam.evaluation import Request as Action
from router.iam.evaluation import evaluate
from router.sources.base import House, Outlet

log = structlog.get_logger("router.http")

SERVICE: Final = "lambda"
FORBIDDEN: Final = Denied(403, {"Message": "Forbidden"}, "AccessDeniedException")
UNREADABLE: Final = Denied(500, {"Message": "Internal Server Error"}, "InternalServerErrorException")

_ACTIONS: Final[Mapping[str, Mapping[str, str]]] = {  # and the condition keys that each has of its own
    "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": "AWS_IAM"},
    "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": "true"},
}


class IamGuard:
    """Lets in who signed and may; see http_face.Guard."""

    def __init__(self, target: str, house: House, signers: Signers) -> None:
        """*target*: what the URL invokes, NAME or NAME:QUALIFIER; who may call one of them may not for that call another."""
        config = house.config
        self._arn = names.function_arn(config.region, config.account, target)
        self._where = Where(config.region, SERVICE)
        self._account, self._clock, self._signers = config.account, house.clock, signers
        self._target, self._policy = target, house.policy

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:  # noqa: ARG002 - as all guards
        """403 in AWS's words for everybody else."""
        try:
            caller = self._caller(asked.request)
        except AuthFailure as failure:
            log.debug("signature_refused", target=self._arn, flaw=failure.flaw.value, error=str(failure))
            return refusal(failure)
        except JournalError as error:
            log.error("keys_unreadable", error=str(error))
            return UNREADABLE
        if denied := self._denied(caller, asked.request):
            log.debug("caller_denied", target=self._arn, error=denied)
            return FORBIDDEN
        return Passage({"iam": identity(caller)})

    def _caller(self, request: Request) -> Caller:
        """Who signed it. Raises AuthFailure, JournalError."""
        return self._signers.whole(request, self._where, self._clock.now())[0]

    def _denied(self, caller: Caller, request: Request) -> str:
        """Why the caller may not; "" when nothing is against it."""
        context = context_of(
            caller,
            None,
            address=request.peer,
            secure=secure(request),
            agent=request.header("user-agent"),
            referer=request.header("referer"),
            region=self._where.region,
            now=self._clock.now(),
        )
        context["lambda:functionarn"] = (self._arn,)
        policies = caller.policies._replace(resource=self._policy(self._target))
        for name, more in _ACTIONS.items():
            asked = Action(name, self._arn, caller.principal, context | {key: (value,) for key, value in more.items()}, self._account)
            decision = evaluate(asked, policies)
            if not decision.allowed:
                return telling.denial(asked, decision)
        return ""


def identity(caller: Caller) -> Mapping[str, Any]:
    """requestContext.authorizer.iam: sample in tests/golden/function_url_post_auth_iam.json."""
    who = caller.principal
    return {
        "accessKey": caller.key_id,
        "accountId": who.account,
        "callerId": who.id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": who.arn,
        "userId": who.id,
    }


def refusal(failure: AuthFailure) -> Denied:
    """The answer to who is not believed; without a signature it is that to who may not."""
    if failure.flaw is Flaw.UNSIGNED:
        return FORBIDDEN
    told = failure.told("json")
    return Denied(told.status, {"message": told.message}, told.code)
