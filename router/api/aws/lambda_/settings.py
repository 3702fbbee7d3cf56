"""What CreateFunction and UpdateFunctionConfiguration say, as config.yaml would say it. Pure.

Nothing is taken and then ignored: what has no counterpart here is refused with a sentence. Source: Lambda API reference."""

import platform
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.api.aws.lambda_.place import Place, invalid, text
from router.config.functions import RESERVED
from router.events import arns
from router.events.arns import destination
from router.names import base

_ENVIRONMENT: Final = 4096  # bytes of all variables, names included: Lambda quotas
_ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_EMPTY: Final[Any] = ({}, [], "", None)

Settings = dict[str, Any]
"""Keys of a function in config.yaml; None: the key goes."""


def architecture() -> str:
    """This machine's, in AWS's word."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def role_of(arn: str, place: Place) -> str:
    """The name of the role in its ARN. Raises AwsError for another account's."""
    found = arns.role(arn, account=place.account)
    if not found:
        raise invalid(f"The role defined for the function cannot be assumed by Lambda. ({arn:.200} is no role of this account)")
    return found


def settings(members: Mapping[str, Any], place: Place, role: str | None) -> Settings:
    """The keys that *members* speak of. *role*: its name, None: not spoken of. Raises AwsError."""
    refuse(members)
    found: Settings = {} if role is None else {"role": role}
    for name, key in _PLAIN.items():
        if members.get(name) is not None:
            found[key] = members[name]
    for name, read in _READERS.items():
        if members.get(name) is not None:
            found |= read(members[name], place)
    return found


def refuse(members: Mapping[str, Any]) -> None:
    """Raise AwsError for what is not done here."""
    for name, why in _REFUSED.items():
        value = members.get(name)
        if isinstance(value, Mapping):
            value = {key: inner for key, inner in value.items() if inner not in _EMPTY}
        if value not in _EMPTY:
            raise invalid(f"{name} is not supported: {why}")
    if members.get("PackageType") == "Image" or (members.get("Code") or {}).get("ImageUri") or members.get("ImageUri"):
        raise invalid("PackageType Image is not supported: functions run from .zip archives and directories")
    if (members.get("TracingConfig") or {}).get("Mode") == "Active":
        raise invalid("TracingConfig Active is not supported: trace headers are passed on, nothing records segments")
    wanted = members.get("Architectures")
    if wanted and list(wanted) != [architecture()]:
        raise invalid(f"Architectures {', '.join(map(str, wanted)):.60}: this machine runs {architecture()}")


def applied(value: Mapping[str, Any], changes: Settings) -> dict[str, Any]:
    """A function's keys after *changes*."""
    merged = dict(value) | changes
    return {key: one for key, one in merged.items() if one is not None}


def _environment(value: Mapping[str, Any], _: Place) -> Settings:
    variables = dict(value.get("Variables") or {})
    reserved = sorted(name for name in variables if name in RESERVED or name.startswith("AWS_LAMBDA_"))
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains "
            f"reserved keys that are currently not supported for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    size = sum(len(f"{name}{text}".encode(errors="replace")) for name, text in variables.items())
    if size > _ENVIRONMENT:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the "
            f"4KB limit. Size measured: {size} bytes"
        )
    return {"environment": variables}


def _storage(value: Mapping[str, Any], _: Place) -> Settings:
    return {"ephemeral_storage": value.get("Size")}


def _logging(value: Mapping[str, Any], _: Place) -> Settings:
    """What is not named stays as it was; levels begin anew with a format. Source: recordings of UpdateFunctionConfiguration."""
    found = {key: value[member] for member, key in _LOGGING.items() if value.get(member) is not None}
    if "log_format" not in found:
        return found
    return {"application_log_level": None, "system_log_level": None, **found, "log_format": str(found["log_format"]).lower()}


def _snap_start(value: Mapping[str, Any], _: Place) -> Settings:
    return {"snap_start": True if value.get("ApplyOn") == "PublishedVersions" else None}


def _dead_letter(value: Mapping[str, Any], place: Place) -> Settings:
    arn = text(value, "TargetArn")
    if not arn:
        return {"dead_letter": None}
    found = destination(arn, region=place.region, account=place.account)
    if found is None or found[0] != "queue":
        raise invalid(f"DeadLetterConfig: {arn:.200} is no queue here; dead letters of functions go to queues")
    return {"dead_letter": {found[0]: found[1]}}


_PLAIN: Final = {"Handler": "handler", "Runtime": "runtime", "Timeout": "timeout", "MemorySize": "memory"}
_LOGGING: Final = {
    "LogFormat": "log_format",
    "LogGroup": "log_group",
    "ApplicationLogLevel": "application_log_level",
    "SystemLogLevel": "system_log_level",
}
_READERS: Final[Mapping[str, Callable[[Any, Place], Settings]]] = {
    "Environment": _environment,
    "EphemeralStorage": _storage,
    "LoggingConfig": _logging,
    "SnapStart": _snap_start,
    "DeadLetterConfig": _dead_letter,
}
_REFUSED: Final = {
    "VpcConfig": "functions are on this machine's network",
    "KMSKeyArn": "there are no keys of KMS here",
    "FileSystemConfigs": "there are no file systems of EFS here",
    "CodeSigningConfigArn": "signatures of code are not looked at",
    "ImageConfig": "functions run from .zip archives and directories",
    "CapacityProviderConfig": "there are no managed instances here",
    "DurableConfig": "there are no durable functions here",
    "TenancyConfig": "there are no tenants here",
    "PublishTo": "there are no managed instances here",
}


def destinations(config: Mapping[str, Any], place: Place) -> Settings:
    """DestinationConfig as on_success and on_failure. Raises AwsError."""
    found: Settings = {}
    for name, key in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        arn = text(config.get(name) or {}, "Destination")
        if not arn:
            continue
        there = destination(arn, region=place.region, account=place.account)
        if there is None:
            raise invalid(f"The destination ARN {arn:.200} is invalid: it is no queue, function, bus, bucket or topic here")
        kind, target = there
        found[key] = {kind: base(target) if kind == "function" else target}
    return found
