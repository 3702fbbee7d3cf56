"""Keys of config.yaml that all event source mappings have. Pure."""

from router.config.node import Node
from router.events.filters import FILTERS, Filters
from router.events.patterns import refusal
from router.events.patterns_values import InvalidPattern


def filters(form: Node, data: str = "") -> Filters:
    """The value under `filter`: one pattern or a list of them. *data*: see Filters."""
    child = form.child("filter")
    if child is None:
        return Filters()
    nodes = child.elements() if isinstance(child.json(""), list) else [child]
    if not 1 <= len(nodes) <= FILTERS:
        child.problem(f"write 1 to {FILTERS} patterns")
    patterns = []
    for node in nodes:
        value = node.json("")
        try:
            Filters.of([value], data)
        except InvalidPattern as error:
            node.problem(refusal(error))
        else:
            patterns.append(value)
    return Filters.of(patterns, data)
