"""Updates against a naive model, and what they refuse."""

import copy
import tracemalloc
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.items import grammar
from router.items.errors import Refused
from router.items.numbers import canonical
from router.items.placeholders import Placeholders
from router.items.updates import updated
from router.items.values import same
from tests.unit.items.strategies import items, names, values

WIDE = Context(prec=600)
small = st.integers(-9, 9).map(lambda held: {"N": str(held)})
sets = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True).map(lambda held: {"SS": held})
lists = st.lists(values, max_size=2).map(lambda held: {"L": held})
actions = st.one_of(
    st.tuples(st.just("set"), values),
    st.tuples(st.just("plus"), small),
    st.tuples(st.just("default"), values),
    st.tuples(st.just("append"), lists),
    st.tuples(st.just("remove"), st.none()),
    st.tuples(st.just("add"), st.one_of(small, sets)),
    st.tuples(st.just("delete"), sets),
)


def model(item: dict[str, Any], name: str, what: str, value: Any) -> dict[str, Any] | None:
    """What the item is after one action; None: it is refused."""
    there, after = item.get(name), copy.deepcopy(item)
    kind = next(iter(there)) if there is not None else ""
    if what == "set":
        after[name] = value
    elif what == "default":
        after[name] = value if there is None else there
    elif what == "remove":
        after.pop(name, None)
    elif what == "plus":
        if kind != "N":
            return None
        after[name] = {"N": number(WIDE.add(Decimal(item[name]["N"]), Decimal(value["N"])))}
    elif what == "append":
        if there is not None and kind != "L":
            return None
        after[name] = {"L": (item[name]["L"] if there is not None else []) + value["L"]}
    elif what == "add" and there is None:
        after[name] = value
    elif what == "add":
        if kind != next(iter(value)):
            return None
        after[name] = (
            {"N": number(WIDE.add(Decimal(item[name]["N"]), Decimal(value["N"])))}
            if kind == "N"
            else {"SS": sorted({*item[name]["SS"], *value["SS"]})}
        )
    elif there is not None:
        if kind != "SS":
            return None
        left = sorted(set(item[name]["SS"]) - set(value["SS"]))
        if left:
            after[name] = {"SS": left}
        else:
            del after[name]
    return after


def number(value: Decimal) -> str:
    return canonical(format(value, "f"))


WORDS = {
    "set": "SET {0} = {1}",
    "plus": "SET {0} = {0} + {1}",
    "default": "SET {0} = if_not_exists({0}, {1})",
    "append": "SET {0} = list_append(if_not_exists({0}, :empty), {1})",
    "remove": "REMOVE {0}",
    "add": "ADD {0} {1}",
    "delete": "DELETE {0} {1}",
}


@given(items, names, actions)
def test_an_update_does_what_the_model_does(item: dict[str, Any], name: str, action: tuple[str, Any]) -> None:
    what, value = action
    known = ({":v": value} if value is not None else {}) | ({":empty": {"L": []}} if what == "append" else {})
    try:
        wanted = model(item, name, what, value)
    except Refused:
        wanted = None
    before = copy.deepcopy(item)
    parsed = grammar.update(WORDS[what].format(name, ":v"), Placeholders(None, known or None))
    if wanted is None:
        with pytest.raises(Refused):
            updated(item, parsed)
    else:
        assert same({"M": updated(item, parsed)}, {"M": wanted})
    assert item == before


def applied(item: dict[str, Any], text: str, **known: Any) -> dict[str, Any]:
    return updated(item, grammar.update(text, Placeholders(None, {f":{name}": value for name, value in known.items()} or None)))


def test_every_value_is_of_the_item_as_it_was() -> None:
    assert applied({"a": {"N": "1"}, "b": {"N": "2"}}, "SET a = b, b = a") == {"a": {"N": "2"}, "b": {"N": "1"}}
    assert applied({"a": {"N": "1"}}, "SET b = a REMOVE a") == {"b": {"N": "1"}}


def test_lists_close_up_behind_what_is_removed_and_grow_at_their_end() -> None:
    item = {"l": {"L": [{"N": str(n)} for n in range(5)]}}
    assert applied(item, "REMOVE l[1], l[3]") == {"l": {"L": [{"N": "0"}, {"N": "2"}, {"N": "4"}]}}
    grown = applied(item, "SET l[90] = :y, l[7] = :x", x={"S": "x"}, y={"S": "y"})
    assert grown["l"]["L"][5:] == [{"S": "x"}, {"S": "y"}]
    assert applied(item, "REMOVE l[9]") == item


def test_updates_reach_into_maps() -> None:
    item = {"m": {"M": {"x": {"L": [{"M": {"y": {"N": "1"}}}]}, "z": {"S": "z"}}}}
    found = applied(item, "SET m.x[0].y = m.x[0].y - :one, m.#w = :one REMOVE m.z".replace("#w", "w"), one={"N": "1"})
    assert found == {"m": {"M": {"x": {"L": [{"M": {"y": {"N": "0"}}}]}, "w": {"N": "1"}}}}
    assert item["m"]["M"]["z"] == {"S": "z"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SET absent.x = :n", "The document path provided in the update expression is invalid for update"),
        ("SET s.x = :n", "The document path provided in the update expression is invalid for update"),
        ("SET m[0] = :n", "The document path provided in the update expression is invalid for update"),
        ("REMOVE absent.x", "The document path provided in the update expression is invalid for update"),
        ("SET a = absent", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a = s + :n", "An operand in the update expression has an incorrect data type"),
        ("SET a = list_append(s, l)", "An operand in the update expression has an incorrect data type"),
        ("ADD s :n", "An operand in the update expression has an incorrect data type"),
        ("DELETE s :set", "An operand in the update expression has an incorrect data type"),
        ("SET a = big + :n", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
    ],
)
def test_what_does_not_fit_the_item_is_refused(text: str, told: str) -> None:
    item = {"s": {"S": "s"}, "m": {"M": {}}, "l": {"L": []}, "big": {"N": "1" + "0" * 60}}
    known = {":n": {"N": "1"}, ":set": {"SS": ["a"]}}
    with pytest.raises(Refused) as refused:
        updated(item, grammar.update(text, Placeholders(None, known)))
    assert str(refused.value) == told


@pytest.mark.parametrize("copies", ["SET y = {}", "SET y = {}, z = if_not_exists(z, x)"])
def test_a_large_value_is_not_multiplied_to_be_refused_behind(copies: str) -> None:
    """One expression has room for hundreds of references to a list of 400 KB."""

    def appended(times: int) -> str:
        return "x" if times == 1 else f"list_append({appended(times // 2)}, {appended(times - times // 2)})"

    item = {"x": {"L": [{"NULL": True}] * 200_000}}
    each = ", ".join(f"v{number} = x" for number in range(200))
    for text in (copies.format(appended(200)), f"SET {each}"):
        parsed = grammar.update(text, Placeholders())
        tracemalloc.start()
        try:
            with pytest.raises(Refused, match="Item size to update has exceeded the maximum allowed size"):
                updated(item, parsed)
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()
