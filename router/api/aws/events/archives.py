"""EventBridge's operations on archives and replays. A bus has one archive, which is a part of its declaration."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from router.api.aws.events.buses import Buses
from router.api.aws.events.members import invalid, missing, number, page, refuse, structure, text, texts
from router.api.aws.events.place import archive_arn, bus_arn, replay_arn, rule_in
from router.api.aws.events.rules import checked
from router.api.aws.service import AwsError, Call, Members
from router.api.declared import Declared, Unit
from router.clock import Clock
from router.config.settings import DAY
from router.config.types import Bus
from router.errors import InvalidParameter
from router.events.eventbridge import LATEST, Place
from router.sources.bus_store import Replay

ENABLED: Final = "ENABLED"
DAYS: Final = 3650  # that the config takes
_STATES: Final = ("ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED")
_TIMES: Final = ("EventStartTime", "EventEndTime")


class Kept(Protocol):
    """What keeps events and replays them: the buses' source."""

    async def start_replay(self, replay: Replay) -> str:
        """See BusSource."""
        ...

    async def cancel_replay(self, name: str) -> None:
        """See BusSource."""
        ...

    async def replays(self) -> list[Replay]:
        """All replays, the newest first."""
        ...

    async def archived(self) -> dict[str, tuple[int, int]]:
        """Per bus: archived events, and their bytes."""
        ...

    async def emptying(self, bus: str) -> Unit:
        """See BusSource."""
        ...

    async def empty(self, bus: str) -> None:
        """See BusSource."""
        ...


