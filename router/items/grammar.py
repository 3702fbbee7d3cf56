"""The expressions of a request: conditions, projections and updates as trees. Texts of refusals are DynamoDB's.

Sources: DynamoDB developer guide, "Condition and filter expressions, operators, and functions", "Update expressions", "Projection
expressions", "Expression attribute names"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from router.items.errors import Refused
from router.items.nodes import (
    Action,
    Add,
    Between,
    Compare,
    Condition,
    Delete,
    Every,
    IfNotExists,
    In,
    ListAppend,
    Literal,
    Not,
    Operand,
    Path,
    Predicate,
    Remove,
    Set,
    Size,
    Some,
    Source,
    Steps,
    Sum,
    shown,
)
from router.items.reserved import WORDS
from router.items.tokens import Words
from router.items.values import ORDERED, SETS, TYPES, Value, checked, kind_of, order, parts, text
from router.items.values import shown as shown_value

COMPARATORS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
FUNCTIONS: Final = {  # and how many operands they take
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
UPDATE_FUNCTIONS: Final = {"if_not_exists": 2, "list_append": 2}
MOST_OPTIONS: Final = 100  # operands of IN
DEEPEST_PATH: Final = 33  # names and positions of a path: 32 levels below the item
_KEYWORDS: Final = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
_SPELLED: Final = {"S": "STRING", "N": "NUMBER", "B": "BINARY", "NULL": "NULL", "BOOL": "BOOLEAN", "L": "LIST", "M": "MAP"}


class Placeholders:
    """ExpressionAttributeNames and ExpressionAttributeValues, and which of them were used."""

    def __init__(self, names: object = None, values: object = None) -> None:
        self._names = _given(names, "ExpressionAttributeNames")
        given = _given(values, "ExpressionAttributeValues")
        self._values: dict[str, Value] = {}
        for name, value in given.items():
            try:
                self._values[name] = checked(value)
            except Refused as error:
                raise Refused(f"ExpressionAttributeValues contains invalid value: {error} for key {name}", str(error.code)) from None
        self._used: set[str] = set()
        for sort, known, mark in (("Names", self._names, "#"), ("Values", self._values, ":")):
            for name in known:
                if len(name) < 2 or name[0] != mark or not name[1:].replace("_", "a").isalnum():
                    raise Refused(f'ExpressionAttribute{sort} contains invalid key: Syntax error; key: "{name}"')

    def name(self, alias: str, words: Words) -> str:
        """What #alias stands for."""
        if alias not in self._names:
            words.refuse(f"An expression attribute name used in the document path is not defined; attribute name: {alias}")
        self._used.add(alias)
        return text(self._names[alias])

    def value(self, alias: str, words: Words) -> Value:
        """What :alias stands for."""
        if alias not in self._values:
            words.refuse(f"An expression attribute value used in expression is not defined; attribute value: {alias}")
        self._used.add(alias)
        return self._values[alias]

    def finish(self) -> None:
        """Raise Refused for those that no expression has used."""
        for sort, known in (("Names", self._names), ("Values", self._values)):
            if left := sorted(known.keys() - self._used):
                raise Refused(f"Value provided in ExpressionAttribute{sort} unused in expressions: keys: {{{', '.join(left)}}}")

    @property
    def given(self) -> str:
        """The parameter that was given, the values' first; "" for none."""
        return "ExpressionAttributeValues" if self._values else "ExpressionAttributeNames" if self._names else ""


def _given(mapping: object, what: str) -> Mapping[str, Any]:
    if mapping is None:
        return {}
    if not isinstance(mapping, Mapping):
        raise Refused("Expected map or null", "SerializationException")
    if not mapping:
        raise Refused(f"{what} must not be empty")
    return mapping


def condition(expression: str, what: str, known: Placeholders) -> Condition:
    """A condition, filter or key condition expression. Raises Refused."""
    words = Words(expression, what)
    found = _Conditions(words, known).whole()
    words.end()
    return found


