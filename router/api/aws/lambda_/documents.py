"""A function as AWS describes it: FunctionConfiguration. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from router.api.aws.lambda_.place import Place, identity
from router.api.aws.lambda_.settings import architecture
from router.config.types import Alias, Function
from router.events import arns
from router.names import LATEST

_LEFT_OUT_OF_LISTS: Final = ("State", "LastUpdateStatus", "RuntimeVersionConfig")


class About(NamedTuple):
    """What is known of a function beside its settings."""

    runtime: str  # as told to functions
    size: int  # bytes of its code
    modified: float  # epoch seconds
    revision: str = ""  # UUID
    description: str = ""
    layers: Sequence[Mapping[str, Any]] = ()
    environment: bool = True  # variables were configured, if none
    role: str = ""  # its ARN, as it was given


def configuration(function: Function, about: About, place: Place, qualifier: str = "") -> dict[str, Any]:
    """FunctionConfiguration; *qualifier*: what the function was asked for by, "" when by name alone."""
    found: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": place.arn(function.name, qualifier),
        "Runtime": about.runtime,
        "Role": about.role or place.role_arn(function.role),
        "Handler": function.handler,
        "CodeSize": about.size,
        "Description": about.description,
        "Timeout": int(function.timeout),
        "MemorySize": function.memory,
        "LastModified": stamp(about.modified),
        "CodeSha256": function.sha256,
        "Version": function.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": about.revision or revision(function),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [architecture()],
        "EphemeralStorage": {"Size": function.ephemeral_storage},
        "SnapStart": _snap_start(function),
        "RuntimeVersionConfig": {"RuntimeVersionArn": runtime_arn(about.runtime, place)},
        "LoggingConfig": _logging(function),
    }
    if function.environment or about.environment:
        found["Environment"] = {"Variables": dict(function.environment)}
    if about.layers:
        found["Layers"] = [dict(layer) for layer in about.layers]
    if function.dead_letter is not None:
        kind, name = function.dead_letter.kind, function.dead_letter.name
        found["DeadLetterConfig"] = {"TargetArn": arns.spelled(kind, name, region=place.region, account=place.account)}
    return found


def listed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same as lists have it."""
    return {key: value for key, value in document.items() if key not in _LEFT_OUT_OF_LISTS}


def alias_document(function: str, alias: Alias, place: Place, description: str = "", policy: str = "") -> dict[str, Any]:
    """AliasConfiguration; *policy*: its own, as text, which its revision changes with."""
    weights = {"RoutingConfig": {"AdditionalVersionWeights": {alias.other: alias.weight}}} if alias.other else {}
    return {
        "AliasArn": place.arn(function, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": description,
        "RevisionId": identity("alias", function, repr(alias), description, policy),
        **weights,
    }


def revision(function: Function, *more: str) -> str:
    """RevisionId: another one whenever the function is another one, or *more* is; aliases have revisions of their own."""
    bare = replace(function, aliases={}, triggers=(), places=(), qualifiers=(), opt=None)
    told = hashlib.sha256(f"{bare!r}{sorted(bare.environment.items())!r}".encode(errors="replace")).hexdigest()
    return identity("revision", told, *more)


def stamp(at: float) -> str:
    """Epoch seconds as 2025-11-25T02:26:54.000+0000."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"


def runtime_arn(runtime: str, place: Place) -> str:
    """A runtime's version: AWS names it by a hash."""
    return f"arn:aws:lambda:{place.region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"


def _snap_start(function: Function) -> dict[str, str]:
    if not function.snap_start:
        return {"ApplyOn": "None", "OptimizationStatus": "Off"}
    return {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off" if function.version == LATEST else "On"}


def _logging(function: Function) -> dict[str, str]:
    logging = function.logging
    found = {"LogFormat": "JSON" if logging.format == "json" else "Text", "LogGroup": function.log_group}
    if logging.format == "json":
        found |= {"ApplicationLogLevel": logging.application_level, "SystemLogLevel": logging.system_level}
    return found
