"""What an expression says, as a tree."""

from typing import NamedTuple

from router.items.values import Value

Steps = tuple[str | int, ...]  # names of maps' elements, positions in lists


class Path(NamedTuple):
    """Where a value is in an item."""

    steps: Steps


class Literal(NamedTuple):
    """A value that the request brought."""

    value: Value


class Size(NamedTuple):
    """How large a value is."""

    of: Path | Literal


Operand = Path | Literal | Size


class Compare(NamedTuple):
    """= <> < <= > >="""

    operator: str
    left: Operand
    right: Operand


class Between(NamedTuple):
    """Both bounds are within."""

    operand: Operand
    low: Operand
    high: Operand


class In(NamedTuple):
    """Equal to one of them."""

    operand: Operand
    options: tuple[Operand, ...]


class Predicate(NamedTuple):
    """A function that is true or false."""

    function: str
    arguments: tuple[Operand, ...]


class Not(NamedTuple):
    """The contrary."""

    condition: "Condition"


class Every(NamedTuple):
    """AND."""

    conditions: "tuple[Condition, ...]"


class Some(NamedTuple):
    """OR."""

    conditions: "tuple[Condition, ...]"


Condition = Compare | Between | In | Predicate | Not | Every | Some


# -- updates


class Sum(NamedTuple):
    """One value and another, or less another."""

    left: "Source"
    right: "Source"
    minus: bool


class IfNotExists(NamedTuple):
    """What is there, else a value."""

    path: Path
    default: "Source"


class ListAppend(NamedTuple):
    """Two lists as one."""

    left: "Source"
    right: "Source"


Source = Path | Literal | Sum | IfNotExists | ListAppend


class Set(NamedTuple):
    """SET path = value."""

    path: Path
    source: Source


class Remove(NamedTuple):
    """REMOVE path."""

    path: Path


class Add(NamedTuple):
    """ADD path value: to a number, or into a set. *older*: of AttributeUpdates, to a list too."""

    path: Path
    value: Value
    older: bool = False


class Delete(NamedTuple):
    """DELETE path value: out of a set. *older*: of AttributeUpdates."""

    path: Path
    value: Value
    older: bool = False


Action = Set | Remove | Add | Delete


def shown(steps: Steps) -> str:
    """A path as AWS's messages spell it: [a, b, [0]]."""
    return f"[{', '.join(f'[{step}]' if isinstance(step, int) else step for step in steps)}]"
