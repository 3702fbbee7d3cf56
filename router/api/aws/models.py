"""AWS's service models on disk: botocore's data, read when a service is first asked for. Nothing of botocore is imported."""

import asyncio
import gzip
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson

from router.api.aws.constraints import CHECKED, STRICTER, Constraints
from router.api.aws.shapes import ServiceModel, compiled

FILE: Final = "service-2.json.gz"


class Models:
    """The models that were asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, ServiceModel] = {}
        self._constraints: dict[str, Constraints] = {}  # of those that are checked by their models
        self._turn = asyncio.Lock()

    def known(self, name: str) -> ServiceModel | None:
        """One that is here already."""
        return self._loaded.get(name)

    async def get(self, name: str) -> ServiceModel:
        """The model of a service, by its name in botocore's data. Raises OSError where that is not installed."""
        async with self._turn:
            if name not in self._loaded:
                document = await asyncio.to_thread(_document, name)
                if name in CHECKED:
                    self._constraints[name] = Constraints(document, CHECKED[name], STRICTER.get(name, {}))
                self._loaded[name] = await asyncio.to_thread(compiled, name, document)
            return self._loaded[name]

    def refusal(self, name: str, operation: str, members: Mapping[str, Any]) -> str:
        """What a service's model says against the members of a request; "" when nothing, and of a service that judges for itself."""
        constraints = self._constraints.get(name)
        return constraints.refusal(operation, members) if constraints is not None else ""


def load(name: str) -> ServiceModel:
    """Read a model; blocking. Raises OSError."""
    return compiled(name, _document(name))


def _document(name: str) -> dict[str, Any]:
    """The model as it is on disk. Raises OSError."""
    versions = sorted(found.parent for found in (_data() / name).glob(f"*/{FILE}"))
    if not versions:
        raise FileNotFoundError(f"botocore has no model of {name}")
    found: dict[str, Any] = orjson.loads(gzip.decompress((versions[-1] / FILE).read_bytes()))
    return found


def _data() -> Path:
    found = find_spec("botocore")
    if found is None or found.origin is None:
        raise FileNotFoundError("botocore is not installed")
    return Path(found.origin).parent / "data"
