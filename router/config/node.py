"""A YAML value that knows its file, line, column and path, and notes mistakes instead of raising.

Every reader keeps going after a mistake and returns a usable placeholder, so that all mistakes are reported at
once, each as `config.yaml:9:5: functions.thumbnail.handeler: unknown key, did you mean handler?`."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any


class Node:
    """One value of config.yaml."""

    path: str  # "functions.resize.timeout"; "" at the top

    def form(self, *, main: str = "", known: Collection[str], later: Collection[str] = ()) -> "Node":
        """This value as a mapping; a scalar becomes {main: scalar} when *main* is given.

        Notes every key outside *known* with a suggestion; keys in *later* (part of the design, not built yet) as not supported yet."""
        raise NotImplementedError

    def has(self, key: str) -> bool:
        """Whether the mapping has *key*."""
        raise NotImplementedError

    def text(self, key: str, default: str | None = None, *, pattern: str = "", what: str = "") -> str:
        """A string. No default: required. *pattern* must match it whole, *what* says so to people ("3 to 63 lower-case letters …")."""
        raise NotImplementedError

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number within low and high."""
        raise NotImplementedError

    def seconds(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A duration: a bare number is seconds; 500ms, 30s, 5m, 6h, 14d."""
        raise NotImplementedError

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        raise NotImplementedError

    def choice(self, key: str, default: str | None, options: Sequence[str]) -> str:
        """One of *options*."""
        raise NotImplementedError

    def strings(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of strings; a scalar is a list of one."""
        raise NotImplementedError

    def file(self, key: str, default: str | None = None) -> Path:
        """A path, absolute; relative ones are relative to the config file."""
        raise NotImplementedError

    def json(self, key: str, default: Any = None) -> Any:
        """Any YAML value as the JSON value it spells."""
        raise NotImplementedError

    def child(self, key: str) -> "Node | None":
        """The value under *key*; None when absent."""
        raise NotImplementedError

    def items(self) -> list[tuple[str, "Node"]]:
        """The entries of a mapping, in order."""
        raise NotImplementedError

    def elements(self) -> list["Node"]:
        """The elements of a list."""
        raise NotImplementedError

    def problem(self, message: str, key: str = "") -> None:
        """Note a mistake at this value, or at the value under *key*."""
        raise NotImplementedError
