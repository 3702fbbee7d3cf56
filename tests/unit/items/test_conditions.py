"""Conditions against a naive model over plain Python values."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.items import grammar
from router.items.conditions import holds
from router.items.placeholders import Placeholders
from tests.unit.items.strategies import items, names, scalars, values

Tree = tuple[Any, ...]
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]
operands = st.one_of(values, scalars, st.sampled_from([{"N": "1"}, {"N": "2"}, {"S": "a"}, {"S": ""}, {"B": b""}]))
ordered = operands.filter(lambda value: next(iter(value)) in "SNB")
startable = operands.filter(lambda value: next(iter(value)) in "SB")
leaves = st.one_of(
    st.tuples(st.just("compare"), names, st.sampled_from(["=", "<>"]), operands),
    st.tuples(st.just("compare"), names, st.sampled_from(OPERATORS), ordered),
    st.tuples(st.just("paths"), names, st.sampled_from(OPERATORS), names).filter(lambda leaf: leaf[1] != leaf[3]),
    st.tuples(st.just("size"), names, st.sampled_from(OPERATORS), st.integers(0, 4)),
    st.tuples(st.just("exists"), names),
    st.tuples(st.just("missing"), names),
    st.tuples(st.just("begins"), names, startable),
    st.tuples(st.just("contains"), names, operands),
    st.tuples(st.just("in"), names, st.lists(operands, min_size=1, max_size=3)),
    st.tuples(st.just("type"), names, st.sampled_from(["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"])),
)
trees: Any = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.just("and"), inner, inner), st.tuples(st.just("or"), inner, inner)
    ),
    max_leaves=5,
)


def text_of(tree: Tree, known: dict[str, Any]) -> str:
    """The expression; its values go into *known*."""

    def value(held: Any) -> str:
        known[f":v{len(known)}"] = held
        return f":v{len(known) - 1}"

    match tree:
        case ("compare", name, operator, held):
            return f"{name} {operator} {value(held)}"
        case ("paths", name, operator, other):
            return f"{name} {operator} {other}"
        case ("size", name, operator, count):
            return f"size({name}) {operator} {value({'N': str(count)})}"
        case ("exists", name):
            return f"attribute_exists({name})"
        case ("missing", name):
            return f"attribute_not_exists ( {name} )"
        case ("begins", name, held):
            return f"begins_with({name}, {value(held)})"
        case ("contains", name, held):
            return f"contains({name},{value(held)})"
        case ("in", name, options):
            return f"{name} IN ({', '.join(map(value, options))})"
        case ("type", name, kind):
            return f"attribute_type({name}, {value({'S': kind})})"
        case ("not", inner):
            return f"not ({text_of(inner, known)})"
    return f"({text_of(tree[1], known)}) {tree[0].upper()} ({text_of(tree[2], known)})"


def plain(value: Any) -> Any:
    """A value that Python compares as DynamoDB does: its type beside it."""
    ((kind, held),) = value.items()
    if kind == "N":
        return kind, Decimal(held)
    if kind in ("SS", "BS"):
        return kind, frozenset(held)
    if kind == "NS":
        return kind, frozenset(map(Decimal, held))
    if kind == "L":
        return kind, tuple(map(plain, held))
    if kind == "M":
        return kind, frozenset((name, plain(element)) for name, element in held.items())
    return kind, held


def compared(operator: str, left: Any, right: Any) -> bool:
    if operator == "=":
        return left is not None and right is not None and left == right
    if operator == "<>":
        return not compared("=", left, right)
    if left is None or right is None or left[0] != right[0] or left[0] not in ("S", "N", "B"):
        return False
    return {"<": left[1] < right[1], "<=": left[1] <= right[1], ">": left[1] > right[1], ">=": left[1] >= right[1]}[operator]


def model(tree: Tree, item: dict[str, Any]) -> bool:
    """What the expression says, worked out the long way."""
    there = {name: plain(value) for name, value in item.items()}
    match tree:
        case ("compare", name, operator, held):
            return compared(operator, there.get(name), plain(held))
        case ("paths", name, operator, other):
            return compared(operator, there.get(name), there.get(other))
        case ("size", name, operator, count):
            value = there.get(name)
            if value is None or value[0] in ("N", "BOOL", "NULL"):
                return compared(operator, None, ("N", Decimal(count)))
            return compared(operator, ("N", Decimal(len(value[1]))), ("N", Decimal(count)))
        case ("exists", name):
            return name in there
        case ("missing", name):
            return name not in there
        case ("type", name, kind):
            return name in there and there[name][0] == kind
        case ("in", name, options):
            return any(compared("=", there.get(name), plain(option)) for option in options)
        case ("begins", name, held):
            kind, start = plain(held)
            return name in there and there[name][0] == kind and there[name][1][: len(start)] == start
        case ("contains", name, held):
            return contained(there.get(name), plain(held))
        case ("not", inner):
            return not model(inner, item)
    one, other = model(tree[1], item), model(tree[2], item)
    return (one and other) if tree[0] == "and" else (one or other)


def contained(value: Any, part: Any) -> bool:
    if value is None:
        return False
    kind, held = value
    if kind in ("S", "B"):
        return bool(part[0] == kind and part[1] in held)
    if kind in ("SS", "NS", "BS"):
        return bool(part[0] == kind[0] and part[1] in held)
    return bool(kind == "L" and part in held)


@given(trees, items)
def test_a_condition_holds_when_the_model_says_so(tree: Tree, item: dict[str, Any]) -> None:
    known: dict[str, Any] = {}
    text = text_of(tree, known)
    condition = grammar.condition(text, "ConditionExpression", Placeholders(None, known or None))
    assert holds(condition, item) is model(tree, item)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("m.x[1].y = :one", True),
        ("m.x[2].y = :one", False),
        ("m.x[0] <> :one", True),
        ("size(m.x) = :two", True),
        ("n BETWEEN :one AND :two", True),
        ("absent BETWEEN :one AND :two", False),
        ("size(:set) = :two", True),
        ("m.x.y = :one", False),
    ],
)
def test_paths_lead_into_maps_and_lists(text: str, true: bool) -> None:
    item = {"n": {"N": "2"}, "m": {"M": {"x": {"L": [{"S": "s"}, {"M": {"y": {"N": "1"}}}]}}}}
    known = {":one": {"N": "1"}, ":two": {"N": "2"}, ":set": {"SS": ["a", "b"]}}
    assert holds(grammar.condition(text, "FilterExpression", Placeholders(None, known)), item) is true


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("contains(elements, :a)", True),
        ("contains(elements, :b)", False),
        ("contains(elements, :one)", True),
        ("contains(elements, :list)", True),
        ("contains(elements, word)", True),
        ("contains(words, :a)", True),
        ("contains(words, :b)", False),
        ("contains(word, :a)", True),
        ("contains(word, :b)", False),
        ("contains(word, :one)", False),
        ("contains(n, :one)", False),
        ("contains(absent, :a)", False),
        ("begins_with(longer, word)", True),
        ("begins_with(word, longer)", False),
        ("begins_with(twelve, n)", False),
        ("begins_with(elements, words)", False),
    ],
)
def test_what_functions_say_of_two_attributes(text: str, true: bool) -> None:
    """Numbers do not begin with numbers, and of a list one of the elements counts."""
    item = {
        "elements": {"L": [{"S": "a"}, {"N": "1"}, {"L": [{"S": "b"}]}]},
        "words": {"SS": ["a", "c"]},
        "word": {"S": "a"},
        "longer": {"S": "ab"},
        "n": {"N": "1"},
        "twelve": {"N": "12"},
    }
    wanted = {":a": {"S": "a"}, ":b": {"S": "b"}, ":one": {"N": "1"}, ":list": {"L": [{"S": "b"}]}}
    known = {name: value for name, value in wanted.items() if name in text}
    assert holds(grammar.condition(text, "ConditionExpression", Placeholders(None, known or None)), item) is true
