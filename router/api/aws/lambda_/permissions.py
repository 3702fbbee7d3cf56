"""AddPermission, RemovePermission, GetPolicy: functions' own policies, which count for who calls."""

import json
import re
from typing import Any, Final

from router.api.aws.lambda_.place import NOTHING, conflict, invalid, missed, missing, stale, text
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.service import AwsError, Call, Members
from router.iam.policy import BadPolicy
from router.names import LATEST, base

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_CONDITIONS: Final = (  # member, operator, key
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
)


class Permitting:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def add(self, call: Call) -> Members:
        """AddPermission. What config.yaml declares may be let others in to: the function itself does not change."""
        members, rooms = call.parameters, self._rooms
        with missed(lambda arn: _no_alias(arn) or f"Function not found: {arn}"):
            name = self._function(members)
        async with rooms.turns.of(name):
            if self._named(members).endswith(f":{LATEST}"):
                raise invalid(f"We currently do not support adding policies for {LATEST}.")
            target = self._target(members)
            statement = self._statement(members, target)
            if rooms.permissions.get(target, statement["Sid"]) is not None:
                raise conflict(
                    f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, "
                    "or remove the existing statement."
                )
            try:
                await rooms.permissions.add(target, statement)
            except BadPolicy as error:
                if not error.mistakes:
                    raise AwsError("PolicyLengthExceededException", "The final policy size is bigger than the limit (20480).") from error
                raise invalid("; ".join(one.message for one in error.mistakes)) from error
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    async def remove(self, call: Call) -> Members:
        """RemovePermission."""
        with missed(lambda arn: _no_alias(arn) or f"No policy found for: {arn}"):
            name = self._function(call.parameters)
        async with self._rooms.turns.of(name):
            target = self._target(call.parameters)
            sid = text(call.parameters, "StatementId")
            if not self._rooms.permissions.statements(target):
                raise missing("No policy is associated with the given resource.")
            if self._rooms.permissions.get(target, sid) is None:
                raise missing(f"Statement {sid} is not found in resource policy.")
            await self._rooms.permissions.remove(target, sid)
        return {}

    async def get(self, call: Call) -> Members:
        """GetPolicy."""
        with missed(lambda _: NOTHING):
            target = self._target(call.parameters, revision=False)
        document = self._rooms.permissions.document(target)
        if document is None:
            raise missing()
        return {"Policy": json.dumps(document, separators=(",", ":")), "RevisionId": self._revision(target)}

    def _function(self, members: Members) -> str:
        """Whose policies these are. Raises RouterError."""
        return base(self._named(members))

    def _named(self, members: Members) -> str:
        return self._rooms.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))

    def _target(self, members: Members, *, revision: bool = True) -> str:
        """NAME, or NAME:QUALIFIER; $LATEST is the function itself. Raises RouterError."""
        target = self._named(members).removesuffix(f":{LATEST}")
        if revision and text(members, "RevisionId") not in {"", self._revision(target)}:
            raise stale()
        return target

    def _revision(self, target: str) -> str:
        """Of what the policy is of: an alias has a revision of its own."""
        rooms, (name, _, qualifier) = self._rooms, target.partition(":")
        alias = rooms.alias(name, qualifier)
        return (
            rooms.revision(rooms.functions.get(name, qualifier)) if alias is None else str(rooms.alias_document(name, alias)["RevisionId"])
        )

    def _statement(self, members: Members, target: str) -> dict[str, Any]:
        name, _, qualifier = target.partition(":")
        conditions: dict[str, dict[str, Any]] = {}
        for member, operator, key in _CONDITIONS:
            if members.get(member) is not None:
                value = members[member]
                conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
        return {
            "Sid": text(members, "StatementId"),
            "Effect": "Allow",
            "Principal": _principal(text(members, "Principal")),
            "Action": text(members, "Action"),
            "Resource": self._rooms.place.arn(name, qualifier),
            **({"Condition": conditions} if conditions else {}),
        }


def _no_alias(arn: str) -> str:
    """What is said when it is an alias that is not there; "" of a function's ARN, or of a version's."""
    qualifier = ":".join(arn.split(":")[7:])
    return f"Cannot find alias arn: {arn}" if qualifier and not qualifier.isdigit() else ""


def _principal(given: str) -> Any:
    """As a policy spells it. Raises AwsError."""
    if given == "*":
        return "*"
    if _ACCOUNT.fullmatch(given):
        return {"AWS": f"arn:aws:iam::{given}:root"}
    if _SERVICE.fullmatch(given):
        return {"Service": given}
    if given.startswith("arn:"):
        return {"AWS": given}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")
