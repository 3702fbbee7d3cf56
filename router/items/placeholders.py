"""What stands for names and values in expressions. Source: DynamoDB developer guide, "Expression attribute names"."""

from collections.abc import Mapping
from typing import Any

from router.items.errors import Refused
from router.items.tokens import Words
from router.items.values import LONG_NAME, Value, checked, is_long, text


class Placeholders:
    """ExpressionAttributeNames and ExpressionAttributeValues, and which of them were used."""

    def __init__(self, names: object = None, values: object = None) -> None:
        self._names = _given(names, "ExpressionAttributeNames")
        given = _given(values, "ExpressionAttributeValues")
        self._values: dict[str, Value] = {}
        for name, value in given.items():
            try:
                self._values[name] = checked(value)
            except Refused as error:
                raise Refused(f"ExpressionAttributeValues contains invalid value: {error} for key {name}", str(error.code)) from None
        self._used: set[str] = set()
        for sort, known, mark in (("Names", self._names, "#"), ("Values", self._values, ":")):
            for name in known:
                if len(name) < 2 or name[0] != mark or not name[1:].replace("_", "a").isalnum():
                    raise Refused(f'ExpressionAttribute{sort} contains invalid key: Syntax error; key: "{name}"')
        for alias, name in self._names.items():
            if name == "":
                raise Refused(f"ExpressionAttributeNames contains invalid value: Empty attribute name for key {alias}")
            if is_long(text(name)):
                raise Refused(f"ExpressionAttributeNames contains invalid value: {LONG_NAME} for key {alias}")

    def name(self, alias: str, words: Words) -> str:
        """What #alias stands for."""
        if alias not in self._names:
            words.refuse(f"An expression attribute name used in the document path is not defined; attribute name: {alias}")
        self._used.add(alias)
        return text(self._names[alias])

    def value(self, alias: str, words: Words) -> Value:
        """What :alias stands for."""
        if alias not in self._values:
            words.refuse(f"An expression attribute value used in expression is not defined; attribute value: {alias}")
        self._used.add(alias)
        return self._values[alias]

    def finish(self) -> None:
        """Raise Refused for those that no expression has used."""
        for sort, known in (("Names", self._names), ("Values", self._values)):
            if left := sorted(known.keys() - self._used):
                raise Refused(f"Value provided in ExpressionAttribute{sort} unused in expressions: keys: {{{', '.join(left)}}}")

    @property
    def given(self) -> str:
        """The parameter that was given, the values' first; "" for none."""
        return "ExpressionAttributeValues" if self._values else "ExpressionAttributeNames" if self._names else ""


def _given(mapping: object, what: str) -> Mapping[str, Any]:
    if mapping is None:
        return {}
    if not isinstance(mapping, Mapping):
        raise Refused("Expected map or null", "SerializationException")
    if not mapping:
        raise Refused(f"{what} must not be empty")
    return mapping
