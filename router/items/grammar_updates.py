"""Updates as they are written. Source: DynamoDB developer guide, "Update expressions"."""

from collections.abc import Callable
from typing import Final

from router.items.grammar_conditions import FUNCTIONS as OF_CONDITIONS
from router.items.nodes import Action, Add, Delete, IfNotExists, ListAppend, Literal, Path, Remove, Set, Source, Sum
from router.items.operands import Operands, no_path, unknown, wrong_kind
from router.items.placeholders import Placeholders
from router.items.tokens import Words
from router.items.values import SETS, Value, kind_of

FUNCTIONS: Final = {"if_not_exists": 2, "list_append": 2}  # and how many operands they take
_SPELLED: Final = {"S": "STRING", "N": "NUMBER", "B": "BINARY", "NULL": "NULL", "BOOL": "BOOLEAN", "L": "LIST", "M": "MAP"}


class Updates:
    """Reads update expressions."""

    def __init__(self, words: Words, known: Placeholders) -> None:
        self._words, self._operands = words, Operands(words, known)

    def whole(self) -> list[Action]:
        """All of it. Raises Refused."""
        words, seen = self._words, set[str]()
        actions: list[Action] = []
        clauses: dict[str, Callable[[], Action]] = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        while words.next.kind != "end":
            word = words.next.word
            if word not in clauses:
                words.fail()
            words.take()
            if word in seen:
                words.refuse(f'The "{word}" section can only be used once in an update expression;')
            seen.add(word)
            actions += self._operands.listed(clauses[word])
        return actions

    def _set(self) -> Set:
        path = self._operands.path()
        self._words.expect("=")
        self._words.count()
        return Set(path, self._sum())

    def _sum(self) -> Source:
        left = self._operand()
        for symbol in ("+", "-"):
            if self._words.takes(symbol):
                self._words.count()
                right = self._operand()
                self._check(symbol, "N", left, right)
                return Sum(left, right, minus=symbol == "-")
        return left

    def _operand(self) -> Source:
        if self._words.takes("("):
            return self._operands.within(self._sum)
        return self._operands.one(self._function)

    def _function(self) -> Source:
        words = self._words
        name = words.take().text
        if name not in FUNCTIONS:
            words.refuse(
                f"The function is not allowed in an update expression; function: {name}" if name in OF_CONDITIONS else unknown(name)
            )
        first, second = self._operands.arguments(name, FUNCTIONS[name], self._operand)
        if name == "list_append":
            self._check(name, "L", first, second)
            return ListAppend(first, second)
        if not isinstance(first, Path):
            words.refuse(no_path(name))
        return IfNotExists(first, second)

    def _check(self, name: str, kind: str, *sources: Source) -> None:
        for source in sources:
            if isinstance(source, Literal) and kind_of(source.value) != kind:
                self._words.refuse(wrong_kind(name, kind_of(source.value)))

    def _remove(self) -> Remove:
        self._words.count()
        return Remove(self._operands.path())

    def _add(self) -> Add:
        path, value = self._pair()
        if kind_of(value) != "N" and kind_of(value) not in SETS:
            self._refuse_kind("ADD", value)
        return Add(path, value)

    def _delete(self) -> Delete:
        path, value = self._pair()
        if kind_of(value) not in SETS:
            self._refuse_kind("DELETE", value)
        return Delete(path, value)

    def _pair(self) -> tuple[Path, Value]:
        path = self._operands.path()
        self._words.count()
        return path, self._operands.literal().value

    def _refuse_kind(self, operator: str, value: Value) -> None:
        self._words.refuse(
            f"Incorrect operand type for operator or function; operator: {operator}, operand type: {_SPELLED[kind_of(value)]}"
        )
