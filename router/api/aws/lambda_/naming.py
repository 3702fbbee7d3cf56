"""PublishVersion and aliases: what a function's qualifiers mean."""

from collections.abc import Collection
from typing import Any, Final

from router.api.aws.lambda_.place import conflict, invalid, missing, needed, page, stale, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.lambda_.settings import applied, refuse
from router.api.aws.service import Call, Members
from router.config.types import Alias
from router.errors import FunctionNotFound
from router.names import LATEST

PAGE: Final = 50  # aliases of a list


class Naming:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def publish(self, call: Call) -> Members:
        """PublishVersion. A function of config.yaml may be published too: it does not change by it."""
        members, rooms = call.parameters, self._rooms
        name = rooms.name(members)
        refuse(members)
        async with rooms.turns.of(name):
            rooms.same_revision(members, name)
            there, wanted = rooms.functions.get(name).sha256, text(members, "CodeSha256")
            if wanted and wanted != there:
                raise invalid(
                    f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({there}). "
                    "Please try again with the CodeSHA256 in $LATEST."
                )
            version = (await rooms.versions.publish(name, text(members, "Description")))["version"]
            return await rooms.document(rooms.functions.get(name, version), version)

    async def create(self, call: Call) -> Members:
        """CreateAlias."""
        members, rooms = call.parameters, self._rooms
        name, alias = rooms.name(members), text(members, "Name")
        async with rooms.turns.of(name):
            rooms.own(name)
            if rooms.alias(name, alias) is not None:
                raise conflict(f"Alias already exists: {rooms.place.arn(name, alias)}")
            return await self._put(name, alias, members)

    async def update(self, call: Call) -> Members:
        """UpdateAlias."""
        members, rooms = call.parameters, self._rooms
        name, alias = rooms.name(members), text(members, "Name")
        async with rooms.turns.of(name):
            found = self._found(name, alias)
            rooms.own(name)
            now = rooms.alias_document(name, found)
            if text(members, "RevisionId") not in {"", now["RevisionId"]}:
                raise stale()
            before: dict[str, Any] = {"FunctionVersion": found.version, "Description": now["Description"]}
            if found.other:
                before["RoutingConfig"] = {"AdditionalVersionWeights": {found.other: found.weight}}
            given = {key: value for key, value in members.items() if value is not None}
            return await self._put(name, alias, {**before, **given})

    async def get(self, call: Call) -> Members:
        """GetAlias."""
        name, alias = self._rooms.name(call.parameters), text(call.parameters, "Name")
        return self._rooms.alias_document(name, self._found(name, alias))

    async def list(self, call: Call) -> Members:
        """ListAliases."""
        name, version = self._rooms.name(call.parameters), text(call.parameters, "FunctionVersion")
        aliases = [one for one in self._rooms.functions.aliases(name) if version in {"", one.version, one.other}]
        rows = [self._rooms.alias_document(name, one) for one in aliases]
        return page(rows, call.parameters, key="Aliases", limit=PAGE, order=lambda row: str(row["Name"]))

    async def delete(self, call: Call) -> Members:
        """DeleteAlias, and its policy with it; one that is not there is gone already."""
        rooms = self._rooms
        name, alias = rooms.name(call.parameters), text(call.parameters, "Name")
        async with rooms.turns.of(name):
            fragment = rooms.own(name)
            aliases = {key: value for key, value in fragment.value.get("aliases", {}).items() if key != alias}
            about = {**fragment.about, "aliases": {k: v for k, v in fragment.about.get("aliases", {}).items() if k != alias}}
            value = applied(fragment.value, {"aliases": aliases or None})
            with needed(f"Alias {alias} of function {name}"):
                await rooms.declared.put(FUNCTIONS, name, value, about, **self._forgetting(name, alias))
        return {}

    def _forgetting(self, name: str, alias: str) -> dict[str, Any]:
        """That nobody is let in to an alias any more, with the change that takes it away or makes it."""
        permissions, target = self._rooms.permissions, f"{name}:{alias}"
        return {"beside": (permissions.forgetting(target),), "landed": (lambda: permissions.forget(target),)}

    async def _put(self, name: str, alias: str, members: Members) -> dict[str, Any]:
        rooms = self._rooms
        fragment = rooms.own(name)
        version, told = text(members, "FunctionVersion"), text(members, "Description")
        weights = dict((members.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
        _check(version, weights)
        for one in (version, *weights):
            self._exists(name, one)
        value = {"version": version, **({"weights": weights} if weights else {})}
        aliases = {**fragment.value.get("aliases", {}), alias: value}
        about = {**fragment.about, "aliases": {**fragment.about.get("aliases", {}), alias: told}}
        fresh = alias not in fragment.value.get("aliases", {})
        more = self._forgetting(name, alias) if fresh else {}
        await rooms.declared.put(FUNCTIONS, name, {**fragment.value, "aliases": aliases}, about, **more)
        return rooms.alias_document(name, self._found(name, alias))

    def _exists(self, name: str, version: str) -> None:
        """Raise FunctionNotFound when there is no such version."""
        if version != LATEST and version not in {one.version for one in self._rooms.versions.of(name)}:
            raise FunctionNotFound(self._rooms.place.arn(name, version))

    def _found(self, name: str, alias: str) -> Alias:
        """Raises AwsError."""
        found = self._rooms.alias(name, alias)
        if found is None:
            raise missing(f"Cannot find alias arn: {self._rooms.place.arn(name, alias)}")
        return found


def _check(version: str, weights: Collection[str]) -> None:
    """Raise AwsError for versions of which no alias can be."""
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if weights and (version == LATEST or LATEST in weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if version in weights:
        raise invalid(f"Invalid function version {version}. Function version {version} is already included in routing configuration.")
