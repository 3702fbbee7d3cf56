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
    Sum,
)


def attributes(condition: Condition) -> Iterator[str]:
    """The names at the beginning of every path of a condition."""
    if isinstance(condition, Every | Some):
        for one in condition.conditions:
            yield from attributes(one)
    elif isinstance(condition, Not):
        yield from attributes(condition.condition)
    else:
        yield from _first(_operands(condition))


def _operands(condition: Condition) -> Iterable[Operand]:
    if isinstance(condition, Compare):
        return condition.left, condition.right
    if isinstance(condition, Between):
        return condition.operand, condition.low, condition.high
    if isinstance(condition, In):
        return condition.operand, *condition.options
    assert isinstance(condition, Predicate)  # what joins conditions is taken apart above
    return condition.arguments


def _first(operands: Iterable[Operand]) -> Iterator[str]:
    for operand in operands:
        path = operand.of if isinstance(operand, Size) else operand
        if isinstance(path, Path):
            yield str(path.steps[0])


def touched(actions: Iterable[Action]) -> Iterator[str]:
    """The names at the beginning of every path of an update, those that are only read too."""
    for action in actions:
        yield str(action.path.steps[0])
        if isinstance(action, Set):
            yield from _read(action.source)


def _read(source: Source) -> Iterator[str]:
    if isinstance(source, Path):
        yield str(source.steps[0])
    elif isinstance(source, Sum | ListAppend):
        yield from _read(source.left)
        yield from _read(source.right)
    elif isinstance(source, IfNotExists):
        yield str(source.path.steps[0])
        yield from _read(source.default)
