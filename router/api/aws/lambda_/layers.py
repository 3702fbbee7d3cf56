"""PublishLayerVersion and what belongs to it."""

from collections.abc import Sequence
from typing import Any, Final

from router.api.aws.lambda_ import code
from router.api.aws.lambda_.place import Place, invalid, missing, page, text
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.lambda_.shelf import ARN
from router.api.aws.service import AwsError, Call, Members, Need
from router.functions.layer_store import LayerVersion
from router.functions.uploads import sha256_of
from router.names import iso_ms

PAGE: Final = 50  # layers of a list
_NEWEST: Final = 9_999_999_999  # more versions than any layer gets
_FOR: Final = ("CompatibleRuntimes", "CompatibleArchitectures")
_SAID: Final = ("Description", *_FOR, "LicenseInfo")


class Layers:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def publish(self, call: Call) -> Members:
        """PublishLayerVersion."""
        members, rooms = call.parameters, self._rooms
        name = rooms.layers.named(text(members, "LayerName"))
        async with rooms.turns.of(f"layer:{name}"):
            sha256 = sha256_of(await code.kept(rooms, members.get("Content") or {}))
            archive = rooms.uploads.path(sha256)
            size = archive.stat().st_size if archive is not None else 0
            about = {key: members[key] for key in _SAID if members.get(key)}
            found = await rooms.layers.store.publish(name, sha256, size, about, rooms.clock.now())
        return {**dict.fromkeys(_FOR, ()), **self._document(found, content=True)}

    async def get(self, call: Call) -> Members:
        """GetLayerVersion."""
        return self._document(self._found(call), content=True)

    async def get_by_arn(self, call: Call) -> Members:
        """GetLayerVersionByArn."""
        try:
            found = self._rooms.layers.at(text(call.parameters, "Arn"))
        except AwsError as error:
            raise missing() from error
        return self._document(found, content=True)

    async def versions(self, call: Call) -> Members:
        """ListLayerVersions: the newest first."""
        name = self._rooms.layers.named(text(call.parameters, "LayerName"))
        rows = [self._document(one) for one in reversed(self._rooms.layers.store.all()) if one.name == name and _fits(one, call)]
        return page(rows, call.parameters, key="LayerVersions", limit=PAGE, order=lambda row: f"{_NEWEST - row['Version']:010}")

    async def list(self, call: Call) -> Members:
        """ListLayers: each with its newest version."""
        newest = {one.name: one for one in self._rooms.layers.store.all() if _fits(one, call)}
        rows = [
            {"LayerName": name, "LayerArn": self._rooms.place.layer_arn(name), "LatestMatchingVersion": self._document(one)}
            for name, one in newest.items()
        ]
        return page(rows, call.parameters, key="Layers", limit=PAGE, order=lambda row: str(row["LayerName"]))

    async def delete(self, call: Call) -> Members:
        """DeleteLayerVersion: what is not there is gone already; functions that have it keep it."""
        name = self._rooms.layers.named(text(call.parameters, "LayerName"))
        async with self._rooms.turns.of(f"layer:{name}"):
            await self._rooms.layers.store.delete(name, _number(call))
            await code.swept(self._rooms)
        return {}

    def needs(self, action: str, *, version: bool = False) -> Any:
        """What an operation on a layer needs."""

        def needed(call: Call) -> Sequence[Need]:
            given = text(call.parameters, "LayerName")
            matched = ARN.fullmatch(given)
            number = call.parameters.get("VersionNumber") if version else None
            arn = given.removesuffix(f":{matched[4]}") if matched else self._rooms.place.layer_arn(given)
            return [Need(f"lambda:{action}", arn if number is None else f"{arn}:{number}")]

        return needed

    def _found(self, call: Call) -> LayerVersion:
        name = self._rooms.layers.named(text(call.parameters, "LayerName"))
        found: LayerVersion | None = self._rooms.layers.store.get(name, _number(call))
        if found is None:
            raise missing()
        return found

    def _document(self, one: LayerVersion, *, content: bool = False) -> dict[str, Any]:
        place: Place = self._rooms.place
        found: dict[str, Any] = {
            "LayerVersionArn": place.layer_arn(one.name, one.version),
            "Version": one.version,
            "Description": "",
            "CreatedDate": iso_ms(one.made).replace("Z", "+0000"),
            **one.about,
        }
        if content:
            archive = self._rooms.uploads.path(one.sha256)
            found["LayerArn"] = place.layer_arn(one.name)
            found["Content"] = {"CodeSha256": one.sha256, "CodeSize": one.size, "Location": archive.as_uri() if archive else ""}
        return found


def _number(call: Call) -> int:
    """The version that is meant. Raises AwsError."""
    number = int(call.parameters["VersionNumber"])
    if number < 1:
        raise invalid("Layer Version Cannot be less than 1")
    return number


def _fits(one: LayerVersion, call: Call) -> bool:
    """Whether a version is for what the caller asks for."""
    wanted = {"CompatibleRuntimes": text(call.parameters, "CompatibleRuntime")}
    wanted["CompatibleArchitectures"] = text(call.parameters, "CompatibleArchitecture")
    return all(not value or value in one.about.get(key, ()) for key, value in wanted.items())
