"""SAM's Globals: what all resources of a kind have in common. Pure.

Source: SAM developer guide, "Globals section": mappings are merged, lists put one after the other, all else is the resource's own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from router.templates.words import shown

_SECTIONS: Final = {
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::HttpApi": "HttpApi",
    "AWS::Serverless::SimpleTable": "SimpleTable",
    "AWS::Serverless::StateMachine": "StateMachine",
    "AWS::Serverless::LayerVersion": "LayerVersion",
}
_OF_NONE: Final = ("CapacityProvider", "WebSocketApi")  # sections of what is refused here


def wrong(common: Mapping[str, Any]) -> list[str]:
    """Problems of the section: what is misspelt there would be missing everywhere, also who may call."""
    known = {*_SECTIONS.values(), *_OF_NONE}
    return [
        f"Globals.{shown(name)}: no section of Globals" if name not in known else f"Globals.{shown(name)} must be a mapping"
        for name, given in common.items()
        if name not in known or not isinstance(given, dict | None)
    ]


def merged(resource: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with what is common to its kind."""
    section = _SECTIONS.get(str(resource.get("Type")), "")
    given = common.get(section)
    ignored = resource.get("IgnoreGlobals")
    if not isinstance(given, dict) or ignored == "*":
        return dict(resource)
    names = ignored if isinstance(ignored, list) else []
    kept = {key: value for key, value in given.items() if key not in names}
    return {**resource, "Properties": _merge(kept, resource.get("Properties") or {})}


def values(resources: Iterable[Mapping[str, Any]], common: Mapping[str, Any]) -> int:
    """How many values of Globals there are in all resources together."""
    each = {section: _count(given) for section, given in common.items()}
    return sum(each.get(_SECTIONS.get(str(resource.get("Type")), ""), 0) for resource in resources)


def _count(value: Any) -> int:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, held))


def _merge(common: Any, own: Any) -> Any:
    if _plain(common) and _plain(own):
        keys = [*common, *(key for key in own if key not in common)]
        return {key: _merge(common[key], own[key]) if key in common and key in own else own.get(key, common.get(key)) for key in keys}
    if isinstance(common, list) and isinstance(own, list):
        return [*common, *own]
    return own


def _plain(value: Any) -> bool:
    """A mapping that is no function's call."""
    return isinstance(value, dict) and not any(key in {"Ref", "Condition"} or key.startswith("Fn::") for key in value if len(value) == 1)
