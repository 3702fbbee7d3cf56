"""Layers that functions can have: versions of the store's, by their ARNs."""

import base64
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from router.api.aws.lambda_.place import Place, invalid, missing
from router.config.functions import LAYERS
from router.functions.layer_store import LayerStore, LayerVersion
from router.functions.uploads import DIRECTORY, name_of

ARN: Final = re.compile(r"arn:aws:lambda:([a-z0-9-]+):([0-9]{12}):layer:([A-Za-z0-9_-]{1,140})(?::([1-9][0-9]{0,8}))?", re.ASCII)


class Attached(NamedTuple):
    """A layer of a function's."""

    place: str  # its archive, relative to the state directory
    reference: dict[str, Any]  # as FunctionConfiguration shows it


class Shelf:
    """The layers that functions can have."""

    def __init__(self, store: LayerStore, place: Place) -> None:
        self.store, self._place = store, place

    def of(self, arns: Sequence[str]) -> list[Attached]:
        """Those that a function names. Raises AwsError."""
        if len(arns) > LAYERS:
            raise invalid(f"Cannot reference more than {LAYERS} layers.")
        found = [self.at(arn) for arn in arns]
        _check_distinct(found, arns)
        return [Attached(archive_of(one), {"Arn": arn, "CodeSize": one.size}) for one, arn in zip(found, arns, strict=True)]

    def at(self, arn: str) -> LayerVersion:
        """The version under an ARN. Raises AwsError."""
        matched = ARN.fullmatch(arn)
        if matched is not None and matched[1] != self._place.region:
            told = "Layers are not in the same region as the function. Layers are expected to be in region"
            raise invalid(f"{told} {self._place.region}.")
        if matched is None or matched[4] is None or (matched[1], matched[2]) != self._place:
            raise invalid(f"Layer version {arn:.200} does not exist.")
        found = self.store.get(matched[3], int(matched[4]))
        if found is None:
            raise invalid(f"Layer version {arn:.200} does not exist.")
        return found

    def named(self, name: str) -> str:
        """The name in a layer's name or ARN. Raises AwsError."""
        matched = ARN.fullmatch(name)
        if matched is None:
            return name
        if (matched[1], matched[2]) != self._place:
            raise missing()
        return matched[3]

    def used(self) -> set[str]:
        """The archives that versions of layers are."""
        return {one.sha256 for one in self.store.all()}


def archive_of(version: LayerVersion) -> str:
    """Where a version's archive is, relative to the state directory."""
    return f"{DIRECTORY}/{name_of(base64.b64decode(version.sha256))}"


def _check_distinct(found: Sequence[LayerVersion], arns: Sequence[str]) -> None:
    """Raise AwsError for a layer that is named twice, be it in one version."""
    by_name: dict[str, str] = {}
    for one, arn in zip(found, arns, strict=True):
        if other := by_name.get(one.name):
            told = "Two different versions of the same layer are not allowed to be referenced in the same function."
            raise invalid(f"{told} {other} and {arn} are versions of the same layer.")
        by_name[one.name] = arn
