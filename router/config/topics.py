"""Topics and their subscriptions. Pure.

AWS's words and limits: Amazon SNS API reference, CreateTopic and Subscribe. What a filter policy may say is told when the topics
are laid (router/sources/topics.py), as its language lives beside this room."""

import re
from collections.abc import Collection, Mapping
from typing import Final, Literal, cast

from router.config.destinations import destination
from router.config.node import Node
from router.config.queues import FIFO_SUFFIX, policy, tags
from router.config.roles import Policies
from router.config.types import Names, Queue, Subscription, Topic

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
_SUBSCRIPTION: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
SCOPES: Final = {"attributes": "MessageAttributes", "body": "MessageBody"}
LONGEST_DISPLAY_NAME: Final = 100
FIFO_SUBSCRIPTIONS: Final = 100  # of one FIFO topic: SNS quotas; a message goes to all of them in one transaction
_KNOWN: Final = ("fifo", "content_based_deduplication", "deduplication_scope", "display_name", "policy", "tags", "subscriptions")
Scope = Literal["MessageAttributes", "MessageBody"]


def topics(node: Node, queues: Mapping[str, Queue], functions: Collection[str], policies: Policies | None = None) -> dict[str, Topic]:
    """The value under `topics`. *policies*: see load()."""

    def read(name: str, child: Node) -> Topic:
        if not NAME.fullmatch(name):
            node.misnamed(name, "a topic's name is 1 to 256 letters, digits, hyphens and underscores; a FIFO topic's ends with .fifo")
        return Topic(name, fifo=name.endswith(FIFO_SUFFIX)) if child.empty else _topic(name, child, queues, functions, policies)

    return node.each(read)


def _topic(name: str, node: Node, queues: Mapping[str, Queue], functions: Collection[str], policies: Policies | None) -> Topic:
    form = node.form(known=_KNOWN)
    fifo = form.boolean("fifo", default=name.endswith(FIFO_SUFFIX))
    if fifo != name.endswith(FIFO_SUFFIX):
        form.problem("a FIFO topic's name ends with .fifo, and no other's does", "fifo")
    for word in ("content_based_deduplication", "deduplication_scope"):
        if form.has(word) and not fifo:
            form.problem("only a FIFO topic has this", word)
    display = form.text("display_name", "")
    if len(display) > LONGEST_DISPLAY_NAME:
        form.problem(f"longer than {LONGEST_DISPLAY_NAME} characters", "display_name")
    listed = form.child("subscriptions")
    return Topic(
        name=name,
        fifo=fifo,
        content_based_deduplication=form.boolean("content_based_deduplication", default=False),
        deduplication_scope=cast(
            'Literal["Topic", "MessageGroup"]', form.choice("deduplication_scope", "Topic", ("Topic", "MessageGroup"))
        ),
        display_name=display,
        policy=policy(form, policies, "sns:Publish"),
        tags=tags(form),
        subscriptions=() if listed is None else _subscriptions(listed, queues, functions, fifo=fifo),
    )


def _subscriptions(node: Node, queues: Mapping[str, Queue], functions: Collection[str], *, fifo: bool) -> tuple[Subscription, ...]:
    found = []
    for name, child in node.items():
        if not _SUBSCRIPTION.fullmatch(name):
            node.misnamed(name, "a subscription's name is 1 to 100 letters, digits, hyphens and underscores")
        found.append(_subscription(name, child, queues, functions, fifo=fifo))
    if fifo and len(found) > FIFO_SUBSCRIPTIONS:
        node.problem(f"a FIFO topic has {FIFO_SUBSCRIPTIONS} subscriptions at most")
    return tuple(found)


def _subscription(name: str, node: Node, queues: Mapping[str, Queue], functions: Collection[str], *, fifo: bool) -> Subscription:
    form = node.form(known=("queue", "function", "raw", "filter", "filter_scope", "dead_letter"))
    given = [kind for kind in ("queue", "function") if form.has(kind)]
    if len(given) != 1:
        form.lacks("has one target, as queue: jobs or function: resize", ("queue", "function"))
        return Subscription(name, "queue", "")
    kind = cast('Literal["queue", "function"]', given[0])
    target = form.text(kind)
    known: Collection[str] = queues if kind == "queue" else functions
    if target not in known:
        form.problem(f"no {kind} has the name {target}{form.did_you_mean(target, known)}", kind)
    elif kind == "queue" and queues[target].fifo and not fifo:
        form.problem(f"{target} is a FIFO queue; only a FIFO topic sends to one", kind)
    if kind == "function" and fifo:
        form.problem("a FIFO topic sends to queues only; put a queue before the function", kind)
    if kind == "function" and form.has("raw"):
        form.problem("a function gets the whole notification; only a queue can have it raw", "raw")
    return Subscription(
        name,
        kind,
        target,
        raw=form.boolean("raw", default=False),
        filter=filter_of(form),
        filter_scope=scope_of(form),
        dead_letter=dead_letter_of(form, queues, fifo=fifo),
    )


def filter_of(form: Node) -> object:
    """The JSON value under `filter`; None when there is none, or one that lets everything pass."""
    child = form.child("filter")
    found = None if child is None else child.literal()
    if child is not None and not isinstance(found, dict):
        child.problem("is a filter policy, as {kind: [order]}")
        return None
    return found or None


def scope_of(form: Node) -> Scope:
    """What a filter looks at."""
    return cast("Scope", SCOPES[form.choice("filter_scope", "attributes", tuple(SCOPES))])


def dead_letter_of(form: Node, queues: Mapping[str, Queue], *, fifo: bool = False) -> str:
    """The queue under `dead_letter`; of a FIFO topic it may be a FIFO queue (SNS developer guide, "Amazon SNS dead-letter queues")."""
    found = destination(form, "dead_letter", Names({}, {}, queues=queues), ("queue",), fifo=fifo)
    return "" if found is None else found.name
