"""Where the outcomes of functions go: on_success, on_failure, dead_letter. Pure.

AWS's words: Lambda API reference, DestinationConfig and DeadLetterConfig; queues must be standard ones there too."""

from collections.abc import Collection
from typing import Final

from router.config.node import Node
from router.config.types import Destination, Names

KINDS: Final = ("queue", "function", "bus", "bucket", "topic")


def destination(form: Node, key: str, names: Names, kinds: Collection[str] = KINDS, *, fifo: bool = False) -> Destination | None:
    """The value under *key*: one word and a name, as {queue: done}. *fifo*: a queue may be a FIFO queue too."""
    child = form.child(key)
    if child is None:
        return None
    node = child.form(known=kinds)
    found = [kind for kind in kinds if node.has(kind)]
    if len(found) != 1:
        node.lacks(f"is one word and a name, as {{queue: done}}; words: {', '.join(kinds)}", kinds)
        return None
    (kind,) = found
    name = node.text(kind)
    known = _known(names)[kind]
    if name not in known:
        node.problem(f"no {kind} has the name {name}{node.did_you_mean(name, known)}", kind)
    elif kind == "queue" and names.queues[name].fifo and not fifo:
        node.problem(f"{name} is a FIFO queue; a destination is a standard one", kind)
    elif kind == "topic" and names.topics[name].fifo:
        node.problem(f"{name} is a FIFO topic; a destination is a standard one", kind)
    return Destination(kind, name)


def _known(names: Names) -> dict[str, Collection[str]]:
    """The names of each kind."""
    return {
        "queue": names.queues,
        "function": names.functions,
        "bus": names.buses,
        "bucket": names.buckets,
        "topic": names.topics,
    }
