"""What resources are called here: their names, ARNs, addresses and attributes. Pure.

Source: CloudFormation template reference, "Return values" of each type; SAM developer guide, "Generated CloudFormation resources"."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from router.templates.kinds import KINDS, fitted, kind_of, other_arn
from router.templates.words import Refused, shown

DEPTH: Final = 60  # of references that lead to one another


@dataclass(frozen=True, slots=True)
class Place:
    """Where the template runs."""

    region: str = "us-east-1"
    account: str = "123456789012"
    stack: str = "stack"
    endpoint: str = "http://127.0.0.1:4566"  # of the listener `aws`
    http: str = "127.0.0.1:8080"  # host and port of the listener `http`


class NoValue:
    """AWS::NoValue: the property is not there."""


NO_VALUE: Final = NoValue()
_MADE: Final = {  # what SAM makes for a destination that names none → its type, SAM's word for that, and ours
    "DestinationQueue": ("AWS::SQS::Queue", "SQS", "queue"),
    "DestinationTopic": ("AWS::SNS::Topic", "SNS", "topic"),
}
_STAGED: Final = frozenset({"AWS::Serverless::Api", "AWS::Serverless::HttpApi"})
_IMPLICIT_STAGES: Final = {
    **dict.fromkeys(("ServerlessRestApiProdStage", "ServerlessRestApi.Stage"), "Prod"),
    **dict.fromkeys(("ServerlessHttpApiApiGatewayDefaultStage", "ServerlessHttpApi.Stage"), "$default"),
}
GENERATED: Final = (".Alias", ".Version", ".Stage", *(f".{part}" for part in _MADE))  # what SAM makes of a resource, and Ref names
_OF_MADE: Final = re.compile(r"(\w+)\.(DestinationQueue|DestinationTopic)\.(\w+)")


def spelt(value: Any, where: str) -> str:
    """A value as text. Raises Refused for one that is none; *where* says what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Refused(f"{where} is no text")


def made_destination(function: str, end: str, kind: str) -> str:
    """The queue or topic that SAM makes for a function when a destination names none; *end*: OnSuccess or OnFailure."""
    return fitted(f"{function}EventInvokeConfig{end}{kind.title()}", 80)


def made_role(function: str) -> str:
    """The role that SAM makes for a function that names none."""
    return fitted(f"{function}Role", 64)


