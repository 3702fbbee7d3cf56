"""Which attributes expressions are about."""

from hypothesis import given

from router.items import grammar
from router.items.placeholders import Placeholders
from router.items.trees import attributes, touched
from tests.unit.items.test_conditions import Tree, text_of, trees

KNOWN = {":v": {"N": "1"}, ":l": {"L": []}}


@given(trees)
def test_every_name_of_a_condition_is_found(tree: Tree) -> None:
    known: dict[str, object] = {}
    text = text_of(tree, known)
    condition = grammar.condition(text, "ConditionExpression", Placeholders(None, known or None))
    assert set(attributes(condition)) == {
        word for word in "abcde" if word in text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    }


def test_an_update_is_about_what_it_writes_and_what_it_reads() -> None:
    text = "SET a.x = b[0] + :v, c = list_append(if_not_exists(d, e), :l) REMOVE f ADD g :v"
    assert set(touched(grammar.update(text, Placeholders(None, KNOWN)))) == set("abcdefg")
