"""`sns:` in config.yaml: a function's subscription to a topic."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from router.config.topics import Scope, dead_letter_of, filter_of, scope_of
from router.config.types import Names, Subscription

if TYPE_CHECKING:
    from router.config.node import Node


@dataclass(frozen=True, slots=True)
class SnsTrigger:
    """`sns: {topic, filter, filter_scope, dead_letter}`."""

    word: ClassVar[str] = "sns"

    topic: str
    filter: Any = None
    filter_scope: Scope = "MessageAttributes"
    dead_letter: str = ""

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:
        """Read the value under `sns:`; an unknown topic is a problem."""
        form = node.form(main="topic", known=("topic", "filter", "filter_scope", "dead_letter"))
        topic = form.text("topic")
        if topic not in names.topics:
            form.problem(f"no topic has the name {topic}{form.did_you_mean(topic, names.topics)}", "topic")
        elif names.topics[topic].fifo:
            form.problem("a FIFO topic sends to queues only; put a queue before the function", "topic")
        return cls(topic, filter_of(form), scope_of(form), dead_letter_of(form, names.queues))

    def subscription(self, target: str, place: int) -> Subscription:
        """As one of the topic's. *target*: what the trigger invokes; *place*: its own among all triggers that are listed."""
        return Subscription(
            f"{target}-{place}", "function", target, filter=self.filter, filter_scope=self.filter_scope, dead_letter=self.dead_letter
        )

    @property
    def claim(self) -> str:
        """A topic may have any number of subscribers; that no function subscribes twice is seen where all are listed (topic_subscriptions.py)."""
        return ""
