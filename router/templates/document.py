"""A template's text as plain values: YAML with CloudFormation's short tags, or JSON. Pure.

Source: CloudFormation user guide, "Template formats" and "Intrinsic function reference". Aliases and merge keys (<<) are written out,
as by what hands templates to CloudFormation; text over 1 MB and nesting over 50 levels are refused. Of a key that is there twice the last
one counts, as where templates are deployed, and it is said. `!Sub x` and the like become {"Fn::Sub": x}. Plain scalars are typed as YAML 1.1
has them, but dates, and numbers with a zero before them (accounts,
versions of policies), stay text."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from router.templates.anchors import written_out
from router.templates.words import RUNS, Row, TemplateError, shown

LARGEST: Final = 1024 * 1024  # bytes of text; S3-hosted templates have the same limit
DEPTH: Final = 50
FUNCTIONS: Final = frozenset(
    [
        "And",
        "Base64",
        "Cidr",
        "Equals",
        "FindInMap",
        "ForEach",
        "GetAZs",
        "GetAtt",
        "GetStackOutput",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
    ]
)
_SECTIONS: Final = frozenset(
    [
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Hooks",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    ]
)
_TRANSFORMS: Final = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions")
_MERGE: Final = "<<"
_PLAIN: Final = ("Ref", "Condition")  # tags that stand for a key of their own name
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_INTEGER: Final = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WORDS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A template as it is written."""

    value: dict[str, Any]
    lines: dict[str, int]  # logical id of a resource → the line where it begins; {} for JSON
    rows: tuple[Row, ...] = ()  # what is to be said beside its resources: of keys that stand twice, of nested stacks


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    tag: str
    line: int
    key: str | None = None  # of a mapping, whose value comes next
    marks: dict[str, int] = field(default_factory=dict)  # key → its line
    merged: list[dict[str, Any]] = field(default_factory=list)  # mappings of its merge key, the first counts

    def whole(self) -> Any:
        """The value when it is read: its own keys before those that it merges."""
        if not isinstance(self.value, dict) or not self.merged:
            return self.value
        return {key: value for each in reversed(self.merged) for key, value in each.items()} | self.value


def parse(text: str) -> Document:
    """The template. Raises TemplateError with the line where it cannot be read."""
    if len(text) > LARGEST:
        raise TemplateError("larger than 1 MB; this is no template")
    odd = _CONTROL.search(text)
    if odd:
        raise TemplateError(f"line {text.count(chr(10), 0, odd.start()) + 1}: control character U+{ord(odd[0]):04X}")
    found = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    if not isinstance(found.value, dict):
        raise TemplateError("a template is a mapping with Resources in it")
    return found


def _twice(repeated: Mapping[str, tuple[int, int]]) -> Iterator[Row]:
    """Rows that say of what stands there twice that one of them is nothing. *repeated*: path of a key that is there again → the lines of
    the one that counts and the one before; 0: JSON."""
    for path, (line, before) in repeated.items():
        place = f"that of line {before}" if before else "the one before"
        title = f"Twice: {shown(path)}"  # as no resource or event is called
        yield Row(title, "duplicate key", RUNS, "", (f"the last one counts, {place} is left out",), line)


def whole(template: Mapping[str, Any]) -> None:
    """Raises TemplateError for a section that there is not, and for macros."""
    if unknown := [key for key in template if key not in _SECTIONS]:
        raise TemplateError(f"{shown(unknown[0])}: no section of a template")
    transforms = template.get("Transform") or []
    for name in transforms if isinstance(transforms, list) else [transforms]:
        if name not in _TRANSFORMS:
            raise TemplateError(f"Transform {shown(name)}: macros are not run here")


