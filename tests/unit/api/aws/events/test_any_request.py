"""Any request, however odd its members, is done or refused in words; nothing else happens."""

import asyncio
import random
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from router.errors import RouterError
from tests.unit.api.aws.events.rig import ACCOUNT, FUNCTION, QUEUE, REGION, ROLE, Rig

EVENTS = f"arn:aws:events:{REGION}:{ACCOUNT}:"
ODD = [
    "",
    "a",
    "\ud800",
    "\0",
    "x" * 5000,
    "${env:X}",
    "é☃",
    "[" * 200 + "]" * 200,
    '{"n":' + "9" * 400 + "}",
    '{"a":1e999}',
    QUEUE,
    FUNCTION,
]
FIT: dict[str, list[Any]] = {
    "Name": ["a", "b", "own"],
    "Rule": ["a", "b"],
    "EventPattern": ['{"source":["a"]}', '{"a":' * 60 + "[1]" + "}" * 60],
    "EventBusName": ["default", "fixed"],
    "Arn": [QUEUE, FUNCTION, f"{EVENTS}event-bus/fixed"],
    "RoleArn": [ROLE],
    "ScheduleExpression": ["rate(5 minutes)", "at(2030-01-01T00:00:00)", "cron(0 1 * * ? *)"],
    "GroupName": ["default", "a"],
    "Input": ['{"a":1}', "x", '"\\ud800"', "1e400", "9" * 40],
    "EventSourceArn": [f"{EVENTS}event-bus/a", f"{EVENTS}event-bus/default", f"{EVENTS}archive/fixed"],
    "ResourceARN": [f"{EVENTS}rule/a", f"{EVENTS}event-bus/a"],
    "Detail": ["{}", '{"a":"\\ud800"}'],
    "StatementId": ["s"],
    "Principal": [ACCOUNT, "*"],
    "Action": ["events:PutEvents"],
}


def members(shape: Any, chance: random.Random) -> Any:
    """A value of a shape of AWS's models, mostly; sometimes of another."""
    if chance.random() < 0.03:
        return chance.choice([None, 1, "x", [1], {"a": 1}, True, 1.5, -1, 10**30, float("nan")])
    match shape.type_name:
        case "string":
            return chance.choice([*shape.enum, *ODD])
        case "integer" | "long":
            return chance.choice([0, 1, 60, 100, 10**12, -5])
        case "boolean":
            return chance.random() < 0.5
        case "timestamp":
            return chance.choice([0.0, 1.79e9, -5.0, 1e18, float("inf")])
        case "list":
            return [members(shape.member, chance) for _ in range(chance.randint(0, 3))]
        case "map":
            return {chance.choice(ODD): members(shape.value, chance) for _ in range(chance.randint(0, 2))}
    wanted = {name: one for name, one in shape.members.items() if name in shape.required_members or chance.random() < 0.2}
    return {
        name: chance.choice(FIT[name]) if name in FIT and chance.random() < 0.9 else members(one, chance) for name, one in wanted.items()
    }


async def ask(seed: int, place: Path) -> int:
    """So many requests; how many were done."""
    chance, models, done = random.Random(seed), botocore.session.get_session(), 0
    async with Rig(place).running() as rig:
        for _ in range(1000):
            service = chance.choice([rig.events, rig.scheduler])
            name = chance.choice(sorted(service.operations))
            given = members(models.get_service_model(service.name).operation_model(name).input_shape, chance)
            call = replace(rig.call(name, service.name), parameters=given if isinstance(given, dict) else {})
            with suppress(RouterError):
                service.operations[name].needs(call)
                await service.operations[name].run(call)
                done += 1
        assert {"own", "f-0"} <= {one["Name"] for one in (await rig.do("ListRules"))["Rules"]}, "what the config declares is as it was"
    return done


@pytest.mark.parametrize("_", range(3))
def test_any_request_is_done_or_refused(_: int) -> None:
    seed = random.randrange(2**32)
    with tempfile.TemporaryDirectory() as place:
        assert asyncio.run(ask(seed, Path(place))) > 10, f"seed {seed}"
