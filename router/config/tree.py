"""YAML text into a tree that remembers where everything stands, and nothing of YAML that surprises people.

Refused with their place: anchors, aliases and merge keys (so nothing ever expands), tags, duplicate keys, keys that
are not text, a second document. Scalars stay the text they are in the file: 'no', '08:30' and '010' mean what the
reader of the value says they mean, not what YAML 1.1 would make of them. Built from PyYAML's events rather than its
nodes: an event knows whether a tag was written, and the depth is bounded before anything recurses. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from router.config.problems import Problems, shown, step

DEPTH: Final = 50  # mappings and lists inside one another
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """One value as written."""

    line: int  # from 1; 0: not of the file, but declared through the API (config/fragments.py), which numbers them in the column
    column: int  # from 1, in characters
    text: str  # quotes and escapes resolved
    plain: bool  # written without quotes
    literal: bool = False  # `${` means nothing in it


@dataclass(slots=True)
class Items:
    """A list."""

    line: int
    column: int
    values: list["Value"] = field(default_factory=list)


@dataclass(slots=True)
class Form:
    """A mapping; its keys are text, each once."""

    line: int
    column: int
    values: dict[str, tuple[Scalar, "Value"]] = field(default_factory=dict)


Value = Scalar | Items | Form


def texts(value: Value) -> Iterator[str]:
    """What is written in *value*: all its scalars, without keys."""
    open_ = [value]
    while open_:
        one = open_.pop()
        if isinstance(one, Scalar):
            yield one.text
        else:
            open_ += one.values if isinstance(one, Items) else [inner for _, inner in one.values.values()]


class Unreadable(Exception):
    """The text cannot be read on from here; the problem is noted already."""


def parse(text: str, problems: Problems) -> Value | None:
    """The first document's tree; None when there is none. Mistakes are noted; after a fatal one (syntax, depth) raises Unreadable."""
    try:
        return _Builder(problems).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        begun = error.context_mark if error.context in _BEGUN else None
        mark = begun or error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problems.note(line, column, "", _syntax(error, text, line, column))
        raise Unreadable from None
    except yaml.YAMLError as error:
        problems.note(1, 1, "", f"not YAML: {shown(str(error))}")
        raise Unreadable from None


_BEGUN: Final = {  # what is told where it begins, not where the end of it is missed
    "while scanning a simple key": "not YAML: a key without a colon and a value",
    "while scanning a quoted scalar": "not YAML: this quote is not closed",
}
_NO_COLON: Final = "mapping values are not allowed"


def _syntax(error: yaml.MarkedYAMLError, text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    here = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    if here == "\t":
        return "a tab cannot indent YAML; use spaces"
    if here in {"@", "`", "%"}:
        return f"a value cannot begin with {here}; put it in quotes"
    if error.context in _BEGUN:
        return _BEGUN[error.context]
    if (error.problem or "").startswith(_NO_COLON):
        return "not YAML: a colon that ends no key; put a value that holds one in quotes, or end the key in the line above with one"
    begun = error.context_mark
    where = f" (it begins on line {begun.line + 1}, column {begun.column + 1})" if begun else ""
    return f"not YAML: {', '.join(filter(None, (f'{error.context}{where}' if error.context else '', error.problem)))}"


_NO_KEY: Final = Scalar(0, 0, "", plain=False)  # stands for a key that is no text; noted already


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None  # every event from a parser has one
    return mark.line + 1, mark.column + 1


class _Builder:
    """Events in, tree out; a stack of open lists and mappings instead of recursion."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: list[tuple[Items | Form, Scalar | None]] = []  # and the key of a mapping whose value comes next
        self._root: Value | None = None

    def build(self, events: Iterator[yaml.Event]) -> Value | None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "a second document; config.yaml is one document")
                    break
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._place(self._open.pop()[0])
            elif isinstance(event, yaml.AliasEvent):
                self._note(event, f"alias *{shown(event.anchor or '')}: aliases are not supported; write the value out")
                self._place(Scalar(*_start(event), "", plain=False))
        return self._root

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._check(event, event.tag)
        self._place(Scalar(*_start(event), event.value, plain=event.implicit[0] and not event.style))

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._check(event, event.tag)
        if len(self._open) >= DEPTH:
            self._note(event, f"nested more than {DEPTH} levels deep")
            raise Unreadable
        kind = Form if isinstance(event, yaml.MappingStartEvent) else Items
        self._open.append((kind(*_start(event)), None))

    def _check(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if event.anchor:
            self._note(event, f"anchor &{shown(event.anchor)}: anchors are not supported")
        if tag:
            self._note(event, f"tag {shown(tag)}: tags are not supported")

    def _note(self, event: yaml.Event, message: str) -> None:
        self._problems.note(*_start(event), "", message)

    def _place(self, value: Value) -> None:
        """Put a finished value where it belongs: the root, a list, or a mapping as its next key or value."""
        if not self._open:
            self._root = value
            return
        parent, key = self._open[-1]
        if isinstance(parent, Items):
            parent.values.append(value)
        elif key is None:
            self._open[-1] = (parent, self._key(value))
        else:
            self._open[-1] = (parent, None)
            self._enter(parent, key, value)

    def _key(self, value: Value) -> Scalar:
        if isinstance(value, Scalar):
            return value
        self._problems.note(value.line, value.column, "", "a key must be text")
        return _NO_KEY

    def _enter(self, form: Form, key: Scalar, value: Value) -> None:
        if key is _NO_KEY:
            return
        if key.plain and key.text == "<<":
            self._problems.note(key.line, key.column, "", "merge keys (<<) are not supported; write the values out")
        elif key.text in form.values:
            first = form.values[key.text][0]
            self._problems.note(key.line, key.column, step(self._above(), key.text), f"duplicate key, first on line {first.line}")
        else:
            form.values[key.text] = (key, value)

    def _above(self) -> str:
        """The path of the innermost list or mapping that is open."""
        path = ""
        for parent, key in self._open[:-1]:
            path = f"{path}[{len(parent.values)}]" if isinstance(parent, Items) else step(path, key.text if key else "")
        return path
