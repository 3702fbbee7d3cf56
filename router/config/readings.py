"""What was read of a config, kept with it: the next one reads only what is different. Pure.

Whatever stands under one name of a section, a queue, a function with its triggers, is one reading. What comes of it depends on how it
is written and on what it looked up around it: other entries, by name. Both are noted while it goes on, so that nobody who reads has to
say what depends on what. The next config takes a reading over that is written in the very same values and would find the very same
things; all else is read as ever. Only a config without a mistake is kept, so nothing that is taken over has one. Files that a reading
looked at are not looked at again with it: reading the whole config anew does that."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from router.config.types import Names, Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from router.config.fragments import Merged
    from router.config.references import References
    from router.config.tree import Scalar, Value

_T = TypeVar("_T")
_Place = tuple[str, str]  # section, name
_Look = tuple[str, str | None]

_ABSENT: Final = object()
_WHOLE: Final = None  # stands for a name where a reading went through a whole section


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry, read without a mistake."""

    value: "Value"  # what it was read from
    result: Any
    found: Mapping[_Look, object]  # what it looked up
    secrets: Mapping[str, bool]  # that it gave out (config/references.py)
    claims: Mapping[str, str]  # what no other may claim → where it says so


@dataclass(frozen=True, slots=True)
class Kept:
    """All that was read of one config. Filled while it is read, and nobody's to change afterwards."""

    text: str  # the file's
    root: "Value"  # its tree, without what the API declared
    state: "Path"
    merged: "Merged"  # with it
    readings: dict[_Place, Reading] = field(default_factory=dict)
    sections: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Noted:
    """What one reading does, while it goes on."""

    found: dict[_Look, object] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)


class Around(Mapping[str, _T]):
    """A section as those see it who are read after it."""

    __slots__ = ("_entries", "_readings", "_section")

    def __init__(self, section: str, entries: Mapping[str, _T], readings: "Readings") -> None:
        self._section, self._entries, self._readings = section, entries, readings

    def __getitem__(self, name: str) -> _T:
        self._readings.looked(self._section, name)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._readings.looked(self._section, str(name))
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._readings.looked(self._section, _WHOLE)
        return iter(self._entries)

    def __len__(self) -> int:
        self._readings.looked(self._section, _WHOLE)
        return len(self._entries)


class Readings:
    """Those of one config, while it is read: they go into *kept*, and what is as it was comes from *former*."""

    def __init__(self, kept: Kept | None = None, former: Kept | None = None) -> None:
        self.kept = kept
        self._readings: dict[_Place, Reading] = kept.readings if kept is not None else {}
        self._sections: dict[str, Mapping[str, Any]] = kept.sections if kept is not None else {}
        self._former: Mapping[_Place, Reading] = former.readings if former is not None else {}
        self._before: Mapping[str, Mapping[str, Any]] = former.sections if former is not None else {}
        self._around: dict[str, Mapping[str, Any]] = {}
        self._claims: dict[str, str] = {}
        self._noted = _Noted()

    def section(
        self,
        path: str,
        values: Mapping[str, "tuple[Scalar, Value]"],
        read: Callable[[str], _T],
        references: "References",
    ) -> dict[str, _T]:
        """The entries of the section at *path*, in order. *read*: the name of one → what comes of it; mistakes are noted."""
        found: dict[str, _T] = {}
        taken = 0
        for name, (_, value) in values.items():
            place = (path, name)
            known = self._former.get(place)
            if known is not None and known.value is value and self._holds(known):
                taken += 1
                if known.secrets:
                    references.keep(known.secrets)
            else:
                known = self._read(name, value, read, references)
            self._readings[place] = known
            found[name] = known.result
        before = self._before.get(path)
        if isinstance(before, dict) and taken == len(found) == len(before):
            found = before
        self._sections[path] = found
        return found

    def _read(self, name: str, value: "Value", read: Callable[[str], Any], references: "References") -> Reading:
        noted = self._noted = _Noted()
        references.noted = {}
        result = read(name)
        return Reading(value, result, noted.found, dict(references.noted), noted.claims)

    def _holds(self, reading: Reading) -> bool:
        """Whether it would find what it found, and may claim what it claimed."""
        for (
            section,
            name,
        ), found in reading.found.items():  # of each reading at each declaration: no generator, no call that can be spared
            if _entry(self._around[section], name) is not found:
                return False
        return all(self._claims.setdefault(claim, where) == where for claim, where in reading.claims.items()) if reading.claims else True

    def unchanged(self, path: str) -> bool:
        """Whether all of the section at *path*, which was read, is what it was, and nothing went: what was right of it alone still is."""
        return self._before.get(path) is self._sections[path]

    # -- for those who read

    def claim(self, claim: str, where: str) -> str:
        """Claim it for who stands at *where*; where the first stands that does."""
        self._noted.claims[claim] = where
        return self._claims.setdefault(claim, where)

    def around(self, section: str, entries: Mapping[str, _T]) -> Mapping[str, _T]:
        """A section for those who are read after it."""
        self._around[section] = entries
        return Around(section, entries, self)

    def names(self, names: Names) -> Names:
        """The same for all that triggers may refer to."""
        listed = {one.name: getattr(names, one.name) for one in fields(names)}
        listed["functions"] = dict.fromkeys(names.functions)  # of which there are but the names yet
        return replace(names, **{kind: self.around(f"names.{kind}", entries) for kind, entries in listed.items()})

    def surroundings(self, around: Surroundings) -> Surroundings:
        """The same for the sections that are read last."""
        functions, groups = self.around("functions", around.functions), self.around("groups", around.groups)
        return around._replace(names=self.names(around.names), functions=functions, groups=groups)

    def looked(self, section: str, name: str | None) -> None:
        """Whoever is read now has looked up *name*, or None: all."""
        self._noted.found[section, name] = _entry(self._around[section], name)


def _entry(entries: Mapping[str, Any], name: str | None) -> object:
    return entries if name is _WHOLE else entries.get(name, _ABSENT)
