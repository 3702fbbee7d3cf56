"""Event invoke config: how Event invocations of a function are retried, how old they may get, where their records go.

It is a function's own here, for its versions and aliases too; of one of these alone it is refused."""

from typing import Any, Final

from router.api.aws.lambda_.authority import may_send
from router.api.aws.lambda_.place import Place, invalid, missed, missing, page, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.lambda_.settings import Settings, applied, destinations
from router.api.aws.service import Call, Members
from router.config.types import Destination, Function
from router.events import arns
from router.names import LATEST

PAGE: Final = 50
_KEYS: Final = ("maximum_retry_attempts", "maximum_event_age", "on_success", "on_failure")
_PLAIN: Final = {"MaximumRetryAttempts": "maximum_retry_attempts", "MaximumEventAgeInSeconds": "maximum_event_age"}
_GIVEN: Final = (*_PLAIN, "DestinationConfig")
_COLONS: Final = 6  # of a function's ARN that has no qualifier
_NOTE: Final = "event_invoke"  # in what is kept with a function: when it was configured


class Asynchronous:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def put(self, call: Call) -> Members:
        """PutFunctionEventInvokeConfig: all of it anew."""
        _refuse_none(call.parameters)
        return await self._set(call, dict.fromkeys(_KEYS))

    async def update(self, call: Call) -> Members:
        """UpdateFunctionEventInvokeConfig: what is named."""
        _refuse_none(call.parameters)
        with missed(_absent):
            self._configured(self._name(call.parameters))
        return await self._set(call, {})

    async def get(self, call: Call) -> Members:
        """GetFunctionEventInvokeConfig."""
        with missed(_unset):
            return self._configured(self._name(call.parameters))

    async def list(self, call: Call) -> Members:
        """ListFunctionEventInvokeConfigs."""
        name = self._rooms.name({"FunctionName": text(call.parameters, "FunctionName")})
        found = self._document(name)
        rows = [found] if found is not None else []
        return page(rows, call.parameters, key="FunctionEventInvokeConfigs", limit=PAGE, order=lambda row: str(row["FunctionArn"]))

    async def delete(self, call: Call) -> Members:
        """DeleteFunctionEventInvokeConfig."""
        with missed(_unset):
            name = self._name(call.parameters)
        self._configured(name)
        async with self._rooms.turns.of(name):
            fragment = self._rooms.own(name)
            about = {key: value for key, value in fragment.about.items() if key != _NOTE}
            await self._rooms.declared.put(FUNCTIONS, name, applied(fragment.value, dict.fromkeys(_KEYS)), about)
        return {}

    async def _set(self, call: Call, changes: dict[str, Any]) -> dict[str, Any]:
        members, rooms = call.parameters, self._rooms
        with missed(_absent):
            name = self._name(members)
        async with rooms.turns.of(name):
            fragment = rooms.own(name)
            changes |= {key: members[member] for member, key in _PLAIN.items() if members.get(member) is not None}
            sent = _destinations(members, rooms.place)
            if {"function": name} in sent.values():
                raise invalid("You can't specify the function as a destination for itself.")
            may_send(rooms.config, rooms.place, name, fragment.value.get("role", ""), sent)
            changes |= sent
            about = {**fragment.about, _NOTE: rooms.clock.now()}
            await rooms.declared.put(FUNCTIONS, name, applied(fragment.value, changes), about)
        return self._configured(name)

    def _name(self, members: Members) -> str:
        """Raises RouterError."""
        target = self._rooms.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        name, _, qualifier = target.partition(":")
        if qualifier not in {"", LATEST}:
            raise invalid("Event invoke config is a function's own here, not a version's or an alias's: name the function alone")
        return name

    def _configured(self, name: str) -> dict[str, Any]:
        """Raises AwsError when nothing is configured."""
        found = self._document(name)
        if found is None:
            raise missing(_unset(self._rooms.place.arn(name)))
        return found

    def _document(self, name: str) -> dict[str, Any] | None:
        function, fragment = self._rooms.config.functions[name], self._rooms.declared.get(FUNCTIONS, name)
        default = Function(name, function.code, "")
        touched = any(getattr(function, key) != getattr(default, key) for key in _KEYS)
        at = fragment.about.get(_NOTE) if fragment is not None else None
        if at is None and not touched:
            return None
        said = set(_KEYS) if fragment is None else fragment.value.keys()  # of one through the API what was not set is not told
        return {
            "FunctionArn": self._rooms.place.arn(name, LATEST),
            "LastModified": float(at if at is not None else _stamp(self._rooms, name)),
            **{member: int(getattr(function, key)) for member, key in _PLAIN.items() if key in said},
            "DestinationConfig": {"OnSuccess": self._sent(function.on_success), "OnFailure": self._sent(function.on_failure)},
        }

    def _sent(self, destination: Destination | None) -> dict[str, str]:
        if destination is None:
            return {}
        place = self._rooms.place
        return {"Destination": arns.spelled(destination.kind, destination.name, region=place.region, account=place.account)}


def _absent(_: str) -> str:
    return "The function doesn't exist."


def _unset(arn: str) -> str:
    """Of a function's ARN, or of a version's or an alias's."""
    return f"The function {arn if arn.count(':') > _COLONS else f'{arn}:{LATEST}'} doesn't have an EventInvokeConfig"


def _refuse_none(members: Members) -> None:
    """Raise AwsError when nothing is set."""
    if all(members.get(member) is None for member in _GIVEN):
        raise invalid("You must specify at least one of error handling or destination setting.")


def _destinations(members: Members, place: Place) -> Settings:
    """Both destinations when DestinationConfig is given, which stands for what there was; none of them otherwise. Raises AwsError."""
    given = members.get("DestinationConfig")
    return {} if given is None else {"on_success": None, "on_failure": None} | destinations(given, place)


def _stamp(rooms: Rooms, name: str) -> float:
    """When the code that runs was taken up: config.yaml does not say when its settings were written."""
    try:
        return rooms.functions.get(name).code.stat().st_mtime
    except OSError:
        return 0.0
