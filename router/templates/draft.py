"""What is being written while a template is read: the config, the report, and what refers to what. Pure."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from router.templates.kinds import kind_of
from router.templates.naming import NO_VALUE
from router.templates.props import Props
from router.templates.resolve import APIS, IMPLICIT, Resolver
from router.templates.words import DIFFERS, REFUSED, RUNS, Code, Refused, Row, shown

SECTIONS: Final = (
    "buckets",
    "tables",
    "queues",
    "topics",
    "buses",
    "schedule_groups",
    "log_groups",
    "metric_filters",
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
    doubt: str = ""  # why it cannot be told whether its condition holds
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
    plans: list[str] = field(default_factory=list)  # the usage plans whose keys routes may want
    keyed: bool = False  # all routes want a key
    options: tuple[bool, bool] = (True, True)  # whether methods OPTIONS have that authorizer, and want that key
    key_source: str = ""  # where routes take the key from; "": the header
    throttles: dict[str, dict[str, Any]] = field(default_factory=dict)  # "GET /x" → throttle
    unread: Callable[[], object] | None = None  # reads its `Auth`, when functions are there
    stage: str = ""  # of one that is written out: the stage that is served, "$default" too
    events: str = "completed"  # what events do to routes that it declares itself: completed, merged (theirs count), ignored


@dataclass(slots=True, eq=False)
class Route:
    """One route on its way into the config."""

    item: Item
    api: Api
    key: str  # as config.yaml spells it
    guard: Mapping[str, Any] | None = None  # who may call it, as config.yaml spells it; None: not known
    function: str = ""  # that serves it; "": none does
    qualifier: str = ""  # of the function
    own: Mapping[str, Any] = field(default_factory=dict)  # what is said of it alone, beside its guard
    trigger: Mapping[str, Any] | None = None  # what the function has of it
    vacant: bool = False  # an operation of a definition that waits for an event's function


class Draft:
    """The config so far."""

    def __init__(self, resolver: Resolver, data: str, base: str, draw: Callable[[str], str]) -> None:
        self.resolver, self.data, self.base, self.draw = resolver, data, base, draw
        self.sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        self.rows: dict[str, Row] = {}
        self.refused: set[str] = set()  # logical ids
        self.idle: set[str] = set()  # ARNs of roles that are not created, as their functions have nothing to do here
        self.made: set[str] = set()  # roles that SAM makes, of functions that name none
        self.codes: list[Code] = []
        self.files: dict[str, str] = {}
        self.private = False
        self.secrets: frozenset[str] = frozenset()
        self.managed: dict[str, list[dict[str, Any]]] = {}  # ARN of a managed policy of the template → its statements
        self.layers: dict[str, str] = {}  # ARN without a version → path
        self.given: Mapping[str, str] = {}  # layers that are not of the template: ARN, with a version or without one → path
        self.used: set[str] = set()  # of those
        self.apis: dict[str, Api] = {}  # by logical id
        self.missing: dict[str, list[str]] = {}  # logical id of an API → what its routes may not be served without
        self.integrations: dict[str, dict[str, Any]] = {}  # of HTTP APIs that are written out
        self.segments: dict[str, tuple[str, str]] = {}  # resources of REST APIs: parent, and part of the path
        self.keys: dict[str, str] = {}  # API keys by name
        self.plans: dict[str, dict[str, Any]] = {}  # usage plans that are resources
        self.plan_owners: dict[str, str] = {}  # usage plans that SAM makes: of which API, or SHARED
        self.routes: list[Route] = []  # all that were attempted
        self.preflights: list[tuple[Route, Mapping[str, Any]]] = []  # methods OPTIONS that are mocks, and the `cors` of their paths
        self.claimed: dict[str, str] = {}  # what routes claim → which API they are of
        self.streams: dict[str, str] = {}  # ARN of a stream → its table
        self.globals: dict[str, Any] = {}  # the section of the template
        self._later: list[Callable[[], None]] = []

    # -- one item after another

    def attempt(self, item: Item, work: Callable[[], None]) -> bool:
        """Do *work* for an item, and note what became of it; whether it runs."""
        around = frozenset(self.resolver.referred)
        self.resolver.referred.clear()
        try:
            work()
            gone = sorted(self.resolver.referred & self.refused)
        except Refused as refusal:
            self.refused.add(item.logical)
            self.rows[item.logical] = Row(item.logical, item.type, REFUSED, "", (str(refusal),), item.line)
            return False
        finally:
            self.resolver.referred |= around
        for each in gone:
            item.note(f"refers to {each}, which is refused")
        self.rows[item.logical] = Row(item.logical, item.type, DIFFERS if item.notes else RUNS, item.becomes, tuple(item.notes), item.line)
        return True

    def layer(self, arn: str) -> str:
        """Where a layer is, as config.yaml has it. Raises Refused."""
        plain = arn.rpartition(":")[0]
        if plain in self.layers:
            return self.layers[plain]
        known = next((one for one in (arn, plain) if one in self.given), None)
        if known is None:
            raise Refused(
                f"layer {shown(arn)} is not in this template; give the directory or .zip of what is in it: --layer {shown(plain)}=PATH"
            )
        self.used.add(known)
        return self.given[known]

    def later(self, work: Callable[[], None]) -> None:
        """Do this when all that it may name is there."""
        self._later.append(work)

    def finish(self) -> None:
        """Do what was put off, and what that puts off."""
        while self._later:
            work, self._later = self._later, []
            for each in work:
                each()

    # -- what APIs demand of all their routes

    @contextmanager
    def needed(self, api: str, what: str) -> Iterator[None]:
        """While a part of an API is read without which no route of it may be served: when it is refused, so are they."""
        missing = self.missing.setdefault(api, [])
        missing.append(what)
        yield
        missing.remove(what)

    def read(self, api: Api) -> None:
        """Read an API's `Auth`, once."""
        unread, api.unread = api.unread, None
        if unread is not None:
            unread()

    def enter(self, api: Api) -> None:
        """Before a route of an API is served: all that the API demands of it is known then. Raises Refused when a part of that is not here."""
        self.read(api)
        if api.logical in self.refused:
            raise Refused(f"{api.logical} is refused")
        if missing := self.missing.get(api.logical):
            raise Refused(f"{missing[0]} of {api.logical} is refused, and without it no route of that API is served")

    # -- the config

    def free(self, section: str, item: Item, pattern: str = "", what: str = "") -> None:
        """Raises Refused when an item's name is taken in a section or is none."""
        if pattern and not re.fullmatch(pattern, item.name):
            raise Refused(f"{shown(item.name)} is no name of {what}")
        if item.name in self.sections[section]:
            raise Refused(f"another resource has the name {shown(item.name)} already")

    def add(self, section: str, item: Item, value: Any, pattern: str = "", what: str = "") -> None:
        """Put an item's value into a section under its name. Raises Refused for a name that is taken or is none."""
        self.free(section, item, pattern, what)
        self.sections[section][item.name] = value
        item.becomes = f"{section}.{item.name}"

    def trigger(self, function: str, word: str, value: Any, *, enabled: bool = True, qualifier: str = "") -> Mapping[str, Any]:
        """Add a trigger to a function that is here; the trigger. Raises Refused."""
        if function not in self.sections["functions"]:
            raise Refused(f"function {shown(function)} is not here")
        if not enabled or qualifier:
            value = value if isinstance(value, dict) else {_MAIN[word]: value}
            value = value | ({"qualifier": qualifier} if qualifier else {}) | ({} if enabled else {"enabled": False})
        added = {word: value}
        self.sections["functions"][function].setdefault("triggers", []).append(added)
        return added

    @cached_property
    def own_routes(self) -> dict[tuple[str, str], Route]:
        """API and route → what the API declares itself; asked for first when all of those are there, and none of an event's."""
        return {(route.api.logical, route.key): route for route in self.routes}

    def withdraw(self, route: Route) -> None:
        """Take a route that is served back."""
        function = self.sections["functions"][route.function]
        function["triggers"] = [trigger for trigger in function["triggers"] if trigger is not route.trigger]
        if not function["triggers"]:
            del function["triggers"]
        route.trigger = None

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
        values = self.resolver.value(item.raw.get("Properties") or {} if raw is None else raw)
        return Props({} if values is NO_VALUE else values, "", item.note)

    def target(self, arn: Any) -> Target:
        """What an ARN (or a queue's address) names. Raises Refused when it is not here."""
        found = _ARN.fullmatch(arn) if isinstance(arn, str) else None
        if found is None:
            raise Refused(f"{shown(arn)} is no ARN")
        service, _, _, rest = found.groups()
        if rest.startswith("aws-sdk:"):
            raise Refused(f"{shown(arn)}: universal targets are not called here; name the queue, topic, bus or function itself")
        target = _named(service, rest)
        section = f"{target.kind}{'e' if target.kind == 'bus' else ''}s" if target.kind else ""
        if not section or (target.name not in self.sections[section] and (target.kind, target.name) != ("bus", "default")):
            raise Refused(self._absent(section, target.name) or f"{shown(arn)} is not here")
        return target

    def _absent(self, section: str, name: str) -> str:
        """That something of this template is refused; "" when nothing of it has the name."""
        named = self.resolver.resources if section else {}
        for logical in sorted(self.refused & named.keys()):
            if kind_of(str(named[logical]["Type"])).section == section and self.resolver.name(logical) == name:
                return f"{logical} is refused"
        return ""

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

    def api(self, named: Any) -> Api:
        """An API by its id. Raises Refused also when two have it: the routes of one would be guarded as those of the other."""
        logicals = self._api_ids.get(str(named), [])
        if len(logicals) > 1:
            raise Refused(f"{' and '.join(logicals)} have one id here, {shown(named)}: give one of them another logical id")
        if logicals and logicals[0] in self.refused:
            raise Refused(f"{logicals[0]} is refused")
        if not logicals or logicals[0] not in self.apis:
            raise Refused(f"API {shown(named)} is not here")
        return self.apis[logicals[0]]

    def implicit(self, named: Any) -> str:
        """The logical id of the API of events that name none, when *named* is its id and no other's; "" otherwise."""
        (logical, *others) = self._api_ids.get(str(named), [""])
        return logical if not others and logical in IMPLICIT and logical not in self.resolver.resources else ""

    @cached_property
    def _api_ids(self) -> dict[str, list[str]]:
        """Id → the APIs that have it, whatever became of them."""
        found: dict[str, list[str]] = {}
        for logical, resource in self.resolver.resources.items():
            if resource.get("Type") in APIS:
                found.setdefault(self.resolver.name(logical), []).append(logical)
        for logical in IMPLICIT:
            if logical not in self.resolver.resources:
                found.setdefault(logical.lower(), []).append(logical)
        return found

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
