"""Tags of functions and of event source mappings: ListTags, TagResource, UntagResource, and what CreateFunction and others are given."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from router.api.aws.lambda_.place import Place, invalid, text
from router.api.aws.lambda_.rooms import FUNCTIONS, Rooms
from router.api.aws.service import Call, Members, Need
from router.api.declared import DeclaredInConfig
from router.config.fragments import TRIGGERS, Fragment

MOST: Final = 50  # tags of a resource: Lambda developer guide, tags
_RESERVED: Final = "aws:"
_OF_FUNCTIONS: Final = "Tags on function aliases and versions are not supported. Please specify a function ARN."
_LONGEST_KEY, _LONGEST_VALUE = 128, 256  # characters: the same


class Owners(Protocol):
    """Who knows the event source mappings."""

    def owner(self, mapping_id: str) -> str:
        """The function that a mapping is of. Raises AwsError when there is none."""


def given(tags: Mapping[str, str] | None, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of a resource that had *before* and is given *tags*. Raises AwsError."""
    for key, value in (tags or {}).items():
        if key.lower().startswith(_RESERVED):
            raise invalid(f"The tag key {key:.128} begins with {_RESERVED}, which is reserved for AWS.")
        if not 1 <= len(key) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(f"A tag's key has 1 to {_LONGEST_KEY} characters, its value at most {_LONGEST_VALUE}.")
    found = {**(before or {}), **(tags or {})}
    if len(found) > MOST:
        raise invalid("Number of tags exceeds resource tag limit.")
    return found


def tagged(place: Place, call: Call) -> str:
    """The ARN of what a request's Resource names, however it does; "*" when it tells nothing."""
    resource = text(call.parameters, "Resource")
    return resource if place.mapping_of(resource) else place.resource({"FunctionName": resource})


class Tagging:
    """The operations."""

    def __init__(self, rooms: Rooms, mappings: Owners) -> None:
        self._rooms, self._mappings = rooms, mappings

    def needs(self, action: str) -> Any:
        """What an operation needs: the action on what it tags."""
        return lambda call: [Need(f"lambda:{action}", tagged(self._rooms.place, call))]

    async def list(self, call: Call) -> Members:
        """ListTags."""
        kind, name, _ = self._resource(call)
        fragment = self._rooms.declared.get(kind, name)
        return {"Tags": of(fragment)}

    async def tag(self, call: Call) -> Members:
        """TagResource."""
        tags = call.parameters.get("Tags")
        if not tags:
            raise invalid("Tags must not be empty.")
        await self._change(call, tags, ())
        return {}

    async def untag(self, call: Call) -> Members:
        """UntagResource."""
        await self._change(call, {}, tuple(call.parameters.get("TagKeys") or ()))
        return {}

    async def _change(self, call: Call, more: Mapping[str, str], less: Sequence[str]) -> None:
        kind, name, function = self._resource(call)
        async with self._rooms.turns.of(function):
            fragment = self._rooms.own(name) if kind == FUNCTIONS else self._rooms.declared.get(kind, name)
            if fragment is None:
                raise DeclaredInConfig(FUNCTIONS, f"{function}.triggers")
            tags = {key: value for key, value in given(more, of(fragment)).items() if key not in less}
            await self._rooms.declared.put(kind, name, fragment.value, {**fragment.about, "tags": tags})

    def _resource(self, call: Call) -> tuple[str, str, str]:
        """Kind and name of the declaration that Resource names, and the function it is of. Raises RouterError."""
        resource = text(call.parameters, "Resource")
        if mapping_id := self._rooms.place.mapping_of(resource):
            return TRIGGERS, mapping_id, self._mappings.owner(mapping_id)
        name = self._rooms.name({"FunctionName": resource}, said=_OF_FUNCTIONS)
        return FUNCTIONS, name, name


def of(fragment: Fragment | None) -> dict[str, str]:
    """The tags of what the API declared; none of what config.yaml did."""
    return dict(fragment.about.get("tags", {})) if fragment is not None else {}
