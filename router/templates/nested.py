"""Nested stacks and applications whose templates lie on this machine: their resources become the template's own. Pure.

Each logical id of a nested stack gets that stack's before it. What it is given as parameters, and what is read of its outputs, is put in
place. Source: CloudFormation template reference, AWS::CloudFormation::Stack; SAM developer guide, AWS::Serverless::Application."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from router.templates import moving
from router.templates.document import Document
from router.templates.document import whole as checked
from router.templates.globals_ import merged
from router.templates.links import Links
from router.templates.synthesized import asset, undeployed
from router.templates.words import REFUSED, RUNS, Refused, Row, TemplateError, shown

_WHERE: Final = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
_CODE: Final = {  # types of resources → the property that names code, or a definition, beside the template
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Lambda::Function": "Code",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Lambda::LayerVersion": "Content",
}
_APIS: Final = {
    "Api": ("AWS::Serverless::Api", "RestApiId"),
    "HttpApi": ("AWS::Serverless::HttpApi", "ApiId"),
}  # event → its API, and how it names one
_OTHERWISE: Final = frozenset(
    {"CodeUri", "InlineCode", "ImageUri"}
)  # of a function: with none of them its code is the template's directory
_CDK: Final = re.compile(r"^(.+?)NestedStack.*NestedStackResource([0-9A-F]{8})$")
_HARMLESS: Final = frozenset({"Parameters", "Tags", "Description", "TimeoutInMinutes", "NotificationARNs"})


@dataclass(frozen=True, slots=True)
class Child:
    """The template of a nested stack, whose own nested stacks are in it already."""

    directory: str  # where it lies, beside the template that names it; "" for the same one
    template: Document


@dataclass(slots=True)
class _Whole:
    """A template that its nested stacks go into."""

    sections: dict[str, dict[str, Any]]
    common: Mapping[str, Any]  # its Globals
    links: Links
    rows: list[Row] = field(default_factory=list)


def places(template: Mapping[str, Any]) -> dict[str, str]:
    """Logical ids of nested stacks → where their templates lie, beside this one. Raises TemplateError."""
    found = {}
    for logical, resource in moving.section(template, "Resources").items():
        key = _WHERE.get(str(resource.get("Type"))) if isinstance(resource, dict) else None
        if key is None:
            continue
        try:
            where = asset(resource, key) or _properties(resource).get(key)
        except Refused:
            continue
        if isinstance(where, str) and "://" not in where:
            found[logical] = where
    return found


def inlined(template: Document, children: Mapping[str, Child]) -> Document:
    """The template with its nested stacks in it, and rows that say so. Raises TemplateError."""
    if not children:
        return template
    common = moving.section(template.value, "Globals")
    kept = {key: value for key, value in template.value.items() if key not in {*moving.SECTIONS, "Globals"}}
    read = {f"{name}.Outputs.{output}": {"Fn::GetAtt": [name, f"Outputs.{output}"]} for name, output in _outputs(children)}
    whole = _Whole(moving.parts(template.value, "", read), common, Links({"Fn::GetAtt": _output}), list(template.rows))
    resources = whole.sections["Resources"]
    apis = {key: value for key, value in common.items() if key in _APIS}
    others = {key: value for key, value in common.items() if key not in _APIS}
    for name, resource in resources.items():
        resources[name] = merged(resource, others) if isinstance(resource, dict) else resource
    for name, child in children.items():
        _try(whole, name, child, template.lines.get(name, 0))
    for section in ("Resources", "Outputs"):
        whole.sections[section] = {name: whole.links.read(each) for name, each in whole.sections[section].items()}
    value = kept | {key: entries for key, entries in whole.sections.items() if entries} | ({"Globals": apis} if apis else {})
    return Document(value, template.lines, tuple(whole.rows))


def _outputs(children: Mapping[str, Child]) -> Iterator[tuple[str, str]]:
    for name, child in children.items():
        for output in moving.section(child.template.value, "Outputs"):
            yield name, output


def _output(argument: Any) -> tuple[str, str] | None:
    """Nested stack and output that GetAtt names."""
    parts = argument if isinstance(argument, list) else str(argument).partition(".")[::2]
    if len(parts) != 2 or not all(isinstance(part, str) for part in parts) or not parts[1].startswith("Outputs."):
        return None
    return parts[0], parts[1].removeprefix("Outputs.")


def _try(whole: _Whole, name: str, child: Child, line: int) -> None:
    """Put one nested stack's resources in place of it, or say why not."""
    resource = whole.sections["Resources"][name]
    type_ = str(resource["Type"])
    try:
        _put(whole, name, resource, child)
    except Refused as refusal:
        whole.rows.append(Row(name, type_, REFUSED, "", (str(refusal),), line))
        return
    del whole.sections["Resources"][name]
    _forget(whole.sections["Resources"], name)
    whole.rows.append(Row(name, type_, RUNS, "its resources", (), line))
    whole.rows += [replace(row, resource=under(_prefix(name), row.resource), line=0) for row in child.template.rows]


def under(prefix: str, title: str) -> str:
    """What a row of a nested template is about, as the outer one calls it."""
    said, mark, rest = title.rpartition(": ")
    return f"{said}{mark}{prefix}{rest}" if said else prefix + title


