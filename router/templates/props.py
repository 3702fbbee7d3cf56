"""A resource's properties as they are read: each is taken, or it is said what becomes of it. Pure.

A property that nobody took is a refusal, so that nothing is accepted and then ignored."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from router.templates.words import Refused, shown

_MISSING: Final = object()
HARMLESS: Final = frozenset({"Tags", "Description", "PropagateTags"})  # they describe, and change nothing


class Props:
    """A mapping of resolved values that knows which of them were read."""

    def __init__(self, values: Any, where: str = "", note: Callable[[str], None] = lambda _: None) -> None:
        if not isinstance(values, dict):
            raise Refused(f"{where or 'Properties'} must be a mapping, not {shown(values)}")
        self._values: Mapping[str, Any] = values
        self._where = f"{where}." if where else ""
        self._note = note
        self._left = dict.fromkeys(values)

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def names(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(self._values)

    def note(self, sentence: str) -> None:
        """Say how the resource differs."""
        self._note(sentence)

    def seen(self, key: str) -> Any:
        """The value as it is; it is left for who takes it."""
        return self._values.get(key)

    def take(self, key: str, default: Any = None) -> Any:
        """The value as it is."""
        self._left.pop(key, None)
        found = self._values.get(key, _MISSING)
        return default if found is _MISSING or found is None else found

    def text(self, key: str, default: str | None = None) -> str:
        """A text, also when it was written as a number. No default: required."""
        found = self.take(key, default)
        if found is None:
            raise Refused(f"{self._where}{key} is required")
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, str | int | float):
            return str(found)
        raise Refused(f"{self._where}{key}: {shown(found)} is no text")

    def whole(self, key: str, default: int | None = None) -> int | None:
        """A whole number, also when it was written as text; the default when it is absent."""
        found = self.take(key)
        if found is None:
            return default
        text = str(found)
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise Refused(f"{self._where}{key}: {shown(found)} is no whole number")
        try:
            number = float(text)
        except ValueError:
            raise Refused(f"{self._where}{key}: {shown(found)} is no whole number") from None
        if not abs(number) < 1e15 or number != int(number):
            raise Refused(f"{self._where}{key}: {shown(found)} is no whole number")
        return int(number)

    def number(self, key: str) -> float | int | None:
        """A number; None when it is absent."""
        found = self.take(key)
        try:
            number = None if found is None else float(str(found))
        except ValueError:
            raise Refused(f"{self._where}{key}: {shown(found)} is no number") from None
        if number is not None and not abs(number) < 1e15:
            raise Refused(f"{self._where}{key}: {shown(found)} is no number")
        return int(number) if number is not None and number == int(number) else number

    def truth(self, key: str, *, default: bool = False) -> bool:
        """A boolean, also when it was written as text."""
        found = self.take(key)
        if found is None:
            return default
        if isinstance(found, bool):
            return found
        if str(found).lower() in {"true", "false"}:
            return str(found).lower() == "true"
        raise Refused(f"{self._where}{key}: {shown(found)} is neither true nor false")

    def child(self, key: str) -> "Props | None":
        """A mapping; None when it is absent."""
        found = self.take(key)
        return None if found is None else Props(found, f"{self._where}{key}", self._note)

    def items(self, key: str) -> list[Any]:
        """A list; one value alone is a list of one."""
        found = self.take(key)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    def children(self, key: str) -> Iterator["Props"]:
        """A list of mappings."""
        for index, each in enumerate(self.items(key)):
            yield Props(each, f"{self._where}{key}[{index}]", self._note)

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        found = self.items(key)
        if wrong := [one for one in found if not isinstance(one, str | int | float) or isinstance(one, bool)]:
            raise Refused(f"{self._where}{key}: {shown(wrong[0])} is no text")
        return [str(one) for one in found]

    def json(self, key: str) -> Any:
        """A JSON value that is written as text or as it is."""
        found = self.take(key)
        if not isinstance(found, str):
            return found
        try:
            return json.loads(found)
        except (ValueError, RecursionError):
            raise Refused(f"{self._where}{key}: {shown(found)} is no JSON") from None

    def tags(self) -> dict[str, str]:
        """`Tags`, as a list of Key and Value or as a mapping."""
        found = self.take("Tags")
        if not isinstance(found, dict | list | None):
            raise Refused(f"{self._where}Tags: {shown(found)} is no list of tags")
        listed = (
            found.items()
            if isinstance(found, dict)
            else [(one.get("Key"), one.get("Value")) for one in found or () if isinstance(one, dict)]
        )
        return {str(key): str("" if value is None else value) for key, value in listed if key}

    def done(self, different: Mapping[str, str] | None = None, *, harmless: frozenset[str] = HARMLESS) -> None:
        """All that is left: what *different* knows is told, what is empty or *harmless* is not, all else is refused."""
        for key in self._left:
            value = self._values[key]
            if key in harmless or value in (None, False, [], {}, ""):
                continue
            sentence = (different or {}).get(key)
            if sentence is None:
                raise Refused(f"property {self._where}{shown(key)} is not supported")
            self._note(f"{self._where}{key}: {sentence}")
        self._left.clear()
