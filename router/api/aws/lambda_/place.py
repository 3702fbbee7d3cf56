"""Names of Lambda's resources, and what a request names. Pure."""

import base64
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from router.api.aws.service import AwsError, Call, Members, Need
from router.errors import ConfigError, FunctionNotFound, InvalidParameter
from router.functions.registry import OtherRegion, named
from router.names import function_arn

_SPACE: Final = uuid.UUID("6f7b0f6e-6a30-5a0c-9a0e-0d4a5a9a3d10")  # of ids that follow from what they name
_AFTER: Final = "after:"  # what a marker begins with
_URL_AUTH: Final = (("AuthType", "lambda:functionurlauthtype"),)
_LAYERS: Final = (("Layers", "lambda:layer"),)
_CONDITIONS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {  # action → member, condition key: service authorization reference of Lambda
    "AddPermission": (("Principal", "lambda:principal"), ("FunctionUrlAuthType", "lambda:functionurlauthtype")),
    "CreateFunctionUrlConfig": _URL_AUTH,
    "UpdateFunctionUrlConfig": _URL_AUTH,
    "CreateFunction": _LAYERS,
    "UpdateFunctionConfiguration": _LAYERS,
}
NOTHING: Final = "The resource you requested does not exist."
UNQUALIFIED: Final = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


class Place(NamedTuple):
    """Where the daemon's functions are said to be."""

    region: str
    account: str

    def arn(self, name: str, qualifier: str = "") -> str:
        """Of a function, qualified when a qualifier is given."""
        return function_arn(self.region, self.account, name) + (f":{qualifier}" if qualifier else "")

    def mapping_arn(self, mapping_id: str) -> str:
        """Of an event source mapping."""
        return f"arn:aws:lambda:{self.region}:{self.account}:event-source-mapping:{mapping_id}"

    def mapping_of(self, resource: str) -> str:
        """The id of an event source mapping's ARN; "" for another ARN."""
        prefix = self.mapping_arn("")
        return resource.removeprefix(prefix) if resource.startswith(prefix) else ""

    def layer_arn(self, name: str, version: int | None = None) -> str:
        """Of a layer, or of one of its versions."""
        return f"arn:aws:lambda:{self.region}:{self.account}:layer:{name}" + ("" if version is None else f":{version}")

    def role_arn(self, role: str) -> str:
        """Of a role; "" of none."""
        return f"arn:aws:iam::{self.account}:role/{role}" if role else ""

    def resource(self, members: Members) -> str:
        """The ARN of the function that a request is about, as far as its text tells; "*" when it tells nothing."""
        found = named(str(members.get("FunctionName") or ""), str(members.get("Qualifier") or ""))
        if found is None:
            return "*"
        region, account, name, qualifier = found
        return function_arn(region or self.region, account or self.account, name) + (f":{qualifier}" if qualifier else "")

    def target(self, resource: str) -> str:
        """NAME or NAME:QUALIFIER of a function's ARN; "" for another ARN."""
        prefix = function_arn(self.region, self.account, "")
        return resource.removeprefix(prefix) if resource.startswith(prefix) else ""

    def tagging(self, call: Call) -> Sequence[Need]:
        """What it takes beside to make a function with tags."""
        return [Need("lambda:TagResource", self.resource(call.parameters))] if call.parameters.get("Tags") else []

    def needing(self, action: str, *more: Callable[[Call], Sequence[Need]]) -> Callable[[Call], Sequence[Need]]:
        """What an operation on a function needs: the action on it, and *more*."""

        def needs(call: Call) -> Sequence[Need]:
            resource = self.resource(call.parameters)
            context = conditions(action, call.parameters) | ({"lambda:functionarn": (resource,)} if "FunctionUrlConfig" in action else {})
            return [Need(f"lambda:{action}", resource, context), *(need for one in more for need in one(call))]

        return needs


def conditions(action: str, members: Members) -> dict[str, tuple[str, ...]]:
    """The condition keys that an action has of what is asked for."""
    found = {key: members[member] for member, key in _CONDITIONS.get(action, ()) if members.get(member)}
    return {key: tuple(map(str, value)) if isinstance(value, list) else (str(value),) for key, value in found.items()}


def identity(*parts: str) -> str:
    """A UUID that follows from *parts*: the same for the same."""
    return str(uuid.uuid5(_SPACE, "\0".join(part.encode(errors="replace").decode() for part in parts)))


def text(members: Mapping[str, Any], name: str) -> str:
    """A member that is text; "" when it is missing."""
    return str(members.get(name) or "")


def invalid(message: str) -> AwsError:
    """InvalidParameterValueException."""
    return AwsError("InvalidParameterValueException", message)


def missing(message: str = NOTHING) -> AwsError:
    """ResourceNotFoundException."""
    return AwsError("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    """ResourceConflictException."""
    return AwsError("ResourceConflictException", message, 409)


def stale() -> AwsError:
    """PreconditionFailedException."""
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


@contextmanager
def missed(told: Callable[[str], str]) -> Iterator[None]:
    """That a function, a version or an alias is not there is said in the operation's own words; *told*: its ARN → they. Raises AwsError."""
    try:
        yield
    except OtherRegion:
        raise
    except FunctionNotFound as error:
        raise missing(told(error.arn)) from None


@contextmanager
def needed(what: str) -> Iterator[None]:
    """While *what* is taken away: that something else names it is said as that. Raises AwsError."""
    try:
        yield
    except (InvalidParameter, ConfigError) as error:
        raise conflict(f"{what} is still needed: {error}") from error


def page(rows: Iterable[Any], members: Members, *, key: str, limit: int, order: Callable[[Any], str]) -> dict[str, Any]:
    """One page of *rows* under *key*, and NextMarker when there are more. *limit*: rows of a page at most; *order*: a text of its own for each
    row, by which they stand. A marker is that of the row before: who deletes what a page shows finds all of the next. Raises AwsError."""
    size, after = min(int(members.get("MaxItems") or limit), limit), _after(text(members, "Marker"))
    left = sorted((row for row in rows if order(row) > after), key=order)
    shown = left[:size]
    more = {"NextMarker": base64.urlsafe_b64encode(f"{_AFTER}{order(shown[-1])}".encode()).decode()} if len(left) > size else {}
    return {key: shown, **more}


def _after(marker: str) -> str:
    """What the row before was, "" for none. Raises AwsError."""
    try:
        told = base64.b64decode(marker, altchars=b"-_", validate=True).decode() if marker else _AFTER
    except ValueError:
        told = ""
    if not told.startswith(_AFTER):
        raise invalid("Invalid pagination token")
    return told.removeprefix(_AFTER)
