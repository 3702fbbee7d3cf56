"""What a function's role may, Lambda may for it, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.lambda_.authority import may_log, may_poll, may_send
from router.api.aws.lambda_.place import Place
from router.api.aws.service import AwsError
from router.config.types import Config, Queue, Role

PLACE = Place("us-east-1", "123456789012")
JOBS = "arn:aws:sqs:us-east-1:123456789012:jobs"


def config(*actions: str, resource: str = "*") -> Config:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}
    return Config(Path(), Path(), roles={"r": Role("r", policy)})


@pytest.mark.parametrize(
    ("found", "role", "wrong"),
    [
        (config("sqs:*"), "r", ""),
        (config("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", resource=JOBS), "r", ""),
        (config("sqs:*", resource=JOBS + "2"), "r", "ReceiveMessage on SQS"),
        (config("sqs:ReceiveMessage"), "r", "DeleteMessage on SQS"),
        (config("s3:*"), "r", "ReceiveMessage on SQS"),
        (config("sqs:*"), "", "f has none"),
        (config("sqs:*"), "gone", "role gone"),
    ],
)
def test_polling(found: Config, role: str, wrong: str) -> None:
    if not wrong:
        may_poll(found, PLACE, "f", role, ("queue", JOBS))
        return
    with pytest.raises(AwsError, match=wrong):
        may_poll(found, PLACE, "f", role, ("queue", JOBS))


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("sqs:SendMessage", {"on_failure": {"queue": "jobs"}}),
        ("sqs:SendMessage", {"dead_letter": {"queue": "jobs"}}),
        ("lambda:InvokeFunction", {"on_success": {"function": "g"}}),
        ("events:PutEvents", {"on_success": {"bus": "shop"}}),
        ("s3:PutObject", {"on_failure": {"bucket": "dead"}}),
        ("sns:Publish", {"on_failure": {"topic": "news"}}),
    ],
)
def test_sending(action: str, sent: dict[str, Any]) -> None:
    may_send(config(action), PLACE, "f", "r", sent)
    with pytest.raises(AwsError, match="does not have permissions"):
        may_send(config("logs:*"), PLACE, "f", "r", sent)
    may_send(config("logs:*"), PLACE, "f", "r", {"dead_letter": None})


def test_logging() -> None:
    found = config("logs:CreateLogStream", "logs:PutLogEvents", resource="arn:aws:logs:us-east-1:123456789012:log-group:/shop/*")
    for group in ("/shop/all", "/aws/lambda/f", "", None):
        may_log(found, PLACE, "f", "r", {"log_group": group})
    may_log(found, PLACE, "f", "r", {})
    for group, role, known in (("/aws/lambda/g", "r", found), ("/shop/all", "", found), ("/shop/all", "r", config("logs:PutLogEvents"))):
        with pytest.raises(AwsError, match="does not have permissions to call CreateLogStream on CloudWatch Logs"):
            may_log(known, PLACE, "f", role, {"log_group": group})


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_queues_own_policy_is_asked_too(effect: str) -> None:
    statement = {"Effect": effect, "Principal": {"AWS": "arn:aws:iam::123456789012:role/r"}, "Action": "sqs:*", "Resource": JOBS}
    jobs = Queue("jobs", policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    found = replace(config("logs:*" if effect == "Allow" else "*"), queues={"jobs": jobs})
    asked = (
        lambda: may_poll(found, PLACE, "f", "r", ("queue", JOBS)),
        lambda: may_send(found, PLACE, "f", "r", {"on_failure": {"queue": "jobs"}}),
    )
    for ask in asked:
        if effect == "Allow":
            ask()
        else:
            with pytest.raises(AwsError, match="does not have permissions"):
                ask()
    with pytest.raises(AwsError):
        may_poll(found, PLACE, "f", "", ("queue", JOBS))
