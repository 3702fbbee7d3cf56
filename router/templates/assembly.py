"""A cloud assembly, which `cdk synth` writes: the templates of an application's stacks as one. Pure: texts in, values out.

Names of one stack do not meet those of another: each logical id has its stack's name before it, as names on AWS have. What a stack
exports, or gives out, is read by the others. Source: cloud assembly schema, "manifest.json"; CloudFormation template reference,
"Fn::ImportValue", "Fn::GetStackOutput"."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from router.templates import moving
from router.templates.document import Document
from router.templates.document import whole as checked
from router.templates.links import Links
from router.templates.nested import under
from router.templates.synthesized import undeployed
from router.templates.words import Refused, Row, TemplateError, shown

MANIFEST: Final = "manifest.json"
_ENVIRONMENT: Final = re.compile(r"aws://([^/]+)/([^/]+)")
_HERE: Final = {"Ref": "AWS::Region"}


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of an assembly."""

    name: str  # as CloudFormation knows it
    label: str  # as the application calls it, which is what its commands take
    file: str  # its template, in the assembly
    account: str = ""  # that it is made for; "": for any
    region: str = ""


@dataclass(slots=True)
class _Joined:
    """The templates so far, as one."""

    value: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    transforms: list[Any] = field(default_factory=list)
    links: Links = field(default_factory=lambda: Links(_SOURCES))

    def put(self, section: str, name: str, value: Any) -> None:
        """Add one entry. Raises TemplateError for a name that is there."""
        if name in self.value.setdefault(section, {}):
            raise TemplateError(f"{section}.{shown(name)}: two stacks come to the same name; choose one of them with --stack")
        self.value[section][name] = value


def stacks(manifest: str) -> tuple[Stack, ...]:
    """The stacks that a manifest lists, in its order. Raises TemplateError."""
    try:
        artifacts = json.loads(manifest)["artifacts"]
        listed = [(name, artifact, artifact.get("properties") or {}) for name, artifact in artifacts.items()]
        found = tuple(_stack(name, artifact, about) for name, artifact, about in listed if artifact["type"] == "aws:cloudformation:stack")
        inner = [str(about["directoryName"]) for _, artifact, about in listed if artifact["type"] == "cdk:cloud-assembly"]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise TemplateError(f"{MANIFEST}: not that of a cloud assembly") from None
    if not found:
        stages = f"; its stages are {', '.join(map(shown, inner))}: name one of these directories" if inner else ""
        raise TemplateError(f"{MANIFEST} lists no stack{stages}")
    return found


def _stack(name: str, artifact: Mapping[str, Any], about: Mapping[str, Any]) -> Stack:
    place = _ENVIRONMENT.fullmatch(str(artifact.get("environment", "")))
    account, region = ("" if part.startswith("unknown-") else part for part in (place.groups() if place else ("", "")))
    return Stack(str(about.get("stackName", name)), str(artifact.get("displayName", name)), str(about["templateFile"]), account, region)


def chosen(found: Sequence[Stack], wanted: Sequence[str]) -> tuple[Stack, ...]:
    """The stacks that are asked for by either name; all of them when none is. Raises TemplateError."""
    labels = ", ".join(shown(stack.label) for stack in found)
    if strange := [name for name in wanted if not any(name in {stack.name, stack.label} for stack in found)]:
        raise TemplateError(f"--stack {shown(strange[0])}: no such stack; {labels} {'are' if len(found) > 1 else 'is'}")
    kept = tuple(stack for stack in found if not wanted or {stack.name, stack.label} & set(wanted))
    for what, places in (("accounts", {stack.account for stack in kept}), ("regions", {stack.region for stack in kept})):
        if len(places - {""}) > 1:
            raise TemplateError(f"its stacks are for different {what}, and one daemon is one: choose with --stack; there are {labels}")
    return kept


def joined(templates: Sequence[tuple[Stack, Document]]) -> Document:
    """The templates as one. Raises TemplateError."""
    whole = _Joined()
    for stack, template in templates:
        _add(whole, stack, undeployed(template.value))
        whole.rows += [replace(row, resource=under(_prefix(stack), row.resource)) for row in template.rows]
    for section in ("Resources", "Outputs"):
        whole.value[section] = {name: whole.links.read(each) for name, each in whole.value.get(section, {}).items()}
    if whole.transforms:
        whole.value["Transform"] = whole.transforms
    return Document(whole.value, {}, tuple(whole.rows))


def _prefix(stack: Stack) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", stack.name)


def _add(whole: _Joined, stack: Stack, template: Mapping[str, Any]) -> None:
    """One stack's template, moved. Raises TemplateError for one that is not as a template is."""
    if template.get("Globals"):
        raise TemplateError(f"{stack.file}: Globals are of one template; serve {stack.label} by itself")
    try:
        checked(template)
        parts = moving.parts(template, _prefix(stack), {"AWS::StackName": stack.name})
        declared = moving.section(template, "Parameters")
    except TemplateError as error:
        raise TemplateError(*(f"{stack.file}: {problem}" for problem in error.problems)) from None
    except Refused as refusal:
        raise TemplateError(f"{stack.file}: {refusal}; serve {stack.label} by itself") from None
    for section, entries in parts.items():
        for name, entry in entries.items():
            whole.put(section, name, entry)
    for name in moving.section(template, "Outputs"):
        _give_out(whole.links, stack, name, parts["Outputs"][_prefix(stack) + name])
    for name, entry in declared.items():
        if whole.value.setdefault("Parameters", {}).setdefault(name, entry) != entry:
            raise TemplateError(f"Parameters.{shown(name)}: stacks declare it differently; choose one of them with --stack")
    transform = template.get("Transform") or []
    whole.transforms += [each for each in (transform if isinstance(transform, list) else [transform]) if each not in whole.transforms]


def _give_out(links: Links, stack: Stack, name: str, output: Any) -> None:
    """An output that other stacks may read."""
    if not isinstance(output, dict) or "Value" not in output:
        return
    links.known[stack.name, name] = output["Value"]
    export = output.get("Export")
    called = _literal(export.get("Name")) if isinstance(export, dict) else None
    if called is not None:
        links.known[called] = output["Value"]


def _literal(name: Any) -> str | None:
    """A name that is written as it is; None: it is not known before something is looked up."""
    if isinstance(name, dict) and list(name) == ["Fn::Sub"]:
        text, known = name["Fn::Sub"] if isinstance(name["Fn::Sub"], list) and len(name["Fn::Sub"]) == 2 else (name["Fn::Sub"], {})
        if isinstance(text, str) and isinstance(known, dict):
            written = re.sub(r"\$\{([^!}][^}]*)\}", lambda found: str(known.get(found[1], found[0])), text)
            return None if "${" in written else written
    return name if isinstance(name, str) else None


def _output(argument: Any) -> tuple[str, str] | None:
    """Stack and output that Fn::GetStackOutput names, here and in this account."""
    if (
        not isinstance(argument, dict)
        or not set(argument) <= {"StackName", "OutputName", "Region"}
        or argument.get("Region", _HERE) != _HERE
    ):
        return None
    stack, output = _literal(argument.get("StackName")), _literal(argument.get("OutputName"))
    return None if stack is None or output is None else (stack, output)


_SOURCES: Final[Mapping[str, Callable[[Any], Any]]] = {"Fn::ImportValue": _literal, "Fn::GetStackOutput": _output}
