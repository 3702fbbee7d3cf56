"""The expressions of a request: conditions, projections and updates as trees. Texts of refusals are DynamoDB's.

Sources: DynamoDB developer guide, "Condition and filter expressions, operators, and functions", "Update expressions", "Projection
expressions"."""

from collections.abc import Sequence

from router.items.grammar_conditions import Conditions
from router.items.grammar_updates import Updates
from router.items.nodes import Action, Condition, Steps, shown
from router.items.operands import Operands
from router.items.placeholders import Placeholders
from router.items.tokens import Words


def condition(expression: str, what: str, known: Placeholders) -> Condition:
    """A condition, filter or key condition expression. Raises Refused."""
    words = Words(expression, what)
    found = Conditions(words, known).whole()
    words.end()
    return found


def projection(expression: str, known: Placeholders, what: str = "ProjectionExpression") -> tuple[Steps, ...]:
    """The paths of a projection expression. Raises Refused."""
    words = Words(expression, what)
    operands = Operands(words, known)
    paths = operands.listed(operands.path)
    words.end()
    return distinct([path.steps for path in paths], words)


def update(expression: str, known: Placeholders) -> tuple[Action, ...]:
    """The actions of an update expression, in the order of the text. Raises Refused."""
    words = Words(expression, "UpdateExpression")
    actions = Updates(words, known).whole()
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
