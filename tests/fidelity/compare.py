"""Field by field: what a sample says and what we say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.fidelity.wildcards import Tokens


class Missing:
    """Stands for a field that is not there."""

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf of the sample, of ours, or of both: a scalar or an empty container."""

    path: str  # Records.0.s3.object.key
    theirs: Any
    ours: Any
    right: bool

    def __str__(self) -> str:
        return f"{self.path}: the sample has {self.theirs!r}, ours {self.ours!r}"


def fields(theirs: Any, ours: Any, *, template: bool = False) -> list[Field]:
    """Every field of either. *template*: text in the sample may hold wildcards."""
    return list(_fields(theirs, ours, "", Tokens() if template else None))


def _fields(theirs: Any, ours: Any, path: str, tokens: Tokens | None) -> Iterator[Field]:
    if isinstance(theirs, dict) and isinstance(ours, dict) and (theirs or ours):
        for key in [*theirs, *(key for key in ours if key not in theirs)]:
            yield from _fields(theirs.get(key, MISSING), ours.get(key, MISSING), _below(path, key), tokens)
    elif isinstance(theirs, list) and isinstance(ours, list) and (theirs or ours):
        for index in range(max(len(theirs), len(ours))):
            yield from _fields(_at(theirs, index), _at(ours, index), _below(path, str(index)), tokens)
    elif isinstance(theirs, Missing) or isinstance(ours, Missing):
        yield from _one_sided(theirs, ours, path)
    else:
        yield Field(path, theirs, ours, _agree(theirs, ours, tokens))


def _one_sided(theirs: Any, ours: Any, path: str) -> Iterator[Field]:
    """The leaves of what only one side has."""
    there = ours if isinstance(theirs, Missing) else theirs
    children = list(there.items()) if isinstance(there, dict) else list(enumerate(there)) if isinstance(there, list) else []
    for key, child in children:
        yield from _one_sided(MISSING if there is ours else child, child if there is ours else MISSING, _below(path, str(key)))
    if not children:
        yield Field(path, theirs, ours, right=False)


def _agree(theirs: Any, ours: Any, tokens: Tokens | None) -> bool:
    if tokens is not None and isinstance(theirs, str):
        return tokens.agree(theirs, ours)
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return theirs is ours
    if isinstance(theirs, int | float) and isinstance(ours, int | float):
        return theirs == ours  # JSON has one kind of number: 1693997155.0 is 1693997155
    return type(theirs) is type(ours) and theirs == ours


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else MISSING


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
