"""What the target of a rule gets of an event: all of it, a constant, a part, or a template with parts put in.

Pure. Sources: EventBridge user guide, "Transforming Amazon EventBridge target input"; API reference, Target and InputTransformer; what AWS
delivered in tests/golden/eventbridge_input_transformer_cases.json. Where AWS's result would be no JSON, which no function could
get, this differs: a variable that finds nothing is "" outside quotes, and a text is escaped inside them when it must be."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import orjson

from router import names

INPUT_CHARS: Final = 8192  # of an input or of a template at most
VARIABLES: Final = 100  # of a template at most
RESULT_CHARS: Final = 4 * 1024 * 1024  # of what a template comes to at most, before it is looked at
PATH_CHARS: Final = 256  # of a path at most
MISSING: Final = object()  # what a path finds where there is nothing

_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]{1,9})\]|\['([^'\]]*)'\]|\[\"([^\"\]]*)\"\]|(\[\*\]|\.\*)")
_VARIABLE: Final = re.compile(r"<([A-Za-z0-9_.-]+)>")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")

Path = tuple[str | int | None, ...]  # key, index, or None for all elements


class InvalidInput(ValueError):
    """An input, path or template that AWS would refuse."""


class InvalidPlaceholder(InvalidInput):
    """A template that names a variable which it has not."""

    def __init__(self, name: str) -> None:
        super().__init__(f"InputTemplate contains invalid placeholder {name}.")
        self.name = name


class Facts(NamedTuple):
    """What a template may ask for beside the event."""

    rule_name: str
    rule_arn: str
    ingested: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class Input:
    """What becomes of an event; made by whole(), constant(), part() and template()."""

    text: str | None = None  # JSON text of the constant, or of the template
    path: Path | None = None
    variables: Mapping[str, Path] | None = None  # of the template
    pieces: tuple["Piece", ...] = field(default=())  # of the template

    @classmethod
    def constant(cls, value: Any) -> Self:
        """A JSON value in the event's place. Raises InvalidInput."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        if len(text) > INPUT_CHARS:
            raise InvalidInput(f"an input has {INPUT_CHARS} characters of JSON at most, this one has {len(text)}")
        return cls(text=text)

    @classmethod
    def part(cls, path: str) -> Self:
        """The part of the event that a path finds; {} when it finds nothing. Raises InvalidInput."""
        return cls(path=path_of(path))

    @classmethod
    def template(cls, template: str, paths: Mapping[str, str]) -> Self:
        """A template, and the paths of its variables. Raises InvalidInput."""
        if len(template) > INPUT_CHARS:
            raise InvalidInput(f"a template has {INPUT_CHARS} characters at most, this one has {len(template)}")
        if len(paths) > VARIABLES:
            raise InvalidInput(f"a template has {VARIABLES} variables at most, this one has {len(paths)}")
        for name in paths:
            if not _NAME.fullmatch(name) or name.lower().startswith("aws"):
                raise InvalidInput(f"{name} is no name of a variable: letters, digits, hyphens and underscores, not beginning with aws")
        made = cls(template, variables={name: path_of(path) for name, path in paths.items()}, pieces=tuple(_pieces(template)))
        for piece in made.pieces:
            if piece.name and piece.name not in paths and piece.name not in _OWN:
                raise InvalidPlaceholder(piece.name)
        if _parsed("".join(piece.text if not piece.name else "" if piece.quoted else "0" for piece in made.pieces)) is MISSING:
            raise InvalidInput("the template is not JSON; a template that is a text stands in quotes of its own")
        return made

    def of(self, event: Mapping[str, Any], facts: Facts) -> bytes:
        """What the function gets, JSON text. Raises InvalidInput when a template comes to more than any function can get."""
        if self.path is not None:
            found = find(event, self.path)
            return dumped({} if found is MISSING else found)
        if self.text is None:
            return dumped(event)
        return self._filled(event, facts).encode() if self.pieces else self.text.encode()

    def _filled(self, event: Mapping[str, Any], facts: Facts) -> str:
        values = {piece.name: self._value(piece.name, event, facts) for piece in self.pieces if piece.name}
        text = self._joined(values, _bare)
        return text if _parsed(text) is not MISSING else self._joined(values, _escaped)

    def _joined(self, values: Mapping[str, Any], inside: Callable[[Any], str]) -> str:
        parts: list[str] = []
        size = 0
        for piece in self.pieces:  # a template may ask for one large value a hundred times
            parts.append(piece.filled(values, inside))
            size += len(parts[-1])
            if size > RESULT_CHARS:
                raise InvalidInput(f"the input made of the event has over {RESULT_CHARS} characters")
        return "".join(parts)

    def _value(self, name: str, event: Mapping[str, Any], facts: Facts) -> Any:
        own = _OWN.get(name)
        return own(event, facts) if own is not None else find(event, (self.variables or {})[name])


