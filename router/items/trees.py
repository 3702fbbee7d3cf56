"""Which attributes expressions are about."""

from collections.abc import Iterable, Iterator

from router.items.nodes import (
    Action,
    Between,
    Compare,
    Condition,
    Every,
    IfNotExists,
    In,
    ListAppend,
    Not,
    Operand,
    Path,
    Predicate,
    Set,
    Size,
    Some,
    Source,
    Steps,
    Sum,
)


def attributes(condition: Condition) -> Iterator[str]:
    """The names at the beginning of every path of a condition."""
    return (str(steps[0]) for steps in paths(condition))


def paths(condition: Condition) -> Iterator[Steps]:
    """Every path of a condition."""
    if isinstance(condition, Every | Some):
        for one in condition.conditions:
            yield from paths(one)
    elif isinstance(condition, Not):
        yield from paths(condition.condition)
    else:
        yield from _of(_operands(condition))


def _operands(condition: Condition) -> Iterable[Operand]:
    if isinstance(condition, Compare):
        return condition.left, condition.right
    if isinstance(condition, Between):
        return condition.operand, condition.low, condition.high
    if isinstance(condition, In):
        return condition.operand, *condition.options
    assert isinstance(condition, Predicate)  # what joins conditions is taken apart above
    return condition.arguments


def _of(operands: Iterable[Operand]) -> Iterator[Steps]:
    for operand in operands:
        path = operand.of if isinstance(operand, Size) else operand
        if isinstance(path, Path):
            yield path.steps


def touched(actions: Iterable[Action]) -> Iterator[str]:
    """The names at the beginning of every path of an update, those that are only read too."""
    return (str(steps[0]) for steps in paths_of(actions))


def paths_of(actions: Iterable[Action]) -> Iterator[Steps]:
    """Every path of an update, those that are only read too."""
    for action in actions:
        yield action.path.steps
        if isinstance(action, Set):
            yield from _read(action.source)


def _read(source: Source) -> Iterator[Steps]:
    if isinstance(source, Path):
        yield source.steps
    elif isinstance(source, Sum | ListAppend):
        yield from _read(source.left)
        yield from _read(source.right)
    elif isinstance(source, IfNotExists):
        yield source.path.steps
        yield from _read(source.default)
