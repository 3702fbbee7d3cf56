"""What the operations share: the parts of the daemon that they reach, and the look-ups that most of them begin with."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from router.api.aws.lambda_.documents import About, alias_document, configuration, revision
from router.api.aws.lambda_.place import UNQUALIFIED, Place, invalid, stale, text
from router.api.aws.lambda_.shelf import Shelf
from router.api.aws.service import Members
from router.api.calls import Calls
from router.api.declared import Declared, DeclaredInConfig
from router.api.turns import Turns
from router.api.versions import Versions
from router.clock import Clock
from router.config.fragments import Fragment
from router.config.types import Alias, Config, Function
from router.errors import FunctionNotFound
from router.functions.permissions import Permissions
from router.functions.registry import Functions
from router.functions.uploads import Uploads
from router.names import LATEST, base
from router.runtime import resolve

if TYPE_CHECKING:
    from router.api.aws.services import Parts

FUNCTIONS: Final = "functions"


@dataclass(slots=True)
class Rooms:
    """Parts of a running daemon."""

    calls: Calls
    functions: Functions
    versions: Versions
    declared: Declared
    uploads: Uploads
    permissions: Permissions
    layers: Shelf
    clock: Clock
    place: Place
    turns: Turns = field(default_factory=Turns)  # of functions that are changed: who read one writes what follows from it
    sizes: dict[str, int] = field(default_factory=dict)  # CodeSha256 → bytes, of code that did not come as an archive

    @classmethod
    def of(cls, parts: "Parts") -> Self:
        """Those of a daemon."""
        config = parts.calls.config
        place = Place(config.region, config.account)
        return cls(
            *(parts.calls, parts.functions, parts.versions, parts.declared, Uploads(config.state), parts.permissions),
            *(Shelf(parts.layers, place), parts.house.clock, place),
        )

    @property
    def config(self) -> Config:
        """The config in force."""
        return self.calls.config

    def name(self, members: Members, *, said: str = UNQUALIFIED) -> str:
        """The function of an operation that is on functions alone; *said*: what is wrong with another. Raises AwsError, FunctionNotFound,
        InvalidParameter."""
        target = self.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        if ":" in target:
            raise invalid(said)
        return target

    def found(self, members: Members) -> tuple[Function, str]:
        """The function as it runs under what was asked for, an alias by its own version; and its qualifier. Raises as name() does."""
        target = self.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        name, _, qualifier = target.partition(":")
        alias = self.alias(name, qualifier)
        return self.functions.get(name, alias.version if alias is not None else qualifier), qualifier

    def own(self, name: str) -> Fragment:
        """The declaration of a function that the API made. Raises DeclaredInConfig, FunctionNotFound."""
        fragment = self.declared.get(FUNCTIONS, name)
        if fragment is None:
            if self.declared.owner(FUNCTIONS, name) == "config":
                raise DeclaredInConfig(FUNCTIONS, name)
            raise FunctionNotFound(self.place.arn(name))
        return fragment

    def same_revision(self, members: Members, name: str, qualifier: str = "") -> None:
        """Raise AwsError when the caller means another revision of the function."""
        wanted = text(members, "RevisionId")
        if wanted and wanted != self.revision(self.functions.get(name, qualifier)):
            raise stale()

    def revision(self, function: Function) -> str:
        """RevisionId: it changes with code, settings and the policy, that of $LATEST also when a version is published. What is said of
        aliases changes theirs alone."""
        if function.version != LATEST:
            return revision(function, repr(self.permissions.document(function.qualified)))
        fragment = self.declared.get(FUNCTIONS, function.name)
        own = {} if fragment is None else {key: value for key, value in fragment.about.items() if key != "aliases"}
        published = max((int(one.version) for one in self.versions.of(function.name)), default=0)
        return revision(function, repr(self.permissions.document(function.name)), repr(own), str(published))

    def alias(self, name: str, qualifier: str) -> Alias | None:
        """One of a function's aliases."""
        return next((one for one in self.functions.aliases(name) if one.name == qualifier), None)

    def alias_document(self, name: str, alias: Alias) -> dict[str, Any]:
        """AliasConfiguration."""
        fragment = self.declared.get(FUNCTIONS, name)
        described = str(fragment.about.get("aliases", {}).get(alias.name, "")) if fragment is not None else ""
        return alias_document(name, alias, self.place, described, repr(self.permissions.document(f"{name}:{alias.name}")))

    async def document(self, function: Function, qualifier: str = "") -> dict[str, Any]:
        """FunctionConfiguration."""
        fragment = self.declared.get(FUNCTIONS, function.name)
        published = self.versions.about(function.qualified)
        known = published.told if function.version != LATEST else fragment.about if fragment is not None else {}
        modified = known.get("modified") or published.made or _made(function.code)
        about = About(
            runtime=resolve(function.runtime, function.python).told,
            size=await self.size(function),
            modified=modified,
            revision=self.revision(function),
            description=known.get("description", "") or published.description,
            layers=known.get("layers", ()),
            environment=bool(known.get("environment", False)),
            role=known.get("role", ""),
        )
        return configuration(function, about, self.place, qualifier)

    async def size(self, function: Function) -> int:
        """Bytes of its code: of the archive, where there is one."""
        archive = self.uploads.path(function.sha256) or self._archive(function)
        if archive is not None:
            return archive.stat().st_size
        if function.sha256 not in self.sizes:
            self.sizes[function.sha256] = await asyncio.to_thread(_size, function.code)
        return self.sizes[function.sha256]

    def _archive(self, function: Function) -> Path | None:
        """The .zip that config.yaml names."""
        configured = self.config.functions.get(function.name)
        code = configured.code if configured is not None and function.version == LATEST else None
        return code if code is not None and code.suffix == ".zip" and code.is_file() else None

    def location(self, function: Function) -> str:
        """Where its code is on this machine, as a URL."""
        configured = self.config.functions.get(function.name)
        place = self.uploads.path(function.sha256) or (configured.code if configured and function.version == LATEST else function.code)
        return place.as_uri()

    def trigger_of(self, name: str) -> list[Fragment]:
        """The triggers that the API gave a function."""
        return [one for one in self.declared.of("triggers") if base(str(one.value.get("function", ""))) == name]


def _made(code: Path) -> float:
    try:
        return code.stat().st_mtime
    except OSError:
        return 0.0


def _size(code: Path) -> int:
    total = 0
    for directory, _, names in os.walk(code):
        for name in names:
            total += os.lstat(f"{directory}/{name}").st_size
    return total