WHOLE: Final = Input()


class Piece(NamedTuple):
    """A stretch of a template: a text, or a variable."""

    text: str
    name: str = ""  # of the variable; "": a text
    quoted: bool = False  # it stands inside quotes

    def filled(self, values: Mapping[str, Any], inside: Callable[[Any], str]) -> str:
        """The text that takes its place; *inside* makes it for quotes."""
        if not self.name:
            return self.text
        value = values[self.name]
        if self.quoted:
            return "" if value is MISSING else inside(value)
        return dumped("" if value is MISSING else value).decode()


def _pieces(template: str) -> Iterator[Piece]:
    end, quoted = 0, False
    for found in _VARIABLE.finditer(template):
        before = template[end : found.start()]
        quoted = _quoted_after(before, quoted=quoted)
        yield Piece(before)
        yield Piece("", found[1], quoted)
        end = found.end()
    yield Piece(template[end:])


def _quoted_after(text: str, *, quoted: bool) -> bool:
    """Whether what follows *text* stands inside quotes."""
    return quoted ^ (re.sub(r"\\.", "", text, flags=re.DOTALL).count('"') % 2 == 1)


def _bare(value: Any) -> str:
    """How AWS writes a value inside quotes: as it is; lists and objects without any quotes."""
    return value if isinstance(value, str) else dumped(value).decode().replace('"', "")


def _escaped(value: Any) -> str:
    return json.dumps(_bare(value))[1:-1]


def _without_detail(event: Mapping[str, Any], _: Facts) -> Any:
    return {"detailType" if key == "detail-type" else key: value for key, value in event.items() if key != "detail"}


_OWN: Final[Mapping[str, Callable[[Mapping[str, Any], Facts], Any]]] = {
    "aws.events.rule-arn": lambda _, facts: facts.rule_arn,
    "aws.events.rule-name": lambda _, facts: facts.rule_name,
    "aws.events.event.ingestion-time": lambda _, facts: names.iso_s(facts.ingested),
    "aws.events.event": _without_detail,
    "aws.events.event.json": lambda event, _: event,
}  # variables that are always there


def path_of(text: str) -> Path:
    """A JSON path: $, then .name, ['name'], [0], [*] or .*; Raises InvalidInput."""
    if not text.startswith("$") or len(text) > PATH_CHARS:
        raise InvalidInput(f"{text[:100]} is no JSON path; write $.detail.id or $.resources[0]")
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise InvalidInput(f"{text} is no JSON path from its character {at + 1} on; write $.detail.id or $.resources[0]")
        key, index, single, double, every = step.groups()
        steps.append(None if every else int(index) if index else next(name for name in (key, single, double) if name is not None))
        at = step.end()
    return tuple(steps)


def find(value: Any, path: Path) -> Any:
    """What stands at *path*; MISSING when nothing does. All elements are a list of what the rest finds in each."""
    for depth, step in enumerate(path):
        if step is None:
            rest = path[depth + 1 :]
            elements = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
            found = [one for one in (find(element, rest) for element in elements) if one is not MISSING]
            return found or MISSING
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else MISSING
        if value is MISSING:
            return MISSING
    return value


def dumped(value: Any) -> bytes:
    """JSON text; a number of any size, and half a surrogate pair as an escape."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _parsed(text: str) -> Any:
    """The value of JSON text that is UTF-8 too; MISSING when it is not both."""
    try:
        return json.loads(text.encode())
    except (ValueError, RecursionError):
        return MISSING
