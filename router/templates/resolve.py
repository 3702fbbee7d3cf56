"""Intrinsic functions: what the values of a template come to. Pure.

Source: CloudFormation template reference, "Intrinsic functions", "Pseudo parameters", "Conditions". Ref and GetAtt of a resource
give its name, ARN or address here. What a value would be only in a cloud account (macros, dynamic references) is refused.
All text that functions make is counted: a template cannot expand without bounds."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from router.templates import document
from router.templates.naming import GENERATED, NO_VALUE, Naming, Place, spelt
from router.templates.words import Refused, TemplateError, shown

BUDGET: Final = 16 * 1024 * 1024  # characters and values that functions may make of one template
_EACH: Final = 16  # what a value takes as long to work out as so many characters
NESTED: Final = 100  # values within values, references followed
_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]*)(\}?)")  # an open one reaches to the end: each is looked at once
_EXECUTE: Final = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
IMPLICIT: Final = {"ServerlessRestApi": "AWS::Serverless::Api", "ServerlessHttpApi": "AWS::Serverless::HttpApi"}  # SAM makes them
APIS: Final = frozenset({*IMPLICIT.values(), "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"})
_DYNAMIC: Final = re.compile(r"\{\{resolve:([a-z-]+):")
_NAMESPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: URLs


Read = Callable[[str], str]
"""The text of a file that a template names by its path; raises Refused."""


def unread(path: str) -> str:
    """A Read for who has no disk. Raises Refused."""
    raise Refused(f"{shown(path)} is not read here")


class Resolver(Naming):
    """Gives the values of one template."""

    def __init__(
        self,
        place: Place,
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        resources: Mapping[str, Mapping[str, Any]],
    ) -> None:
        super().__init__(place, resources)
        self.read: Read = unread
        self._parameters, self._mappings, self._conditions = parameters, mappings, conditions
        self._pseudo: dict[str, Any] = {
            "AWS::Region": place.region,
            "AWS::AccountId": place.account,
            "AWS::Partition": "aws",
            "AWS::StackName": place.stack,
            "AWS::StackId": f"arn:aws:cloudformation:{place.region}:{place.account}:stack/{place.stack}/"
            f"{uuid.uuid5(_NAMESPACE, place.stack)}",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
            "ServerlessDeploymentApplication": "ServerlessDeploymentApplication",  # CodeDeploy's, which SAM makes
        }
        self.imports: Mapping[str, str] = {}  # what other stacks export: name → value
        self._held: dict[str, bool] = {}
        self._left = BUDGET
        self._depth = 0

    # -- values

    def value(self, raw: Any) -> Any:
        """*raw* with every function called. Raises Refused."""
        self._spend(_EACH)
        if self._depth >= NESTED:
            raise Refused(f"values lie more than {NESTED} levels within one another")
        self._depth += 1
        try:
            return self._value(raw)
        finally:
            self._depth -= 1

    def _value(self, raw: Any) -> Any:
        if isinstance(raw, str):
            return self._text(raw)
        if isinstance(raw, list):
            return [one for one in map(self.value, raw) if one is not NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            ((key, argument),) = raw.items()
            if key == "Ref":
                return self.ref(self._name_in(argument, "Ref"))
            if key == "Condition" and isinstance(argument, str) and argument in self._conditions:
                return self.holds(argument)
            if key.startswith("Fn::"):
                return self._call(key[4:], argument)
        found = {key: self.value(each) for key, each in raw.items()}
        return {key: each for key, each in found.items() if each is not NO_VALUE}

    def _text(self, text: str) -> str:
        self._spend(len(text))
        if dynamic := _DYNAMIC.search(text):
            raise Refused(f"{{{{resolve:{dynamic[1]}:…}}}} is looked up in an account; write the value, or make it a parameter")
        return self._served(text) if "execute-api" in text else text

    def _served(self, text: str) -> str:
        """*text*, with addresses of the template's APIs on AWS as they are here: all on the http listener."""
        return _EXECUTE.sub(lambda found: f"http://{self.place.http}" if found[1] in self._apis else found[0], text)

    @cached_property
    def _apis(self) -> frozenset[str]:
        """What the addresses of the template's APIs begin with."""
        ids = {self.name(logical) for logical, resource in self.resources.items() if resource.get("Type") in APIS}
        return frozenset((*ids, *map(str.lower, IMPLICIT)))

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise Refused("the functions of this template expand to more than 16 MB")

    # -- conditions

    def holds(self, name: str) -> bool:
        """Whether a condition is true. Raises Refused."""
        if name not in self._held:
            if name not in self._conditions:
                raise Refused(f"the template has no condition {shown(name)}")
            with self.within(f"condition {shown(name)}"):
                self._held[name] = self._truth(self._conditions[name])
        return self._held[name]

    def _truth(self, raw: Any) -> bool:
        found = (
            self.holds(self._name_in(raw["Condition"], "Condition"))
            if isinstance(raw, dict) and list(raw) == ["Condition"]
            else self.value(raw)
        )
        if not isinstance(found, bool):
            raise Refused(f"{shown(found)} is neither true nor false, as a condition must be")
        return found

    # -- references

    def ref(self, name: str) -> Any:
        """What {"Ref": name} stands for. Raises Refused."""
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            self.referred.add(name)
            found = self._parameters[name]
            self._spend(len(str(found)))
            return found
        if name in IMPLICIT and name not in self.resources:
            self.referred.add(name)
            return name.lower()
        found = self.resource(name)
        if found is not None:
            self._spend(len(str(found)))
            return found
        raise Refused(f"{shown(name)}: neither a parameter nor a resource of this template")

    # -- functions

    def _call(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Refused(_NOT_HERE.get(name, f"Fn::{shown(name)}: no intrinsic function"))
        return function(self, argument)

    @staticmethod
    def _name_in(argument: Any, function: str) -> str:
        if not isinstance(argument, str):
            raise Refused(f"{function} wants a name, not {shown(argument)}")
        return argument

    def _parts(self, argument: Any, function: str, low: int, high: int) -> list[Any]:
        if not isinstance(argument, list) or not low <= len(argument) <= high:
            raise Refused(f"{function} wants a list of {low if low == high else f'{low} to {high}'}, not {shown(argument)}")
        return argument

    def _get_att(self, argument: Any) -> Any:
        if isinstance(argument, str):
            logical, _, attribute = argument.partition(".")
        else:
            logical, attribute = self._parts(argument, "Fn::GetAtt", 2, 2)
            attribute = self.value(attribute)
        found = self.attribute(self._name_in(logical, "Fn::GetAtt"), self._name_in(attribute, "Fn::GetAtt"))
        self._spend(len(str(found)))
        return found

    def _sub(self, argument: Any) -> str:
        text, variables = self._parts(argument, "Fn::Sub", 2, 2) if isinstance(argument, list) else (argument, {})
        if not isinstance(text, str) or not isinstance(variables, dict):
            raise Refused("Fn::Sub wants a text, or a list of a text and a mapping")
        known = {name: self.value(each) for name, each in variables.items()}

        def replaced(found: re.Match[str]) -> str:
            if not found[3]:
                return found[0]
            if found[1]:
                return f"${{{found[2]}}}"
            name = found[2].strip()
            if name in known:
                value = known[name]
            elif "." in name and not name.startswith("AWS::") and not name.endswith(GENERATED):
                value = self.attribute(*name.split(".", 1))
            else:
                value = self.ref(name)
            written = spelt(value, f"${{{shown(name)}}}")
            self._spend(len(written))
            return written

        return self._text(_VARIABLE.sub(replaced, text))

    def _join(self, argument: Any) -> str:
        mark, parts = self._parts(argument, "Fn::Join", 2, 2)
        found = self.value(parts)
        if not isinstance(mark, str) or not isinstance(found, list):
            raise Refused("Fn::Join wants a text and a list")
        texts = [spelt(part, "a part of Fn::Join") for part in found]
        self._spend(len(mark) * len(texts) + sum(map(len, texts)))  # before it is made
        return self._text(mark.join(texts))

    def _if(self, argument: Any) -> Any:
        name, yes, no = self._parts(argument, "Fn::If", 3, 3)
        return self.value(yes if self.holds(self._name_in(name, "Fn::If")) else no)

    def _select(self, argument: Any) -> Any:
        index, choices = self._parts(argument, "Fn::Select", 2, 2)
        at, found = self.value(index), self.value(choices)
        if isinstance(found, str):
            found = found.split(",")
        if not isinstance(found, list) or not re.fullmatch(r"[0-9]{1,6}", str(at)) or int(at) >= len(found):
            raise Refused(f"Fn::Select has nothing at {shown(at)}")
        return found[int(at)]

    def _split(self, argument: Any) -> list[str]:
        mark, text = self._parts(argument, "Fn::Split", 2, 2)
        found = self.value(text)
        if not isinstance(mark, str) or not mark or not isinstance(found, str):
            raise Refused("Fn::Split wants a mark and a text")
        return found.split(mark)

    def _find(self, argument: Any) -> Any:
        names = [self.value(part) for part in self._parts(argument, "Fn::FindInMap", 3, 4)]
        default = names[3].get("DefaultValue", NO_VALUE) if len(names) == 4 and isinstance(names[3], dict) else NO_VALUE
        found: Any = self._mappings
        for name in names[:3]:
            found = found.get(str(name), NO_VALUE) if isinstance(found, dict) else NO_VALUE
        if found is NO_VALUE and default is NO_VALUE:
            raise Refused(f"Mappings have no {shown('.'.join(map(str, names[:3])))}")
        return self.value(default if found is NO_VALUE else found)

    def _equals(self, argument: Any) -> bool:
        one, other = (self.value(part) for part in self._parts(argument, "Fn::Equals", 2, 2))
        if isinstance(one, str | int | float) and isinstance(other, str | int | float):
            return spelt(one, "") == spelt(other, "")
        return bool(one == other)

    def _all(self, argument: Any) -> bool:
        return all(self._truth(part) for part in self._parts(argument, "Fn::And", 1, 10))

    def _any(self, argument: Any) -> bool:
        return any(self._truth(part) for part in self._parts(argument, "Fn::Or", 1, 10))

    def _not(self, argument: Any) -> bool:
        return not self._truth(self._parts(argument, "Fn::Not", 1, 1)[0])

    def _base64(self, argument: Any) -> str:
        text = spelt(self.value(argument), "Fn::Base64")
        self._spend(2 * len(text))  # one within another grows by a third each
        return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()

    def _length(self, argument: Any) -> int:
        found = self.value(argument)
        if not isinstance(found, list):
            raise Refused("Fn::Length wants a list")
        return len(found)

    def _import(self, argument: Any) -> str:
        name = spelt(self.value(argument), "Fn::ImportValue")
        if name not in self.imports:
            raise Refused(f"Fn::ImportValue: no stack that is read here exports that; --import {shown(name)}=VALUE gives it")
        self._spend(len(self.imports[name]))
        return self.imports[name]

    def _json(self, argument: Any) -> str:
        return self._text(json.dumps(self.value(argument), separators=(",", ":"), ensure_ascii=False))

    def _transform(self, argument: Any) -> Any:
        name = argument.get("Name") if isinstance(argument, dict) else None
        if name != "AWS::Include":
            raise Refused(f"Fn::Transform {shown(name or argument)}: macros are not run here")
        parameters = self.value(argument.get("Parameters") or {})
        return self.value(self.file(parameters.get("Location") if isinstance(parameters, dict) else None, "AWS::Include: Location"))

    def file(self, location: Any, key: str) -> Any:
        """What a file beside the template holds, YAML or JSON, with no function called; *key*: who names it. Raises Refused."""
        if not isinstance(location, str) or not location or "://" in location:
            raise Refused(f"{key}: {shown(location)} is not on this machine; name the file beside the template that it was made of")
        text = self.read(location)
        self._spend(len(text))
        try:
            return document.parse(text).value
        except TemplateError as error:
            raise Refused(f"{shown(location)}: {error}") from None

    def _zones(self, argument: Any) -> list[str]:
        region = self.value(argument) or self.place.region
        return [f"{region}{letter}" for letter in "abc"]


_FUNCTIONS: Final[Mapping[str, Callable[[Resolver, Any], Any]]] = {
    "And": Resolver._all,  # noqa: SLF001 - the table of its own methods
    "Base64": Resolver._base64,  # noqa: SLF001
    "Equals": Resolver._equals,  # noqa: SLF001
    "FindInMap": Resolver._find,  # noqa: SLF001
    "GetAZs": Resolver._zones,  # noqa: SLF001
    "GetAtt": Resolver._get_att,  # noqa: SLF001
    "If": Resolver._if,  # noqa: SLF001
    "ImportValue": Resolver._import,  # noqa: SLF001
    "Join": Resolver._join,  # noqa: SLF001
    "Length": Resolver._length,  # noqa: SLF001
    "Not": Resolver._not,  # noqa: SLF001
    "Or": Resolver._any,  # noqa: SLF001
    "Select": Resolver._select,  # noqa: SLF001
    "Split": Resolver._split,  # noqa: SLF001
    "Sub": Resolver._sub,  # noqa: SLF001
    "ToJsonString": Resolver._json,  # noqa: SLF001
    "Transform": Resolver._transform,  # noqa: SLF001
}
_NOT_HERE: Final = {
    "GetStackOutput": "Fn::GetStackOutput: no stack that is read here gives that out; make it a parameter",
    "Cidr": "Fn::Cidr: there are no networks here to divide",
    "ForEach": "Fn::ForEach: write the resources out",
}