def projection(expression: str, known: Placeholders, what: str = "ProjectionExpression") -> tuple[Steps, ...]:
    """The paths of a projection expression. Raises Refused."""
    words = Words(expression, what)
    paths = [_path(words, known)]
    while words.takes(","):
        paths.append(_path(words, known))
    words.end()
    return distinct([path.steps for path in paths], words)


def update(expression: str, known: Placeholders) -> tuple[Action, ...]:
    """The actions of an update expression, in the order of the text. Raises Refused."""
    words = Words(expression, "UpdateExpression")
    actions = _Updates(words, known).whole()
    distinct([action.path.steps for action in actions], words)
    return tuple(actions)


def distinct(paths: Sequence[Steps], words: Words) -> tuple[Steps, ...]:
    """The same; raises Refused when one is within another, or takes for a list what another takes for a map."""
    whole: set[Steps] = set()
    through: dict[Steps, Steps] = {}  # the beginnings of paths, each with the first path that has it
    kinds: dict[Steps, tuple[type, Steps]] = {}  # what follows a beginning: a name or a position
    for path in paths:
        beginnings = [path[:at] for at in range(1, len(path))]
        if inner := next((one for one in beginnings if one in whole), None):
            _refuse_pair("overlap", inner, path, words)
        if path in through:
            _refuse_pair("overlap", through[path], path, words)
        for at, beginning in enumerate(beginnings, 1):
            kind, other = kinds.setdefault(beginning, (type(path[at]), path))
            if kind is not type(path[at]):
                _refuse_pair("conflict", other, path, words)
        for beginning in (*beginnings, path):
            through.setdefault(beginning, path)
        whole.add(path)
    return tuple(paths)


def _refuse_pair(how: str, one: Steps, other: Steps, words: Words) -> None:
    words.refuse(
        f"Two document paths {how} with each other; must remove or rewrite one of these paths;"
        f" path one: {shown(one)}, path two: {shown(other)}"
    )


def _path(words: Words, known: Placeholders) -> Path:
    steps: list[str | int] = [_element(words, known)]
    while True:
        if words.takes("."):
            steps.append(_element(words, known))
        elif words.takes("["):
            if words.next.kind != "index":
                words.fail()
            digits = words.take().text
            if len(digits) > 9:
                words.refuse(f"List index is not within the allowable range; index: [{digits}]")
            steps.append(int(digits))
            words.expect("]")
        else:
            break
    if len(steps) > DEEPEST_PATH:
        words.refuse("The document path has too many nesting elements; nesting level: " + str(len(steps) - 1))
    return Path(tuple(steps))


def _element(words: Words, known: Placeholders) -> str:
    token = words.next
    if token.kind == "alias":
        return known.name(words.take().text, words)
    if token.kind != "name":
        words.fail()
    words.take()
    if token.word in WORDS:
        words.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
    return token.text


