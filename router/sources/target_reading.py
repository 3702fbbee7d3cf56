"""Targets in config.yaml: `{queue: jobs, input_path: $.detail, dead_letter: {queue: lost}, retry: {attempts: 3, age: 1h}}`.

AWS's words and limits: EventBridge API reference, Target; EventBridge Scheduler API reference, Target."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from router.config.destinations import destination
from router.config.fragments import BadFragment, tree
from router.config.node import Document, Node
from router.config.problems import Problems, plain
from router.config.references import References
from router.config.types import Destination, Role, Surroundings
from router.events.eventbridge import OWN_SOURCES, TYPE_CHARS, Place
from router.events.undelivered import ATTEMPTS, OLDEST, YOUNGEST
from router.iam import evaluation, reading, trust
from router.iam.policy import BadPolicy
from router.iam.principals import role_session
from router.names import LATEST, base
from router.sources.bus_trigger import INPUTS, input_of
from router.sources.targets import Target, arn_of

MOST: Final = 5  # targets of one rule: EventBridge quotas
KINDS: Final = ("function", "queue", "bus", "topic", "log_group")
ACTIONS: Final[Mapping[str, str]] = {
    "function": "lambda:InvokeFunction",
    "queue": "sqs:SendMessage",
    "bus": "events:PutEvents",
    "topic": "sns:Publish",
    "log_group": "logs:PutLogEvents",
}  # what a target's role must be allowed
_ID: Final = r"[.\-_A-Za-z0-9]{1,64}"
_LOG_GROUP: Final = r"(?!/aws/lambda/)[.\-_/#A-Za-z0-9]{1,512}"  # none of a function's: what is there is read as what it logged
_GROUP: Final = r"[!-~]{1,128}"  # of a queue's message: printable ASCII without the space
Assuming = tuple[str, str]  # the service that assumes a target's role, and the ARN of what it does so for
_SHARED: Final = ("dead_letter", "retry", "group", "role")


def of_rule(form: Node, around: Surroundings, arn: str, bus: str = "") -> tuple[Target, ...]:
    """The value under `targets` of a rule; *arn*: the rule's; *bus*: the one that it hears, which is no target of it."""
    child = form.child("targets")
    nodes = child.elements() if child is not None else []
    if len(nodes) > MOST:
        form.problem(f"{len(nodes)} targets; a rule has {MOST} at most", "targets")
    known = (*KINDS, *_SHARED, *INPUTS, "id")
    found = [_target(node.form(known=known), around, f"Target{place}", (trust.RULES, arn)) for place, node in enumerate(nodes)]
    for place, target in enumerate(found):
        _refuse_own(nodes[place], target, bus)
        if any(target.id == other.id for other in found[:place]):
            nodes[place].problem(f"two targets have the id {target.id}", "id" if nodes[place].has("id") else "")
    return tuple(found)


def mistakes(value: Any, around: Surroundings, arn: str, bus: str = "") -> list[str]:
    """What is wrong with one target of a rule, a JSON value as config.yaml would have it; *arn*, *bus*: as of_rule() has them."""
    problems = Problems("target")
    try:
        found = tree(value)
    except BadFragment as error:
        return [str(error)]
    node = Node(Document(Path("/"), problems, References({}, Path("/"))), found)
    target = _target(node.form(known=(*KINDS, *_SHARED, *INPUTS, "id")), around, "Target0", (trust.RULES, arn))
    _refuse_own(node, target, bus)
    return [plain(line) for line in problems.lines()]


def _refuse_own(node: Node, target: Target, bus: str) -> None:
    """An event is sent on to another bus once (EventBridge user guide, "Sending events between event buses"): on its own it would come again
    to every other rule, and to this one to be undeliverable."""
    if bus and target.to == Destination("bus", bus):
        node.problem("is the bus that the rule hears: every event would come to it twice, and then be undeliverable", "bus")


def of_schedule(form: Node, around: Surroundings, arn: str) -> Target:
    """The value under `target` of a schedule; *arn*: its group's, which AWS names to a role's trust."""
    child = form.child("target")
    if child is None:
        form.problem("is required, as target: {queue: jobs}", "target")
        return Target(Destination("queue", ""))
    own = child.form(known=(*KINDS[:-1], *_SHARED, "source", "detail_type"))
    target = _target(own, around, "", (trust.SCHEDULES, arn))
    if target.to.kind == "bus":
        return _put_events(own, target)
    for key in ("source", "detail_type"):
        if own.has(key):
            own.problem("only an event for a bus has this", key)
    return target


def _put_events(form: Node, target: Target) -> Target:
    source = form.text("source", pattern=r".{1,256}", what="1 to 256 characters")
    if source.startswith(OWN_SOURCES):
        form.problem("sources that begin with aws. are AWS's own services'", "source")
    detail_type = form.text("detail_type", pattern=rf".{{1,{TYPE_CHARS}}}", what=f"1 to {TYPE_CHARS} characters")
    return replace(target, source=source, detail_type=detail_type)