class Archives:
    """What is done with archives and replays."""

    def __init__(self, declared: Declared, buses: Buses, source: Callable[[], Kept], place: Place, clock: Clock) -> None:
        self._declared, self._buses, self._source, self._place, self._clock = declared, buses, source, place, clock
        self._turn = buses.turn

    # -- archives

    async def create(self, call: Call) -> Members:
        """CreateArchive: an empty one."""
        given = call.parameters
        refuse(given, "KmsKeyIdentifier")
        name, arn = text(given, "ArchiveName"), text(given, "EventSourceArn")
        async with self._turn:
            bus = self._bus_at(arn)
            if name in self._all():
                raise AwsError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
            if bus.archive:
                raise AwsError("LimitExceededException", f"Event bus {bus.name} has an archive, {_name(bus)}; here a bus has one.")
            await self._declare(bus, {"name": name, **_settings(given)}, await self._source().emptying(bus.name))
            await self._source().empty(bus.name)  # of all that the bus had: what config.yaml once kept is another archive's
        return self._answer(name)

    async def update(self, call: Call) -> Members:
        """UpdateArchive: what is not said stays."""
        refuse(call.parameters, "KmsKeyIdentifier")
        name = text(call.parameters, "ArchiveName")
        async with self._turn:
            bus = self._of(name)
            value = self._value(bus)
            await self._declare(bus, {**value, **_settings(call.parameters, value)})
        return self._answer(name)

    async def delete(self, call: Call) -> Members:
        """DeleteArchive, with all that is in it."""
        async with self._turn:
            bus = self._of(text(call.parameters, "ArchiveName"))
            source = self._source()
            await self._declare(bus, None, await source.emptying(bus.name))
            await source.empty(bus.name)
        return {}

    async def describe(self, call: Call) -> Members:
        """DescribeArchive."""
        bus = self._of(text(call.parameters, "ArchiveName"))
        pattern = {"EventPattern": json.dumps(bus.archive_pattern, separators=(",", ":"))} if bus.archive_pattern is not None else {}
        description = {"Description": bus.archive_description} if bus.archive_description else {}
        arn = {"ArchiveArn": archive_arn(self._place, _name(bus))}
        return arn | self._row(bus, await self._source().archived()) | pattern | description

    async def many(self, call: Call) -> Members:
        """ListArchives."""
        given = call.parameters
        wanted = _one_of(given, "NamePrefix", "EventSourceArn", "State")
        if wanted[0] == "EventSourceArn":
            self._bus_at(wanted[1])  # one that is not there is told so
        counts = await self._source().archived()
        rows = [(name, self._row(bus, counts)) for name, bus in self._all().items()]
        return page(given, [row for row in rows if _matches(row[1], "ArchiveName", wanted)], "Archives")

    def _row(self, bus: Bus, counts: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        events, size = counts.get(bus.name, (0, 0))
        made = (self._fragment(bus.name).about if self._fragment(bus.name) is not None else {}).get("archived")
        return {
            "ArchiveName": _name(bus),
            "EventSourceArn": bus_arn(self._place, bus.name),
            "State": ENABLED,
            "RetentionDays": 0 if bus.archive == float("inf") else max(1, round(bus.archive / DAY)),
            "SizeBytes": size,
            "EventCount": events,
        } | ({"CreationTime": made} if made else {})

    def _answer(self, name: str) -> dict[str, Any]:
        row = self._row(self._of(name), {})
        made = {"CreationTime": row["CreationTime"]} if "CreationTime" in row else {}
        return {"ArchiveArn": archive_arn(self._place, name), "State": ENABLED} | made

    def _all(self) -> dict[str, Bus]:
        """Archives by name."""
        return {_name(bus): bus for bus in self._declared.config.buses.values() if bus.archive}

    def _of(self, name: str) -> Bus:
        found = self._all().get(name)
        if found is None:
            raise missing(f"Archive {name} does not exist.")
        return found

    def _bus_at(self, arn: str, parameter: str = "EventSourceArn") -> Bus:
        own = bus_arn(self._place, "")
        if not arn.startswith(own):
            raise invalid(f"Parameter {parameter} is not valid. Reason: Provided Arn is not in correct format.")
        return self._buses.of(arn.removeprefix(own))

    def _fragment(self, bus: str) -> Any:
        return self._declared.get("buses", bus)

    def _value(self, bus: Bus) -> dict[str, Any]:
        fragment = self._fragment(bus.name)
        found = fragment.value.get("archive") if fragment is not None and isinstance(fragment.value, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {"retention": "forever", "name": _name(bus)}

    async def _declare(self, bus: Bus, archive: Mapping[str, Any] | None, *beside: Unit) -> None:
        fragment = self._fragment(bus.name)
        about = dict(fragment.about) if fragment is not None else {}
        about = {key: value for key, value in about.items() if key != "archived" or archive is not None}
        if archive is not None and "archived" not in about:
            about["archived"] = self._clock.now()

        def change(value: dict[str, Any]) -> dict[str, Any]:
            rest = {key: one for key, one in value.items() if key != "archive"}
            return rest | ({"archive": dict(archive)} if archive is not None else {})

        await self._buses.change(bus.name, change, about, beside)

    # -- replays

    async def start(self, call: Call) -> Members:
        """StartReplay."""
        given = call.parameters
        name, bus = text(given, "ReplayName"), self._archived(text(given, "EventSourceArn"))
        if not name:  # the source would make one
            raise invalid("Parameter ReplayName is not valid.")
        to = structure(given, "Destination")
        if self._bus_at(text(to, "Arn"), "Destination.Arn") != bus:
            raise invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
        start, finish = (_moment(given, key) for key in _TIMES)
        if start >= finish:
            raise invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
        rules = tuple(self._rule(arn, bus.name) for arn in texts(to, "FilterArns"))
        if await self._replay(name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
        try:
            await self._source().start_replay(Replay(name, bus.name, start, finish, rules, description=text(given, "Description", "")))
        except InvalidParameter as error:
            raise (AwsError("LimitExceededException", str(error)) if "go on already" in str(error) else invalid(str(error))) from error
        begun = await self._replay(name)
        assert begun is not None
        return {"ReplayArn": replay_arn(self._place, name), "State": "STARTING", "ReplayStartTime": begun.began}

    def _archived(self, arn: str) -> Bus:
        own = archive_arn(self._place, "")
        if not arn.startswith(own):
            raise invalid("Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.")
        name = arn.removeprefix(own)
        if name not in self._all():
            raise invalid(f"Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist.")
        return self._of(name)

    def _rule(self, arn: str, bus: str) -> str:
        other, name = rule_in(arn, self._place)
        if other != bus:
            raise missing(f"Rule {name} does not exist on EventBus {bus}.")
        return name

    async def cancel(self, call: Call) -> Members:
        """CancelReplay."""
        name = text(call.parameters, "ReplayName")
        await self._there(name)
        try:
            await self._source().cancel_replay(name)
        except InvalidParameter as error:
            raise AwsError("IllegalStatusException", f"Replay {name} is not in a valid state for this operation.") from error
        return {"ReplayArn": replay_arn(self._place, name), "State": "CANCELLING"}

    async def describe_replay(self, call: Call) -> Members:
        """DescribeReplay."""
        found = await self._there(text(call.parameters, "ReplayName"))
        to: dict[str, Any] = {"Arn": bus_arn(self._place, found.bus)}
        if found.rules:
            own = bus_arn(self._place, "").replace(":event-bus/", ":rule/")
            to["FilterArns"] = [own + (rule if found.bus == "default" else f"{found.bus}/{rule}") for rule in found.rules]
        described = {"Description": found.description} if found.description else {}
        return {"ReplayArn": replay_arn(self._place, found.name), "Destination": to} | self._replay_row(found) | described

    async def many_replays(self, call: Call) -> Members:
        """ListReplays."""
        wanted = _one_of(call.parameters, "NamePrefix", "EventSourceArn", "State")
        rows = [(found.name, self._replay_row(found)) for found in await self._source().replays()]
        return page(call.parameters, [row for row in rows if _matches(row[1], "ReplayName", wanted)], "Replays")

    def _replay_row(self, found: Replay) -> dict[str, Any]:
        bus = self._declared.config.buses.get(found.bus)
        made = {
            "ReplayName": found.name,
            "EventSourceArn": archive_arn(self._place, _name(bus) if bus is not None else found.bus),
            "State": found.state,
            "StateReason": found.reason,
            "EventStartTime": found.start,
            "EventEndTime": found.finish,
            "EventLastReplayedTime": found.at if found.events else None,
            "ReplayStartTime": found.began,
            "ReplayEndTime": found.ended,
        }
        return {key: value for key, value in made.items() if value not in {None, ""}}

    async def _replay(self, name: str) -> Replay | None:
        return next((one for one in await self._source().replays() if one.name == name), None)

    async def _there(self, name: str) -> Replay:
        found = await self._replay(name)
        if found is None:
            raise missing(f"Replay {name} does not exist.")
        return found


def _moment(given: Members, key: str) -> float:
    """A time of a request, epoch seconds."""
    value = given.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise invalid(f"Parameter {key} is not valid.")
    return float(value)


def _name(bus: Bus) -> str:
    """The name of a bus's archive."""
    return bus.archive_name or bus.name


def _settings(given: Members, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Retention, pattern and description as config.yaml has them."""
    value: dict[str, Any] = {}
    if given.get("RetentionDays") is not None or before is None:
        days = number(given, "RetentionDays", 0, low=0, high=DAYS)
        value["retention"] = f"{days}d" if days else "forever"
    if pattern := text(given, "EventPattern", ""):
        checked(pattern)
        value["pattern"] = json.loads(pattern)
    if given.get("Description") is not None:
        value["description"] = text(given, "Description")
    return value


def _one_of(given: Members, *keys: str) -> tuple[str, str]:
    """The one filter that is given: ("", "") without any."""
    found = [(key, text(given, key)) for key in keys if given.get(key)]
    if len(found) > 1:
        raise invalid(f"At most one filter is allowed for {', '.join(keys)}.")
    if (
        found
        and found[0][0] == "State"
        and found[0][1] not in {*_STATES, "STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"}
    ):
        raise invalid("Parameter State is not valid.")
    return found[0] if found else ("", "")


def _matches(row: Mapping[str, Any], named: str, wanted: tuple[str, str]) -> bool:
    key, value = wanted
    if not key:
        return True
    return str(row[named]).startswith(value) if key == "NamePrefix" else row[key] == value