class _Conditions:
    """Reads conditions. An operand in parentheses may turn out to be the left side of a comparison, so both are read alike."""

    def __init__(self, words: Words, known: Placeholders) -> None:
        self._words, self._known = words, known

    def whole(self) -> Condition:
        return self._condition(self._or())

    def _condition(self, found: Condition | Operand) -> Condition:
        if isinstance(found, Path | Literal | Size):
            if isinstance(found, Size):
                self._words.refuse("The function is not allowed to be used this way in an expression; function: size")
            self._words.fail()
        return found

    def _or(self) -> Condition | Operand:
        parts = [self._and()]
        while self._words.takes("OR"):
            self._words.count()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Some(tuple(map(self._condition, parts)))

    def _and(self) -> Condition | Operand:
        parts = [self._not()]
        while self._words.takes("AND"):
            self._words.count()
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Every(tuple(map(self._condition, parts)))

    def _not(self) -> Condition | Operand:
        if not self._words.takes("NOT"):
            return self._comparison()
        self._words.count()
        self._words.deeper()
        found = Not(self._condition(self._not()))
        self._words.shallower()
        return found

    def _comparison(self) -> Condition | Operand:
        left = self._primary()
        if not isinstance(left, Path | Literal | Size):
            return left
        words = self._words
        if words.next.kind == "symbol" and words.next.text in COMPARATORS:
            words.count()
            return self._checked(Compare(words.take().text, left, self._operand()))
        if words.takes("BETWEEN"):
            words.count()
            low = self._operand()
            words.expect("AND")
            return self._between(Between(left, low, self._operand()))
        if words.takes("IN"):
            words.count()
            return self._in(left)
        return left

    def _in(self, left: Operand) -> In:
        words = self._words
        words.expect("(")
        options = [self._operand()]
        while words.takes(","):
            options.append(self._operand())
        words.expect(")")
        if len(options) > MOST_OPTIONS:
            words.refuse(f"The IN operator is provided with too many operands; number of operands: {len(options)}")
        return In(left, tuple(options))

    def _primary(self) -> Condition | Operand:
        words = self._words
        opened = words.place
        if words.takes("("):
            words.deeper()
            found = self._or()
            closed = words.place
            words.expect(")")
            words.shallower()
            if words.group == (opened + 1, closed - 1):
                words.refuse("The expression has redundant parentheses;")
            words.group = opened, closed
            return found
        if words.next.kind == "value":
            return Literal(self._known.value(words.take().text, words))
        if words.next.kind == "name" and words.after.text == "(" and words.next.word not in _KEYWORDS:
            return self._function()
        return _path(words, self._known)

    def _operand(self) -> Operand:
        words = self._words
        if words.takes("("):
            words.deeper()
            found = self._operand()
            words.expect(")")
            words.shallower()
            return found
        if words.next.kind == "value":
            return Literal(self._known.value(words.take().text, words))
        if words.next.kind == "name" and words.after.text == "(":
            function = self._function()
            if not isinstance(function, Size):
                name = function.function if isinstance(function, Predicate) else ""
                words.refuse(f"The function is not allowed to be used this way in an expression; function: {name}")
            return function
        return _path(words, self._known)

    def _function(self) -> Predicate | Size:
        words = self._words
        name = words.take().text
        if name not in FUNCTIONS:
            words.refuse(f"Invalid function name; function: {name}")
        words.count()
        words.expect("(")
        words.deeper()
        arguments = [self._operand()]
        while words.takes(","):
            arguments.append(self._operand())
        words.expect(")")
        words.shallower()
        if len(arguments) != FUNCTIONS[name]:
            words.refuse(
                f"Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {len(arguments)}"
            )
        return self._called(name, arguments)

    def _called(self, name: str, arguments: list[Operand]) -> Predicate | Size:
        words, first = self._words, arguments[0]
        if name == "size":
            if isinstance(first, Size):
                words.refuse("The function is not allowed to be used this way in an expression; function: size")
            if isinstance(first, Literal) and (kind := kind_of(first.value)) in ("N", "BOOL", "NULL"):
                words.refuse(_wrong_kind("size", kind))
            return Size(first)
        if name.startswith("attribute_") and not isinstance(first, Path):
            words.refuse(f"Operator or function requires a document path; operator or function: {name}")
        if name == "attribute_type":
            self._check_type(arguments[1])
        if name == "begins_with":
            self._check_kinds(name, arguments, ("S", "B"))
        if name in ("contains", "begins_with") and isinstance(first, Path) and first == arguments[1]:
            self._refuse_alike(name, first)
        return Predicate(name, tuple(arguments))

    def _check_type(self, argument: Operand) -> None:
        if not isinstance(argument, Literal) or kind_of(argument.value) != "S":
            kind = kind_of(argument.value) if isinstance(argument, Literal) else ""
            self._words.refuse(_wrong_kind("attribute_type", kind))
        if (wanted := parts(argument.value)[1]) not in TYPES:
            self._words.refuse(f"Invalid attribute type name found; type: {wanted}, valid types: {{{','.join(sorted(TYPES))}}}")

    def _check_kinds(self, name: str, operands: Sequence[Operand], kinds: Sequence[str]) -> None:
        for operand in operands:
            if isinstance(operand, Literal) and kind_of(operand.value) not in kinds:
                self._words.refuse(_wrong_kind(name, kind_of(operand.value)))

    def _checked(self, found: Compare) -> Compare:
        if found.operator not in ("=", "<>"):
            self._check_kinds(found.operator, (found.left, found.right), ORDERED)
        if isinstance(found.left, Path) and found.left == found.right:
            self._refuse_alike(found.operator, found.left)
        return found

    def _refuse_alike(self, name: str, operand: Path) -> None:
        self._words.refuse(
            "The first operand must be distinct from the remaining operands for this operator or function;"
            f" operator: {name}, first operand: {shown(operand.steps)}"
        )

    def _between(self, found: Between) -> Between:
        self._check_kinds("BETWEEN", (found.operand, found.low, found.high), ORDERED)
        if isinstance(found.low, Literal) and isinstance(found.high, Literal):
            low, high = found.low.value, found.high.value
            told = f"lower bound operand: AttributeValue: {shown_value(low)}, upper bound operand: AttributeValue: {shown_value(high)}"
            above = order(low, high)
            if above is None:
                self._words.refuse(f"The BETWEEN operator requires same data type for lower and upper bounds; {told}")
            if above > 0:
                self._words.refuse(f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {told}")
        return found


def _wrong_kind(name: str, kind: str) -> str:
    return f"Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"


class _Updates:
    """Reads update expressions."""

    def __init__(self, words: Words, known: Placeholders) -> None:
        self._words, self._known = words, known

    def whole(self) -> list[Action]:
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
            actions.append(clauses[word]())
            while words.takes(","):
                actions.append(clauses[word]())
        return actions

    def _set(self) -> Set:
        path = _path(self._words, self._known)
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
        words = self._words
        if words.takes("("):
            words.deeper()
            found = self._sum()
            words.expect(")")
            words.shallower()
            return found
        if words.next.kind == "value":
            return Literal(self._known.value(words.take().text, words))
        if words.next.kind == "name" and words.after.text == "(":
            return self._function()
        return _path(words, self._known)

    def _function(self) -> Source:
        words = self._words
        name = words.take().text
        if name not in UPDATE_FUNCTIONS:
            if name in FUNCTIONS:
                words.refuse(f"The function is not allowed in an update expression; function: {name}")
            words.refuse(f"Invalid function name; function: {name}")
        words.count()
        words.expect("(")
        words.deeper()
        arguments = [self._operand()]
        while words.takes(","):
            arguments.append(self._operand())
        words.expect(")")
        words.shallower()
        if len(arguments) != UPDATE_FUNCTIONS[name]:
            words.refuse(
                f"Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {len(arguments)}"
            )
        first, second = arguments
        if name == "list_append":
            self._check(name, "L", first, second)
            return ListAppend(first, second)
        if not isinstance(first, Path):
            words.refuse(f"Operator or function requires a document path; operator or function: {name}")
        return IfNotExists(first, second)

    def _check(self, name: str, kind: str, *sources: Source) -> None:
        for source in sources:
            if isinstance(source, Literal) and kind_of(source.value) != kind:
                self._words.refuse(_wrong_kind(name, kind_of(source.value)))

    def _remove(self) -> Remove:
        self._words.count()
        return Remove(_path(self._words, self._known))

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
        words = self._words
        path = _path(words, self._known)
        words.count()
        if words.next.kind != "value":
            words.fail()
        return path, self._known.value(words.take().text, words)

    def _refuse_kind(self, operator: str, value: Value) -> None:
        self._words.refuse(
            f"Incorrect operand type for operator or function; operator: {operator}, operand type: {_SPELLED[kind_of(value)]}"
        )