def _put(whole: _Whole, name: str, resource: Mapping[str, Any], child: Child) -> None:
    """Raises Refused for what cannot be in the same template, TemplateError for what is none."""
    if strange := [key for key in _properties(resource) if key not in _HARMLESS and key != _WHERE[resource["Type"]]]:
        raise Refused(f"property {shown(strange[0])} is not supported")
    template, prefix = _prepared(child, whole.common), _prefix(name)
    values = _parameters(template, _properties(resource).get("Parameters") or {})
    values["AWS::StackName"] = {"Fn::Join": ["-", [{"Ref": "AWS::StackName"}, name]]}
    parts = moving.parts(template, prefix, values)
    if taken := [key for section, entries in parts.items() for key in entries if key in whole.sections[section]]:
        raise Refused(f"it comes to the name {shown(taken[0])}, which is another's")
    if isinstance(condition := resource.get("Condition"), str):
        _limit(parts, prefix, condition)
    for output in moving.section(template, "Outputs"):
        value = parts["Outputs"][prefix + output]
        if isinstance(value, dict) and "Value" in value:
            whole.links.known[name, output] = value["Value"]
    del parts["Outputs"]
    for section, entries in parts.items():
        whole.sections[section] |= entries


def _prepared(child: Child, outer: Mapping[str, Any]) -> dict[str, Any]:
    """A nested template, its Globals merged in and its code named beside the outer one, whose Globals are *outer*. Raises Refused."""
    template = undeployed(child.template.value)
    try:
        checked(template)
    except TemplateError as error:
        raise Refused("; ".join(error.problems)) from None
    resources, common = moving.section(template, "Resources"), moving.section(template, "Globals")
    if strange := [name for name, resource in resources.items() if not isinstance(resource, dict)]:
        raise Refused(f"Resources.{shown(strange[0])} must be a mapping")
    found = {name: merged(resource, common) for name, resource in resources.items()}
    _alone(found, common, outer)
    return {**template, "Resources": {name: _beside(resource, child.directory) for name, resource in found.items()}}


def _alone(resources: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any], outer: Mapping[str, Any]) -> None:
    """Raises Refused when Globals that are not theirs would count for APIs of a nested stack, or their own would not."""
    for event, (api, names) in _APIS.items():
        made = any(_makes(one, event, names) for one in resources.values())
        if (event in own and made) or (event in outer and (made or any(one.get("Type") == api for one in resources.values()))):
            raise Refused(f"Globals.{event} would count for APIs of the outer and of the nested template alike; write it into each API")


def _makes(resource: Mapping[str, Any], event: str, names: str) -> bool:
    """Whether a function has an event at an API that it does not name, which SAM makes then."""
    events = _properties(resource).get("Events")
    listed = [one for one in events.values() if isinstance(one, dict)] if isinstance(events, dict) else []
    return any(one.get("Type") == event and names not in (one.get("Properties") or {}) for one in listed)


def _parameters(template: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """What Ref gives in the nested stack: what it is given, or a default. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused("Parameters must be a mapping")
    declared = moving.section(template, "Parameters")
    if strange := [name for name in given if name not in declared]:
        raise Refused(f"its template has no parameter {shown(strange[0])}")
    found = {}
    for name, rules in declared.items():
        value = given.get(name, rules.get("Default") if isinstance(rules, dict) else None)
        if value is None:
            raise Refused(f"parameter {shown(name)} has no value, and no default")
        listed = "List" in str(rules.get("Type", ""))
        found[name] = {"Fn::Split": [",", value]} if listed and not isinstance(value, list) else value
    return found


def _prefix(name: str) -> str:
    """What stands before the names of a nested stack: its own, which CDK makes of two of one kind, each longer than what they say."""
    return _CDK.sub(r"\1\2", name)


def _limit(parts: dict[str, dict[str, Any]], prefix: str, condition: str) -> None:
    """The nested stack has a condition: none of its resources is there without it."""
    for each in parts["Resources"].values():
        own = each.get("Condition")
        if own is None:
            each["Condition"] = condition
            continue
        both = f"{prefix}And{own}"
        parts["Conditions"][both] = {"Fn::And": [{"Condition": condition}, {"Condition": own}]}
        each["Condition"] = both


def _beside(resource: Mapping[str, Any], directory: str) -> Mapping[str, Any]:
    """A resource, with the code that it names beside the nested template named beside the outer one."""
    key = _CODE.get(str(resource.get("Type")))
    if key is None or not directory:
        return resource
    properties = _properties(resource)
    if key == "CodeUri" and not _OTHERWISE & set(properties):
        return {**resource, "Properties": {**properties, key: directory}}
    path = properties.get(key)
    if not isinstance(path, str) or "://" in path:
        return resource
    return {**resource, "Properties": {**properties, key: posixpath.join(directory, path)}}


def _forget(resources: Mapping[str, Any], name: str) -> None:
    """Nothing waits for a nested stack by its name any more."""
    for each in resources.values():
        after = each.get("DependsOn") if isinstance(each, dict) else None
        if isinstance(after, list) and name in after:
            each["DependsOn"] = [one for one in after if one != name]


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found = resource.get("Properties")
    return found if isinstance(found, dict) else {}
