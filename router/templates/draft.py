"""What is being written while a template is read: the config, the report, and what refers to what. Pure."""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from router.templates.props import Props
from router.templates.resolve import Resolver
from router.templates.words import DIFFERS, REFUSED, RUNS, Code, Refused, Row, shown

SECTIONS: Final = (
    "buckets",
    "tables",
    "queues",
    "topics",
    "buses",
    "schedule_groups",
    "usage_plans",
    "roles",
    "functions",
    "rules",
    "notifications",
    "schedules",
)
_ARN: Final = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):([0-9]*):(.+)")


@dataclass(slots=True)
class Item:
    """One resource, or one event of a function, on its way into the config."""

    logical: str
    type: str
    name: str  # physical
    raw: Mapping[str, Any]  # the whole resource as written
    line: int = 0
    becomes: str = ""
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Say, once, how it differs."""
        if sentence not in self.notes:
            self.notes.append(sentence)


@dataclass(frozen=True, slots=True)
class Target:
    """Something that an ARN names and that is here."""

    kind: str  # function, queue, topic, bus, bucket
    name: str
    qualifier: str = ""  # of a function


@dataclass(slots=True)
class Api:
    """One API: what its routes share."""

    kind: str  # http | rest
    logical: str
    shared: dict[str, Any] = field(default_factory=dict)  # of each route, as config.yaml spells it
    authorizers: dict[str, dict[str, Any]] = field(default_factory=dict)  # name → the value under `authorizer`
    default: str = ""  # the authorizer of routes that say nothing
    plan: str = ""  # the usage plan whose keys routes may want
    keyed: bool = False  # all routes want a key
    throttles: dict[str, dict[str, Any]] = field(default_factory=dict)  # "GET /x" → throttle
    signed: bool = False  # IAM is the default


class Draft:
    """The config so far."""

    def __init__(self, resolver: Resolver, data: str, base: str, draw: Callable[[str], str]) -> None:
        self.resolver, self.data, self.base, self.draw = resolver, data, base, draw
        self.sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        self.rows: dict[str, Row] = {}
        self.refused: set[str] = set()  # logical ids
        self.made: set[str] = set()  # roles that SAM makes, of functions that name none
        self.codes: list[Code] = []
        self.files: dict[str, str] = {}
        self.private = False
        self.secrets: frozenset[str] = frozenset()
        self.managed: dict[str, list[dict[str, Any]]] = {}  # ARN of a managed policy of the template → its statements
        self.layers: dict[str, str] = {}  # ARN → path
        self.apis: dict[str, Api] = {}  # by logical id
        self.integrations: dict[str, dict[str, Any]] = {}  # of HTTP APIs that are written out
        self.segments: dict[str, tuple[str, str]] = {}  # resources of REST APIs: parent, and part of the path
        self.keys: dict[str, str] = {}  # API keys by name
        self.plans: dict[str, dict[str, Any]] = {}  # usage plans that are resources
        self.routes: dict[str, str] = {}  # what routes claim → which API they are of
        self.streams: dict[str, str] = {}  # ARN of a stream → its table
        self.globals: dict[str, Any] = {}  # the section of the template
        self._later: list[Callable[[], None]] = []

    # -- one item after another

    def attempt(self, item: Item, work: Callable[[], None]) -> bool:
        """Do *work* for an item, and note what became of it; whether it runs."""
        self.resolver.referred.clear()
        try:
            work()
        except Refused as refusal:
            self.refused.add(item.logical)
            self.rows[item.logical] = Row(item.logical, item.type, REFUSED, "", (str(refusal),), item.line)
            return False
        for gone in sorted(self.resolver.referred & self.refused):
            item.note(f"refers to {gone}, which is refused")
        self.rows[item.logical] = Row(item.logical, item.type, DIFFERS if item.notes else RUNS, item.becomes, tuple(item.notes), item.line)
        return True

    def later(self, work: Callable[[], None]) -> None:
        """Do this when all that it may name is there."""
        self._later.append(work)

    def finish(self) -> None:
        """Do what was put off, and what that puts off."""
        while self._later:
            work, self._later = self._later, []
            for each in work:
                each()

    # -- the config

    def add(self, section: str, item: Item, value: Any, pattern: str = "", what: str = "") -> None:
        """Put an item's value into a section under its name. Raises Refused for a name that is taken or is none."""
        if pattern and not re.fullmatch(pattern, item.name):
            raise Refused(f"{shown(item.name)} is no name of {what}")
        if item.name in self.sections[section]:
            raise Refused(f"another resource has the name {shown(item.name)} already")
        self.sections[section][item.name] = value
        item.becomes = f"{section}.{item.name}"

    def trigger(self, function: str, word: str, value: Any, *, enabled: bool = True, qualifier: str = "") -> None:
        """Add a trigger to a function that is here. Raises Refused."""
        if function not in self.sections["functions"]:
            raise Refused(f"function {shown(function)} is not here")
        if not enabled or qualifier:
            value = value if isinstance(value, dict) else {_MAIN[word]: value}
            value = value | ({"qualifier": qualifier} if qualifier else {}) | ({} if enabled else {"enabled": False})
        self.sections["functions"][function].setdefault("triggers", []).append({word: value})

    def path(self, written: str) -> str:
        """A path of the template's as config.yaml has it."""
        found = posixpath.normpath(posixpath.join(self.base, written))
        return found if found.startswith((".", "/")) else f"./{found}"

    def allow(self, function: str, statements: list[dict[str, Any]]) -> None:
        """Add to a function's role what SAM adds to one that it makes."""
        role = self.sections["functions"].get(function, {}).get("role", "")
        if role in self.made:
            policy = self.sections["roles"][role]["policy"]
            policy += [statement for statement in statements if statement not in policy]

    # -- what others name

    def props(self, item: Item, raw: Any = None) -> Props:
        """An item's properties, resolved."""
        return Props(self.resolver.value(item.raw.get("Properties") or {} if raw is None else raw), "", item.note)

    def target(self, arn: Any) -> Target:
        """What an ARN (or a queue's address) names. Raises Refused when it is not here."""
        found = _ARN.fullmatch(arn) if isinstance(arn, str) else None
        if found is None:
            raise Refused(f"{shown(arn)} is no ARN")
        service, _, _, rest = found.groups()
        target = _named(service, rest)
        section = f"{target.kind}{'e' if target.kind == 'bus' else ''}s" if target.kind else ""
        if not section or (target.name not in self.sections[section] and (target.kind, target.name) != ("bus", "default")):
            raise Refused(f"{shown(arn)} is not here")
        return target

    def function(self, named: Any) -> Target:
        """A function that is named by its name, partial ARN or ARN. Raises Refused."""
        if isinstance(named, str) and not named.startswith("arn:"):
            name, _, qualifier = named.rpartition("function:")[2].partition(":")
            arn = f"arn:aws:lambda:{self.resolver.place.region}:{self.resolver.place.account}:function:{name}"
            named = f"{arn}:{qualifier}" if qualifier else arn
        target = self.target(named)
        if target.kind != "function":
            raise Refused(f"{shown(named)} is no function")
        return target

    def bus(self, named: Any) -> str:
        """A bus by its name or ARN; the default one for None. Raises Refused."""
        name = "default" if named is None else str(named).rpartition("/")[2]
        if name != "default" and name not in self.sections["buses"]:
            raise Refused(f"event bus {shown(name)} is not here")
        return name

    def bucket(self, named: Any) -> str:
        """A bucket by its name or ARN. Raises Refused."""
        name = str(named).rpartition(":")[2]
        if name not in self.sections["buckets"]:
            raise Refused(f"bucket {shown(name)} is not here")
        return name