class Naming(ABC):
    """The resources of one template."""

    def __init__(self, place: Place, resources: Mapping[str, Mapping[str, Any]]) -> None:
        self.place, self.resources = place, resources
        self._names: dict[str, str] = {}
        self._busy: list[str] = []  # what is being looked up: it must not lead to itself
        self.referred: set[str] = set()  # logical ids and parameters that values came from, until somebody empties it

    @abstractmethod
    def value(self, raw: Any) -> Any:
        """*raw* with every function called. Raises Refused."""

    @contextmanager
    def within(self, what: str) -> Iterator[None]:
        """While *what* is looked up. Raises Refused when it leads to itself."""
        if what in self._busy:
            raise Refused(f"circular: {' → '.join([*self._busy[self._busy.index(what) :], what])}"[:200])
        if len(self._busy) >= DEPTH:
            raise Refused(f"references lead to one another over more than {DEPTH} steps")
        self._busy.append(what)
        try:
            yield
        finally:
            self._busy.pop()

    def resource(self, name: str) -> Any:
        """What {"Ref": name} gives of a resource, or of one that SAM makes; None when there is none. Raises Refused."""
        if name in self.resources:
            return self._of(name, "")
        logical, _, part = name.partition(".")
        if logical in self.resources and part in {"Alias", "Version"}:
            return f"{self.attribute(logical, 'Arn')}:{self._qualifier(logical, part)}"
        if logical in self.resources and part in _MADE:
            return self._destination(logical, part, "")
        if logical in self.resources and part == "Stage":
            return spelt(self.value(self._properties(logical).get("StageName", "$default")), "StageName")
        if (stage := self._stage_made(name)) is not None:
            return stage
        if name in self._queues:
            return self._formed("AWS::SQS::Queue", name, fitted(name, 80), "")
        function = self._generated(name, "Role")
        return None if function is None else made_role(self.name(function))

    def _stage_made(self, name: str) -> str | None:
        """The stage that SAM makes under this logical id: ApiProdStage, or ApiApiGatewayDefaultStage of an HTTP API's $default."""
        if not name.endswith("Stage"):
            return None
        apis = [
            logical for logical, resource in self.resources.items() if str(resource.get("Type")) in _STAGED and name.startswith(logical)
        ]
        for logical in apis:
            stage = spelt(self.value(self._properties(logical).get("StageName", "$default")), "StageName")
            if name in {
                f"{logical}{stage}Stage",
                f"{logical}Stage",
                *((f"{logical}ApiGatewayDefaultStage",) if stage == "$default" else ()),
            }:
                self.referred.add(logical)
                return stage
        return _IMPLICIT_STAGES.get(name)

    def _destination(self, logical: str, part: str, attribute: str) -> str:
        """What a function's destination that SAM makes gives: the one of failures, where it makes two. Raises Refused."""
        type_, theirs, kind = _MADE[part]
        config = self.value(self._properties(logical).get("EventInvokeConfig"))
        ends = config.get("DestinationConfig") if isinstance(config, dict) else None
        made = [
            end
            for end in ("OnFailure", "OnSuccess")
            if isinstance(ends, dict) and isinstance(one := ends.get(end), dict) and one.get("Type") == theirs and "Destination" not in one
        ]
        if not made:
            raise Refused(f"{shown(logical)}.{part}: SAM makes none, as no destination of type {theirs} is without one")
        return self._formed(type_, logical, made_destination(self.name(logical), made[0], kind), attribute)

    def _qualifier(self, logical: str, part: str) -> str:
        alias = self.value(self._properties(logical).get("AutoPublishAlias"))
        return str(alias) if part == "Alias" and alias else "$LATEST"

    def attribute(self, logical: str, attribute: str) -> Any:
        """What GetAtt gives. Raises Refused."""
        if (made := _OF_MADE.fullmatch(f"{logical}.{attribute}")) and made[1] in self.resources:
            return self._destination(*made.groups())
        if logical in self.resources:
            return self._of(logical, attribute)
        if logical in self._queues:
            return self._formed("AWS::SQS::Queue", logical, fitted(logical, 80), attribute)
        if attribute == "Arn" and (function := self._generated(logical, "Role")) is not None:
            return f"arn:aws:iam::{self.place.account}:role/{made_role(self.name(function))}"
        if attribute in {"FunctionUrl", "FunctionArn"} and (function := self._generated(logical, "Url")) is not None:
            return self.url(self.name(function)) if attribute == "FunctionUrl" else self.attribute(function, "Arn")
        raise Refused(f"{shown(logical)}: no resource of this template")

    @cached_property
    def _queues(self) -> frozenset[str]:
        """Logical ids of the queues that SAM makes for events of functions: of those that bring a topic's messages, and for dead letters."""
        found: set[str] = set()
        for logical, resource in self.resources.items():
            events = self._properties(logical).get("Events") if resource.get("Type") == "AWS::Serverless::Function" else None
            for event, part in events.items() if isinstance(events, dict) else ():
                properties = part.get("Properties") if isinstance(part, dict) else None
                if isinstance(properties, dict) and properties.get("SqsSubscription") is True:
                    found.add(f"{logical}{event}Queue")
                dead = properties.get("DeadLetterConfig") if isinstance(properties, dict) else None
                if isinstance(dead, dict) and isinstance(named := dead.get("QueueLogicalId"), str):
                    found.add(named)
        return frozenset(found)

    def _generated(self, name: str, end: str) -> str | None:
        """The function whose role or URL SAM would have made under this logical id."""
        logical = name.removesuffix(end)
        known = logical != name and self.resources.get(logical, {}).get("Type") == "AWS::Serverless::Function"
        return logical if known else None

    def url(self, function: str) -> str:
        """The address of a function's URL."""
        return f"http://{function.lower()}.lambda-url.{self.place.region}.localhost:{self.place.http.rpartition(':')[2]}/"

    def _of(self, logical: str, attribute: str) -> Any:
        self.referred.add(logical)
        type_ = str(self.resources[logical].get("Type"))
        if special := _SPECIAL.get(type_):
            return special(self, logical, attribute)
        return self._formed(type_, logical, self.name(logical), attribute)

    def _formed(self, type_: str, logical: str, name: str, attribute: str) -> str:
        kind = kind_of(type_)
        form = kind.ref if not attribute else kind.arn if attribute == "Arn" else kind.attributes.get(attribute, "")
        if not form and attribute == "Arn":
            form = other_arn(type_)
        if not form:
            why = "has no such attribute here" if type_ in KINDS else "is not supported"
            raise Refused(f"{shown(logical)}.{shown(attribute)}: {shown(type_)} {why}")
        return form.format(
            name=name,
            logical=logical,
            region=self.place.region,
            account=self.place.account,
            endpoint=self.place.endpoint,
            web=f"http://{self.place.http}",
        )

    def name(self, logical: str) -> str:
        """The physical name of a resource: its own, or one made of its logical id. Raises Refused."""
        if logical not in self._names:
            with self.within(logical):
                self._names[logical] = self._named(logical)
        return self._names[logical]

    def _named(self, logical: str) -> str:
        resource = self.resources[logical]
        kind = kind_of(str(resource.get("Type")))
        properties = self._properties(logical)
        own = self.value(properties[kind.property]) if kind.property in properties else None
        if own not in (None, "", NO_VALUE):
            if isinstance(own, dict | list):
                raise Refused(f"{kind.property} is no text")
            return str(own)
        fifo = bool(kind.suffix) and str(self.value(properties.get(kind.suffix))).lower() == "true"
        return kind.named(logical) + (".fifo" if fifo else "")

    def _properties(self, logical: str) -> Mapping[str, Any]:
        found = self.resources[logical].get("Properties")
        return found if isinstance(found, dict) else {}

    def alias_arn(self, logical: str, attribute: str) -> str:
        """AWS::Lambda::Alias: its ARN, whatever is asked."""
        del attribute
        properties = self._properties(logical)
        with self.within(logical):
            function, name = self.value(properties.get("FunctionName")), self.value(properties.get("Name"))
        return f"{self.function_arn(function)}:{name}"

    def version_arn(self, logical: str, attribute: str) -> str:
        """AWS::Lambda::Version: versions are published by hand here, so it is what the code is now."""
        if attribute == "Version":
            return "$LATEST"
        with self.within(logical):
            return f"{self.function_arn(self.value(self._properties(logical).get('FunctionName')))}:$LATEST"

    def url_of(self, logical: str, attribute: str) -> str:
        """AWS::Lambda::Url: the function's ARN, or its address."""
        with self.within(logical):
            arn = self.function_arn(self.value(self._properties(logical).get("TargetFunctionArn")))
        return self.url(arn.split(":")[6]) if attribute == "FunctionUrl" else arn

    def function_arn(self, named: Any) -> str:
        """The ARN of a function named by its name or ARN."""
        text = spelt(named, "a function's name")
        return text if text.startswith("arn:") else f"arn:aws:lambda:{self.place.region}:{self.place.account}:function:{text}"


_SPECIAL: Final[Mapping[str, Callable[[Naming, str, str], Any]]] = {
    "AWS::Lambda::Alias": Naming.alias_arn,
    "AWS::Lambda::Version": Naming.version_arn,
    "AWS::Lambda::Url": Naming.url_of,
}
