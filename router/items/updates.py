"""What an item is after an update: every value is worked out from the item as it was, then SET, REMOVE, ADD and DELETE are done.

Source: DynamoDB developer guide, "Update expressions"."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NoReturn

from router.items import numbers
from router.items.errors import Refused
from router.items.nodes import Action, Add, Delete, IfNotExists, ListAppend, Literal, Path, Remove, Set, Source, Steps, Sum
from router.items.paths import found
from router.items.values import LARGEST, SETS, Item, Value, kind_of, parts, size

_GONE: Final = object()  # in a list: an element that was removed


def updated(item: Mapping[str, Value], actions: Iterable[Action]) -> Item:
    """A new item; *item* stays as it is. Raises Refused when an action does not fit it."""
    room = LARGEST
    changes: list[tuple[Action, Value | None]] = []
    for action in actions:
        value = _value(action.source, item) if isinstance(action, Set) else None
        room -= size(value) if value is not None else 0
        if room < 0:  # all of it would be in the item: copies of a large value are not made to be refused behind
            _too_large()
        changes.append((action, value))
    work: dict[str, Any] = {name: _copied(value) for name, value in item.items()}
    order = {Set: 0, Remove: 1, Add: 2, Delete: 3}
    for action, value in sorted(changes, key=lambda change: (order[type(change[0])], _positions(change[0].path.steps))):
        if isinstance(action, Set):
            assert value is not None
            _put(work, action.path.steps, _copied(value))
        elif isinstance(action, Remove):
            _take_out(work, action.path.steps)
        elif isinstance(action, Add):
            _add(work, item, action)
        else:
            _delete(work, item, action)
    return {name: _closed_up(value) for name, value in work.items()}


def takes_only(actions: Collection[Action]) -> bool:
    """Whether there are actions and all of them take something away: where there is no item they make none, which no action at all does."""
    return bool(actions) and all(isinstance(action, Remove | Delete) for action in actions)


def _positions(steps: Steps) -> tuple[int, ...]:
    """What sorts SETs behind the end of a list by their positions."""
    return tuple(step for step in steps if isinstance(step, int))


def _copied(value: Value) -> Any:
    kind, held = parts(value)
    if kind == "M":
        return {kind: {name: _copied(element) for name, element in held.items()}}
    return {kind: [_copied(element) for element in held] if kind == "L" else held}


def _closed_up(value: Any) -> Value:
    kind, held = parts(value)
    if kind == "M":
        return {kind: {name: _closed_up(element) for name, element in held.items()}}
    return {kind: [_closed_up(element) for element in held if element is not _GONE]} if kind == "L" else value


def _value(source: Source, item: Mapping[str, Value]) -> Value:
    if isinstance(source, Literal):
        return source.value
    if isinstance(source, Path):
        value = found(item, source.steps)
        if value is None:
            raise Refused("The provided expression refers to an attribute that does not exist in the item")
        return value
    if isinstance(source, IfNotExists):
        there = found(item, source.path.steps)
        return _value(source.default, item) if there is None else there
    return _combined(source, item)


def _combined(source: Sum | ListAppend, item: Mapping[str, Value]) -> Value:
    (kind, left), (other, right) = parts(_value(source.left, item)), parts(_value(source.right, item))
    wanted = "N" if isinstance(source, Sum) else "L"
    if kind != wanted or other != wanted:
        _wrong_type()
    if isinstance(source, Sum):
        return {"N": numbers.added(left, right, minus=source.minus)}
    if len(left) + len(right) > LARGEST:  # each takes a byte at least
        _too_large()
    return {"L": [*left, *right]}


def _too_large() -> NoReturn:
    raise Refused("Item size to update has exceeded the maximum allowed size")


def _wrong_type(*, older: bool = False) -> NoReturn:
    raise Refused("Type mismatch for attribute to update" if older else "An operand in the update expression has an incorrect data type")


def _wrong_path() -> NoReturn:
    raise Refused("The document path provided in the update expression is invalid for update")


def _parent(work: dict[str, Any], steps: Steps) -> Any:
    """The map or list that the last step is in."""
    held: Any = work
    for step, following in pairwise(steps):
        value = held.get(step) if isinstance(step, str) else held[step] if step < len(held) else None
        if value is None or value is _GONE or kind_of(value) != ("M" if isinstance(following, str) else "L"):
            _wrong_path()
        held = parts(value)[1]
    return held


def _put(work: dict[str, Any], steps: Steps, value: Any) -> None:
    holder, last = _parent(work, steps), steps[-1]
    if isinstance(last, int) and last >= len(holder):
        holder.append(value)
    else:
        holder[last] = value


def _take_out(work: dict[str, Any], steps: Steps) -> None:
    holder, last = _parent(work, steps), steps[-1]
    if isinstance(last, str):
        holder.pop(last, None)
    elif last < len(holder):
        holder[last] = _GONE


def _add(work: dict[str, Any], item: Mapping[str, Value], action: Add) -> None:
    there = found(item, action.path.steps)
    kind, held = parts(action.value)
    if kind == "L" and not action.older:
        _wrong_type()
    if there is None:
        _put(work, action.path.steps, _copied(action.value))
        return
    other, before = parts(there)
    if kind != other:
        _wrong_type(older=action.older)
    if kind == "N":
        _put(work, action.path.steps, {"N": numbers.added(before, held)})
    else:
        _put(work, action.path.steps, {kind: [*before, *held] if kind == "L" else _united(before, held)})


def _united(before: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    known = set(before)
    return [*before, *(member for member in more if member not in known)]


def _delete(work: dict[str, Any], item: Mapping[str, Value], action: Delete) -> None:
    there = found(item, action.path.steps)
    if there is None:
        _parent(work, action.path.steps)
        return
    (kind, less), (other, before) = parts(action.value), parts(there)
    if kind != other or kind not in SETS:
        _wrong_type(older=action.older)
    gone = set(less)
    left = [member for member in before if member not in gone]
    if left:
        _put(work, action.path.steps, {kind: left})
    else:
        _take_out(work, action.path.steps)
