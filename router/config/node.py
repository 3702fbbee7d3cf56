"""A YAML value that knows its file, line, column and path, and notes mistakes instead of raising.

Every reader keeps going after a mistake and returns a usable placeholder, so that all mistakes are reported at
once, each as `config.yaml:9:5: functions.thumbnail.handeler: unknown key, did you mean handler?`. A reader takes the
file's own text and reads it as the type it expects: YAML 1.1's ideas about `no`, `08:30` or `010` never enter."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from router.config import values
from router.config.fragments import Fragment, Owner
from router.config.problems import Problems, shown, step
from router.config.readings import Readings
from router.config.references import References, Unresolved, private
from router.config.tree import Form, Items, Scalar, Value, texts

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Document:
    """What all nodes of one file share."""

    directory: Path  # absolute; relative paths start here
    problems: Problems
    references: References
    declared: tuple[Fragment, ...] = ()  # beside the file
    owners: Mapping[tuple[str, str], Owner] = field(default_factory=dict)  # (section, name) → who declares it
    text: str = field(default="", repr=False)  # the file's
    readings: Readings = field(default_factory=Readings, repr=False)  # of its sections


class Node:
    """One value of config.yaml."""

    __slots__ = ("_value", "document", "path")

    path: str  # "functions.resize.timeout"; "" at the top

    def __init__(self, document: Document, value: Value, path: str = "") -> None:
        self.document, self._value, self.path = document, value, path

    # -- what it is

    @property
    def line(self) -> int:
        """Where the value begins, from 1."""
        return self._value.line

    @property
    def column(self) -> int:
        """Where the value begins, from 1, in characters."""
        return self._value.column

    @property
    def place(self) -> str:
        """`config.yaml:9:5`, to point at this value from a message about another."""
        return f"{self.document.problems.name}:{self.line}:{self.column}" if self.line else "declared through the API"

    @property
    def declared(self) -> int:
        """The number of the fragment that this value is the whole of (config/fragments.py); 0 for what stands in the file."""
        return 0 if self.line else self.column

    @property
    def mistakes(self) -> int:
        """How many mistakes the whole file has so far; to see whether a reading of this node went well."""
        return self.document.problems.count

    @property
    def scalar(self) -> bool:
        """Whether it is one value, neither a mapping nor a list."""
        return isinstance(self._value, Scalar)

    @property
    def empty(self) -> bool:
        """Whether nothing was written here (null)."""
        return isinstance(self._value, Scalar) and self._value.plain and values.empty(self._value.text)

    def written(self, key: str) -> str:
        """The text under *key* as it stands in the file, references unresolved; "" when there is none."""
        node = self._at(key)
        value = node._value if node else None  # noqa: SLF001 - its own kind
        return value.text if isinstance(value, Scalar) else ""

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """`, did you mean X?` when something in *known* is close to *word*, else nothing."""
        return self.document.problems.did_you_mean(word, known)

    # -- mappings and lists

    def form(self, *, main: str = "", known: Collection[str], later: Collection[str] = ()) -> "Node":
        """This value as a mapping; a scalar becomes {main: scalar} when *main* is given.

        Notes every key outside *known* with a suggestion; keys in *later* (part of the design, not built yet) as not supported yet."""
        value = self._value
        if isinstance(value, Scalar) and main and not self.empty:
            return Node(self.document, Form(value.line, value.column, {main: (value, value)}), self.path)
        form = self._mapping()
        for key, (mark, _) in form.values.items():
            if key in later:
                self._note(mark, step(self.path, key), "not supported yet")
            elif key not in known:
                self._unknown(mark, key, form, known)
        return Node(self.document, form, self.path)

    def without(self, key: str) -> "Node":
        """The same mapping, one key less."""
        if not isinstance(self._value, Form) or key not in self._value.values:
            return self
        rest = {name: entry for name, entry in self._value.values.items() if name != key}
        return Node(self.document, Form(self.line, self.column, rest), self.path)

    def has(self, key: str) -> bool:
        """Whether the mapping has *key*."""
        return isinstance(self._value, Form) and key in self._value.values

    def child(self, key: str) -> "Node | None":
        """The value under *key*; None when absent."""
        if not isinstance(self._value, Form) or key not in self._value.values:
            return None
        return Node(self.document, self._value.values[key][1], step(self.path, key))

    def items(self) -> list[tuple[str, "Node"]]:
        """The entries of a mapping, in order."""
        return [(key, Node(self.document, value, step(self.path, key))) for key, (_, value) in self._mapping().values.items()]

    def keys(self) -> list[str]:
        """The names of a mapping's entries, in order."""
        return list(self._mapping().values)

    def each(self, read: "Callable[[str, Node], _T]") -> dict[str, _T]:
        """The entries of a section, by name and in order, as *read* reads them: what one comes to may depend on itself and on what it
        looks up in the document's readings, and on nothing else (config/readings.py)."""
        shared, values = self.document, self._mapping().values

        def entry(name: str) -> _T:
            return read(name, Node(shared, values[name][1], step(self.path, name)))

        return shared.readings.section(self.path, values, entry, shared.references)

    def elements(self) -> list["Node"]:
        """The elements of a list."""
        if isinstance(self._value, Items):
            return [Node(self.document, value, f"{self.path}[{index}]") for index, value in enumerate(self._value.values)]
        if not self.empty:
            self.problem(f"must be a list, this is {self._kind()}", fatal=True)
        return []

    # -- scalars; "" as the key means this value itself

    def text(self, key: str, default: str | None = None, *, pattern: str = "", what: str = "") -> str:
        """A string. No default: required, and under a key not empty. *pattern* must match it whole, *what* says so to people ("3 to 63 …")."""
        pattern = pattern or (r"[\s\S]+" if key and default is None else values.ANY)

        def read(text: str) -> str | None:
            return text if re.fullmatch(pattern, text) else None

        return self._read(key, default, "", read, what or "allowed here", quoted=True)

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number within low and high."""
        number = self._read(key, default, low, values.whole, "a whole number")
        return int(self._within(key, number, low, high, ""))

    def number(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A number within low and high, with or without a fraction."""
        return self._within(key, self._read(key, default, low, values.number, "a number"), low, high, "")

    def seconds(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A duration: a bare number is seconds; 500ms, 30s, 5m, 6h, 14d."""
        number = self._read(key, default, low, values.seconds, f"a duration; {values.DURATION_HINT}")
        return self._within(key, number, low, high, " s")

    def megabytes(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A size: a bare number is MB; 256MB, 1GB."""
        number = self._read(key, default, low, values.megabytes, f"a size; {values.SIZE_HINT}")
        return int(self._within(key, number, low, high, " MB"))

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        return self._read(key, default, default, values.truth, "true or false")

    def choice(self, key: str, default: str | None, options: Sequence[str]) -> str:
        """One of *options*."""

        def read(text: str) -> str | None:
            return text if text in options else None

        return self._read(key, default, options[0], read, f"one of {', '.join(options)}", quoted=True)

    def strings(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of strings; a scalar is a list of one."""
        node = self._at(key)
        if node is None:
            return tuple(default)
        if node.scalar:
            return (node.text(""),)
        return tuple(element.text("") for element in node.elements())

    def file(self, key: str, default: str | None = None) -> Path:
        """A path, absolute; relative ones are relative to the config file."""
        text = self.text(key, default, pattern=values.ANY)
        if not text and self.has(key):
            self.problem("an empty path", key)
        if text.startswith("~"):
            self.problem("~ stands for no directory here; write the path out, or ${env:HOME}/…", key)
        return self.beside(text)

    def beside(self, path: str) -> Path:
        """*path* made absolute from the config file's directory; `..` is resolved by spelling alone."""
        return Path(os.path.normpath(self.document.directory / path))

    def json(self, key: str, default: Any = None) -> Any:
        """Any YAML value as the JSON value it spells."""
        node = self._at(key)
        return default if node is None else node._json()  # noqa: SLF001 - its own kind

    def literal(self) -> Any:
        """The JSON value that this value spells, `${` left as it stands: a document in whose language it means something else."""
        value = self._value
        if isinstance(value, Form):
            return {key: node.literal() for key, node in self.items()}
        if isinstance(value, Items):
            return [node.literal() for node in self.elements()]
        if self.empty:
            return None
        return values.json_scalar(value.text) if value.plain else value.text

    def secret(self, key: str, text: str) -> None:
        """Remember *text*, read under *key*, as a secret when the key's name says that it holds one."""
        if private(key):
            self.hide(text)

    def hide(self, text: str) -> None:
        """Remember *text* as a secret, whatever its key is called."""
        self.document.references.keep({text: False})

    def problem(self, message: str, key: str = "", *, fatal: bool = False) -> None:
        """Note a mistake at this value, or at the value under *key*. *fatal*: nothing else need be said of that value."""
        node = self._at(key)
        if node is not None:
            self._note(node._value, node.path, message, fatal=fatal)  # noqa: SLF001 - its own kind
        else:
            self._note(self._value, step(self.path, key), message, fatal=fatal)

    def lacks(self, message: str, keys: Iterable[str]) -> None:
        """Note that one of *keys* has to be here, unless one is, and only misspelt."""
        known, value = self.document.problems, self._value
        if not any(known.told_as_misspelt(value.line, value.column, step(self.path, key)) for key in keys):
            self.problem(message, fatal=isinstance(value, Form) and not value.values)

    def misnamed(self, key: str, message: str) -> None:
        """Note a mistake at *key* itself, not at its value."""
        mark = self._value.values[key][0] if isinstance(self._value, Form) and key in self._value.values else self._value
        self._note(mark, step(self.path, key), message)

    # -- inside

    def _unknown(self, mark: Scalar, key: str, form: Form, known: Collection[str]) -> None:
        meant = self.document.problems.nearest(key, known)
        if meant and meant not in form.values:
            self.document.problems.misspelt(form.line, form.column, step(self.path, meant))
        self._note(mark, step(self.path, key), f"unknown key, did you mean {meant}?" if meant else "unknown key")

    def _at(self, key: str) -> "Node | None":
        return self.child(key) if key else self

    def _mapping(self) -> Form:
        if isinstance(self._value, Form):
            return self._value
        if not self.empty:
            self.problem(f"must be a mapping, this is {self._kind()}", fatal=True)
        return Form(self.line, self.column)

    def _read(
        self, key: str, default: _T | None, placeholder: _T, parse: Callable[[str], _T | None], what: str, *, quoted: bool = False
    ) -> _T:
        """The value under *key* as *parse* reads it; *quoted*: text in quotes is as good as text without."""
        fallback = placeholder if default is None else default
        node = self._at(key)
        if node is None:
            if default is None:
                self.problem("is required", key, fatal=True)
            return fallback
        written = node._value  # noqa: SLF001 - its own kind
        if not isinstance(written, Scalar):
            wanted, semicolon, hint = ("text" if quoted else what).partition("; ")
            node.problem(f"must be {wanted}, this is {node._kind()}{semicolon}{hint}", fatal=True)  # noqa: SLF001
            return fallback
        text = node._resolved(written)  # noqa: SLF001
        if text is None:
            return fallback
        value = parse(text)
        if value is None:
            node.problem(_unfit(written.text, what), fatal=True)
            return fallback
        if not quoted and not written.plain and text == written.text and _bare(text):
            node.problem(f'"{shown(text)}" in quotes is text; write {shown(text)} without them')
        return value

    def _resolved(self, written: Scalar) -> str | None:
        """The scalar's text with references replaced; None, and a problem noted, when there is no such text."""
        if self.empty:
            hint = f"; if {written.text} is meant as text, put it in quotes" if written.text else ""
            self.problem(f"no value given{hint}", fatal=True)
            return None
        try:
            text = written.text if written.literal else self.document.references.resolve(written.text)
        except Unresolved as error:
            self.problem(f"{shown(written.text)}: {shown(str(error), 200)}", fatal=True)
            return None
        if "\0" in text or not _encodable(text):
            self.problem("holds a NUL character or half a surrogate pair, which no text may", fatal=True)
            return None
        return text

    def _within(self, key: str, number: float, low: float, high: float, unit: str) -> float:
        """*number* when it is between the limits; else its nearest limit and a problem. What is not written is not judged."""
        if low <= number <= high or self._at(key) is None:
            return number
        told = "this value" if "${" in self.written(key) else values.told(number, unit)
        self.problem(f"{told} is outside {values.told_range(low, high, unit)}", key)
        return min(max(number, low), high)

    def _json(self) -> Any:
        value = self._value
        if isinstance(value, Form):
            return {key: node._json() for key, node in self.items()}  # noqa: SLF001
        if isinstance(value, Items):
            return [node._json() for node in self.elements()]  # noqa: SLF001
        if self.empty:
            return None
        text = self._resolved(value)
        if text is None:
            return None
        return values.json_scalar(text) if value.plain and text == value.text else text

    def _kind(self) -> str:
        return {Scalar: "text", Items: "a list", Form: "a mapping"}[type(self._value)]

    def _note(self, at: Value, path: str, message: str, *, fatal: bool = False) -> None:
        told = self.document.references.hidden(message, texts(at))
        self.document.problems.note(at.line, at.column, path, told, fatal=fatal)


def _unfit(written: str, what: str) -> str:
    if not written:
        return f"an empty text is not {what}"
    return f"{shown(written)} is not {what}"


def _bare(text: str) -> bool:
    """Whether unquoted this text would be a number or a boolean: then quotes say that text is meant."""
    return values.truth(text) is not None or isinstance(values.json_scalar(text), int | float)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