def _json(text: str) -> Document:
    repeated: dict[str, tuple[int, int]] = {}

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(found)
        if len(value) < len(found):
            repeated.update({name: (0, 0) for name, count in Counter(name for name, _ in found).items() if count > 1})
        return value

    def constant(name: str) -> Any:
        raise TemplateError(f"{name} is no JSON")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise TemplateError(f"line {error.lineno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise TemplateError(f"not JSON, or nested more than {DEPTH} levels deep") from None
    _bounded(value, DEPTH)
    return Document(value, {}, tuple(_twice(repeated)))


def _bounded(value: Any, left: int) -> None:
    if left < 0:
        raise TemplateError(f"nested more than {DEPTH} levels deep")
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _bounded(each, left - 1)


def _yaml(text: str) -> Document:
    builder = _Builder()
    try:
        value = builder.build(written_out(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise TemplateError(f"line {mark.line + 1 if mark else 1}: not YAML: {shown(said)}") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"not YAML: {shown(str(error))}") from None
    return Document(value, builder.lines, tuple(_twice(builder.repeated)))


class _Builder:
    """Events in, values out; a stack of what is open instead of recursion."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._root: Any = None
        self.lines: dict[str, int] = {}
        self.repeated: dict[str, tuple[int, int]] = {}

    def build(self, events: Iterator[yaml.Event]) -> Any:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _mistake(event, "a second document; a template is one")
            elif isinstance(event, yaml.ScalarEvent):
                tag = _tag(event)
                self._place(event, _called(event, tag, event.value if tag or not event.implicit[0] or event.style else _typed(event.value)))
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = self._open.pop()
                if len(self._open) == 1 and self._open[0].key == "Resources":
                    self.lines = done.marks
                self._place(event, _called(event, done.tag, done.whole()))
        return self._root

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._open) >= DEPTH:
            raise _mistake(event, f"nested more than {DEPTH} levels deep")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(value, _tag(event), _line(event)))

    def _place(self, event: yaml.Event, value: Any) -> None:
        """Put a finished value where it belongs: the root, a list, or a mapping as its next key or value."""
        if not self._open:
            self._root = value
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            key, line = _key(event, value), _line(event)
            if key in parent.marks:
                above = [str(len(each.value)) if each.key is None else each.key for each in self._open[:-1]]
                self.repeated[".".join((*above, key))] = (line, parent.marks[key])
            parent.key = key
            if key != _MERGE:
                parent.marks[key] = line
        elif parent.key == _MERGE:
            parent.merged += _mappings(event, value)
            parent.key = None
        else:
            parent.value[parent.key] = value
            parent.key = None


def _key(event: yaml.Event, value: Any) -> str:
    """A mapping's key: text. What YAML types otherwise is the text that it was."""
    text = event.value if isinstance(event, yaml.ScalarEvent) and not isinstance(value, dict | list) else None
    if text is None:
        raise _mistake(event, "a key must be text")
    return str(text)


def _mappings(event: yaml.Event, value: Any) -> list[dict[str, Any]]:
    """What a merge key names: a mapping, or a list of them. Raises TemplateError."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise _mistake(event, f"{_MERGE} wants a mapping, or a list of mappings")
    return found


def _tag(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> str:
    """The function that a node's tag calls; "" without one. Raises TemplateError."""
    tag = event.tag or ""
    name = tag[1:] if tag.startswith("!") else ""
    if not tag or tag in {"!", "tag:yaml.org,2002:str"} or name in FUNCTIONS or name in _PLAIN:
        return name or ("str" if tag else "")
    raise _mistake(event, f"tag {shown(tag)}: no intrinsic function")


def _called(event: yaml.Event, tag: str, value: Any) -> Any:
    if tag in {"", "str"}:
        return value
    if tag in _PLAIN:
        return {tag: value}
    if tag == "GetAtt" and isinstance(value, str):
        logical, dot, attribute = value.partition(".")
        if not dot:
            raise _mistake(event, f"!GetAtt {shown(value)}: write LOGICAL.ATTRIBUTE")
        return {"Fn::GetAtt": [logical, attribute]}
    return {f"Fn::{tag}": value}


def _typed(text: str) -> Any:
    """A plain scalar as YAML 1.1 types it."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1


def _mistake(event: yaml.Event, message: str) -> TemplateError:
    return TemplateError(f"line {_line(event)}: {message}")
