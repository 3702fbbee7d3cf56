"""STS: who a caller is.

Source: AWS Security Token Service API reference."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from router.api.aws.service import Call, Members, Need, Operation
from router.iam.policy import Policy


class Sts:
    """See service.Service."""

    name: ClassVar[str] = "sts"

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What is done here."""
        return {"GetCallerIdentity": Operation(self._identity, _nothing)}

    def policy(self, resource: str) -> Policy | None:  # noqa: ARG002 - as all services
        """Sessions have none."""
        return None

    async def _identity(self, call: Call) -> Members:
        """Never denied, as on AWS."""
        who = call.caller.principal
        return {"UserId": who.id, "Account": who.account, "Arn": who.arn}


def _nothing(call: Call) -> Sequence[Need]:  # noqa: ARG001 - as all
    return ()