_MAIN: Final = {
    "s3": "bucket",
    "http": "route",
    "url": "auth",
    "schedule": "expression",
    "queue": "name",
    "table": "name",
    "event": "pattern",
    "sns": "topic",
}


def _named(service: str, rest: str) -> Target:
    if service == "lambda" and rest.startswith("function:"):
        _, name, *qualifier = rest.split(":")
        return Target("function", name, qualifier[0] if qualifier and qualifier[0] != "$LATEST" else "")
    if service == "events" and rest.startswith("event-bus/"):
        return Target("bus", rest[10:])
    kinds = {"sqs": "queue", "sns": "topic", "s3": "bucket"}
    return Target(kinds.get(service, ""), rest)


class Verbatim(dict[str, Any]):
    """A value in whose texts config.yaml knows no references."""


def escaped(value: Any) -> Any:
    """A value of the config in whose texts no `${` is a reference of config.yaml's: what a template says is nothing but text."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [escaped(each) for each in value]
    return {key: escaped(each) for key, each in value.items()} if isinstance(value, dict) and not isinstance(value, Verbatim) else value


def escaped_entry(value: Any) -> Any:
    """The same of an entry of a section: in its policy and its trust, variables are their own."""
    return (
        {key: each if key in ("policy", "trust") else escaped(each) for key, each in value.items()}
        if isinstance(value, dict)
        else escaped(value)
    )
