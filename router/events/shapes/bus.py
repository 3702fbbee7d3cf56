"""`router event`: EventBridge, its rules on a schedule, and EventBridge Scheduler."""

from collections.abc import Mapping
from typing import Any, Final

from router import names
from router.events import eventbridge, scheduled
from router.events.shapes.shape import PLACE, Facts, Shape, texts

_TICK: Final = {"name": "every-minute", "id": "", **PLACE}
_DECIDED: Final = frozenset({"region", "account"})


def _firing(facts: Facts, at: float) -> scheduled.Firing:
    return scheduled.Firing(facts["name"], facts["region"], facts["account"], at, facts["id"] or names.request_id())


def _rule(facts: Facts, at: float) -> Any:
    return scheduled.rule_event(_firing(facts, at))


def _scheduler(facts: Facts, at: float) -> Any:
    return scheduled.scheduler_event(_firing(facts, at))


def _custom(facts: Facts, at: float) -> Any:
    """An event of anybody's, AWS's own services included: nobody is asked for leave to print one."""
    entry = eventbridge.Entry(facts["source"], facts["detail-type"], facts["detail"], texts(facts, "resources"))
    told = eventbridge.refusal(entry)
    if told is not None and told.code != "NotAuthorizedForSourceException":
        raise ValueError(told.message)
    place = eventbridge.Place(facts["region"], facts["account"])
    return eventbridge.event(entry, event_id=facts["id"] or names.request_id(), at=at, place=place, replay=facts["replay-name"])


SHAPES: Final[Mapping[str, Shape]] = {
    "schedule": Shape(_TICK, _rule, decided=_DECIDED),
    "scheduler": Shape(_TICK, _scheduler, decided=_DECIDED),
    "eventbridge": Shape(
        {"source": "shop", "detail-type": "order placed", "detail": '{"id": 7}', "resources": "", "id": "", "replay-name": "", **PLACE},
        _custom,
    ),
}
