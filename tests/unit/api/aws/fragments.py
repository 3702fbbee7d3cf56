"""Declarations through the API without a daemon: config.yaml and what was put, read by the loader as one file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from router.api.declared import Unit
from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config
from router.errors import ConfigError, InvalidParameter
from router.iam.reading import mistakes_in
from router.journal.database import Database
from router.sources import TRIGGERS


class Fragments:
    """See router/api/aws/declaring.py; *written*: config.yaml's own value. Those in *told* hear of every config in force."""

    def __init__(self, root: Path, written: dict[str, Any]) -> None:
        self._file, self._written = root / "config.yaml", {"version": 1, "region": "eu-west-1", **written}
        self._put: dict[str, dict[str, Any]] = {}
        self.told: list[Callable[[Config], None]] = []
        self.database: Database | None = None  # where what is done beside a change is done
        self.now: Callable[[], float] = lambda: 0.0
        self._kept: dict[tuple[str, str], Fragment] = {}
        self.config = self._load(self._put)

    async def put(self, kind: str, name: str, value: Any, *, beside: tuple[Unit, ...] = ()) -> None:
        await self._change({**self._put, kind: {**self._put.get(kind, {}), name: value}}, beside)
        self._kept[kind, name] = Fragment(kind, name, value, changed=self.now())

    async def remove(self, kind: str, name: str, *, beside: tuple[Unit, ...] = ()) -> None:
        await self._change({**self._put, kind: {key: value for key, value in self._put[kind].items() if key != name}}, beside)

    async def _change(self, wanted: dict[str, dict[str, Any]], beside: tuple[Unit, ...]) -> None:
        self._load(wanted)
        for unit in beside:
            assert self.database is not None
            await self.database.transact(unit)
        self._take(wanted)

    def get(self, kind: str, name: str) -> Fragment | None:
        return self._kept.get((kind, name))

    def owner(self, kind: str, name: str) -> Literal["config", "api"] | None:
        if name in self._written.get(kind, {}):
            return "config"
        return "api" if name in self._put.get(kind, {}) else None

    def _take(self, fragments: dict[str, dict[str, Any]]) -> None:
        self.config = self._load(fragments)
        self._put = fragments
        for tell in self.told:
            tell(self.config)

    def _load(self, fragments: dict[str, dict[str, Any]]) -> Config:
        whole = {**self._written, **{kind: {**self._written.get(kind, {}), **found} for kind, found in fragments.items()}}
        self._file.write_text(json.dumps(whole))
        try:
            return load(
                self._file, TRIGGERS, environ={}, policies=mistakes_in, resource_policies=lambda document: mistakes_in(document, "resource")
            )
        except ConfigError as error:
            raise InvalidParameter(str(error)) from error