def _target(form: Node, around: Surroundings, default: str, assuming: Assuming) -> Target:
    to = _to(form, around)
    dead_letter = destination(form, "dead_letter", around.names, ("queue",))
    attempts, age = _retry(form)
    if to.kind == "bus":
        for key in INPUTS:
            if form.has(key):
                form.problem("a bus gets the event as it is", key)
    return Target(
        to=to,
        id=form.text("id", default, pattern=_ID if default or form.has("id") else "", what="1 to 64 letters, digits, dots, - and _"),
        input=input_of(form),
        group=_group(form, to, around),
        dead_letter=dead_letter.name if dead_letter is not None else "",
        attempts=attempts,
        age=age,
        role=_role(form, to, around, assuming),
    )


def _to(form: Node, around: Surroundings) -> Destination:
    """What it is for: one word and a name."""
    found = [kind for kind in KINDS if form.has(kind)]
    if len(found) != 1:
        form.lacks(f"a target is one word and a name, as {{queue: done}}; words: {', '.join(KINDS)}", KINDS)
        return Destination("queue", "")
    (kind,) = found
    if kind == "log_group":
        return Destination(kind, form.text(kind, pattern=_LOG_GROUP, what="a log group's name, none that begins with /aws/lambda/"))
    name = form.text(kind)
    known: Collection[str] = {
        "queue": around.names.queues,
        "function": around.functions,
        "bus": around.names.buses,
        "topic": around.names.topics,
    }[kind]
    plain = base(name) if kind == "function" else name
    if plain not in known:
        form.problem(f"no {kind} has the name {plain}{form.did_you_mean(plain, known)}", kind)
    elif kind == "function" and name != plain:
        _qualified(form, name, around)
    elif kind == "topic" and around.names.topics[name].fifo:
        form.problem(f"{name} is a FIFO topic; a target is a standard one", kind)
    return Destination(kind, name)


def _qualified(form: Node, name: str, around: Surroundings) -> None:
    qualifier = name.partition(":")[2]
    aliases = around.functions[base(name)].aliases
    if qualifier != LATEST and not qualifier.isdigit() and qualifier not in aliases:
        form.problem(f"function {base(name)} has no alias {qualifier}{form.did_you_mean(qualifier, aliases)}", "function")


def _retry(form: Node) -> tuple[int, float]:
    child = form.child("retry")
    if child is None:
        return ATTEMPTS, float(OLDEST)
    retry = child.form(known=("attempts", "age"))
    return retry.integer("attempts", ATTEMPTS, low=0, high=ATTEMPTS), retry.seconds("age", OLDEST, low=YOUNGEST, high=OLDEST)


def _group(form: Node, to: Destination, around: Surroundings) -> str:
    """The message group: a FIFO queue's messages have one, a standard queue's may."""
    queue = around.names.queues.get(to.name) if to.kind == "queue" else None
    if queue is not None and queue.fifo and not form.has("group"):
        form.problem(f"is required: {to.name} is a FIFO queue", "group")
    if not form.has("group"):
        return ""
    if to.kind != "queue":
        form.problem("only a message in a queue has this", "group")
    return form.text("group", pattern=_GROUP, what="1 to 128 printable characters without spaces")


def _role(form: Node, to: Destination, around: Surroundings, assuming: Assuming) -> str:
    """A role of the config's that the service may assume and that allows handing over: refused here, not at the first event."""
    if not form.has("role"):
        return ""
    name = form.text("role")
    role = around.names.roles.get(name)
    if role is None:
        form.problem(f"no role has the name {name}{form.did_you_mean(name, around.names.roles)}", "role")
        return name
    resource = arn_of(to, Place(around.region, around.account)) + (":*" if to.kind == "log_group" else "")
    if not allowed(role, ACTIONS[to.kind], resource, around.account):
        form.problem(f"role {name} does not allow {ACTIONS[to.kind]} on {resource}", "role")
    service, source = assuming
    if not trust.lets(name, role.trust, service, around.account, source):
        form.problem(f"the trust of role {name} does not let {service} assume it", "role")
    return name


def allowed(role: Role, action: str, resource: str, account: str) -> bool:
    """Whether a role allows this; not when its policy cannot be read."""
    return _allowed(role.name, json.dumps(role.policy), action, resource, account)


@lru_cache(maxsize=1024)  # a thousand schedules may have one role, and are all read anew with each change
def _allowed(name: str, policy: str, action: str, resource: str, account: str) -> bool:
    try:
        found = reading.read(json.loads(policy), name=name)
    except BadPolicy:
        return False
    asked = evaluation.Request(action, resource, role_session(account, name, "target"))
    return evaluation.evaluate(asked, evaluation.Policies((found,))).allowed
