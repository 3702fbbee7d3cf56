"""Queues: what triggers, destinations and SDKs refer to by name. Pure.

AWS's words and limits: Amazon SQS API reference, CreateQueue and SetQueueAttributes."""

import json
import re
from typing import Final, Literal, cast

from router.config import roles
from router.config.node import Node
from router.config.roles import Policies
from router.config.settings import DAY
from router.config.types import Queue, Redrive

FIFO_SUFFIX: Final = ".fifo"
LARGEST: Final = 1_048_576  # bytes of a message
ALLOWED: Final = 10  # queues that redrive_allow may name: SQS API reference, SetQueueAttributes
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_SIZE: Final = re.compile(r"([0-9]{1,9})(KB|MB)?")
_UNITS: Final = {None: 1, "KB": 1024, "MB": 1024 * 1024}
_DEFAULT: Final = Queue("")
_KNOWN: Final = (
    *("visibility_timeout", "delay", "retention", "fifo", "content_based_deduplication"),
    *("redrive", "max_message_size", "receive_wait", "deduplication_scope", "redrive_allow", "policy", "tags"),
)
_TAG: Final = r"[\w .:/=+@-]"
TAGS: Final = 50  # of one queue or topic: tag editor user guide, "Tag naming limits and requirements"


def queues(node: Node, policies: Policies | None = None) -> dict[str, Queue]:
    """The value under `queues`; dead-letter queues must be there too and of the same kind. *policies*: see load()."""

    def read(name: str, child: Node) -> Queue:
        if not _NAME.fullmatch(name):
            node.misnamed(name, "a queue's name is 1 to 80 letters, digits, hyphens and underscores; a FIFO queue's ends with .fifo")
        return _queue(name, child, policies)

    found = node.each(read)
    for name, queue in found.items():
        if queue.redrive is not None and (child := node.child(name)) is not None:
            _check_redrive(queue, queue.redrive, found, child)
    return found


def _queue(name: str, node: Node, policies: Policies | None) -> Queue:
    form = node.form(known=_KNOWN)
    fifo = form.boolean("fifo", default=name.endswith(FIFO_SUFFIX))
    if fifo != name.endswith(FIFO_SUFFIX):
        form.problem("a FIFO queue's name ends with .fifo, and no other's does", "fifo")
    content_based = form.boolean("content_based_deduplication", default=False)
    if content_based and not fifo:
        form.problem("only a FIFO queue has this", "content_based_deduplication")
    scope = form.choice("deduplication_scope", _DEFAULT.deduplication_scope, ("queue", "messageGroup"))
    if form.has("deduplication_scope") and not fifo:
        form.problem("only a FIFO queue has this", "deduplication_scope")
    return Queue(
        name=name,
        visibility_timeout=form.seconds("visibility_timeout", _DEFAULT.visibility_timeout, low=0, high=43_200),
        delay=form.seconds("delay", _DEFAULT.delay, low=0, high=900),
        retention=form.seconds("retention", _DEFAULT.retention, low=60, high=14 * DAY),
        fifo=fifo,
        content_based_deduplication=content_based,
        redrive=None if (child := form.child("redrive")) is None else _redrive(child),
        max_message_size=_size(form),
        receive_wait=form.seconds("receive_wait", _DEFAULT.receive_wait, low=0, high=20),
        deduplication_scope=cast('Literal["queue", "messageGroup"]', scope),
        redrive_allow=_redrive_allow(form),
        policy=policy(form, policies, "sqs:SendMessage"),
        tags=tags(form),
    )


def policy(form: Node, policies: Policies | None, action: str) -> str:
    """The policy document of a queue, topic or bus under `policy`, as JSON text; "" when there is none. *action*: what it is there to allow."""
    example = f'{{Effect: Allow, Principal: {{AWS: "arn:aws:iam::123456789012:role/r"}}, Action: "{action}", Resource: "*"}}'
    return json.dumps(roles.document(form, policies, example=example)) if form.has("policy") else ""


def tags(form: Node) -> dict[str, str]:
    """The value under `tags`: key → value."""
    child = form.child("tags")
    if child is None:
        return {}
    found = {}
    for key, node in child.items():
        if not re.fullmatch(_TAG + "{1,128}", key) or key.lower().startswith("aws:"):
            child.misnamed(key, "a tag's key is 1 to 128 letters, digits, spaces and _ . : / = + - @, and does not begin with aws:")
        found[key] = node.text("", pattern=_TAG + "{0,256}", what="up to 256 letters, digits, spaces and _ . : / = + - @")
    if len(found) > TAGS:
        child.problem(f"more than {TAGS} tags")
    return found


def _redrive_allow(form: Node) -> tuple[str, ...] | None:
    """all, none, or the names of queues."""
    written = form.strings("redrive_allow", ("all",))
    if written in {("all",), ("none",)}:
        return None if written == ("all",) else ()
    if len(written) > ALLOWED or not all(map(_NAME.fullmatch, written)):
        form.problem(f"write all, none, or up to {ALLOWED} names of queues", "redrive_allow")
    return written


def _redrive(node: Node) -> Redrive:
    form = node.form(known=("queue", "max_receive_count"))
    return Redrive(form.text("queue"), form.integer("max_receive_count", low=1, high=1000))


def _check_redrive(queue: Queue, wanted: Redrive, found: dict[str, Queue], node: Node) -> None:
    redrive = node.child("redrive")
    if redrive is None or not redrive.has("queue"):
        return
    other = found.get(wanted.queue)
    if other is None:
        redrive.problem(f"no queue has the name {wanted.queue}{redrive.did_you_mean(wanted.queue, found)}", "queue")
    elif other is queue:
        redrive.problem("a queue cannot be its own dead-letter queue", "queue")
    elif other.fifo != queue.fifo:
        redrive.problem(f"the dead-letter queue of a {_kind(queue)} queue must be a {_kind(queue)} queue too", "queue")
    elif other.redrive_allow is not None and queue.name not in other.redrive_allow:
        redrive.problem(f"queue {other.name} does not take dead letters of this one: see its redrive_allow", "queue")


def _kind(queue: Queue) -> str:
    return "FIFO" if queue.fifo else "standard"


def _size(form: Node) -> int:
    """Bytes: a bare number as in AWS, or 256KB, 1MB."""
    if not form.has("max_message_size"):
        return _DEFAULT.max_message_size
    found = _SIZE.fullmatch(form.text("max_message_size"))
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1024 <= size <= LARGEST:
        form.problem("write bytes as a bare number, or 256KB, 1MB; from 1KB to 1MB", "max_message_size")
        return _DEFAULT.max_message_size
    return size
