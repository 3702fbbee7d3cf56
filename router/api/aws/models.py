"""AWS's service models on disk: botocore's data, read when a service is first asked for. Nothing of botocore is imported."""

import asyncio
import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson

from router.api.aws.shapes import ServiceModel, compiled

FILE: Final = "service-2.json.gz"


class Models:
    """The models that were asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, ServiceModel] = {}
        self._turn = asyncio.Lock()

    def known(self, name: str) -> ServiceModel | None:
        """One that is here already."""
        return self._loaded.get(name)

    async def get(self, name: str) -> ServiceModel:
        """The model of a service, by its name in botocore's data. Raises OSError where that is not installed."""
        async with self._turn:
            if name not in self._loaded:
                self._loaded[name] = await asyncio.to_thread(load, name)
            return self._loaded[name]


def load(name: str) -> ServiceModel:
    """Read a model; blocking. Raises OSError."""
    versions = sorted(found.parent for found in (_data() / name).glob(f"*/{FILE}"))
    if not versions:
        raise FileNotFoundError(f"botocore has no model of {name}")
    return compiled(name, orjson.loads(gzip.decompress((versions[-1] / FILE).read_bytes())))


def _data() -> Path:
    found = find_spec("botocore")
    if found is None or found.origin is None:
        raise FileNotFoundError("botocore is not installed")
    return Path(found.origin).parent / "data"
