"""What a worker is told."""

import json
from pathlib import Path

from router.config.types import Function
from router.runtime import assignment
from router.runtime.base import Invocation


def test_the_start_message_is_json_and_its_secrets_are_in_the_variables_alone() -> None:
    function = Function("f", Path("/srv/f"), "app.handler", environment={"TOKEN": "canary"})
    spec = assignment.worker(
        function,
        runtime="nodejs20.x",
        region="r",
        interpreter="/usr/bin/python3",
        packages="/p",
        language={"NODE_PATH": "/n"},
        log_stream="s",
        tmp="/t",
        separator="00",
        extra={"BUCKET_A": "/a"},
    )
    told = json.loads(json.dumps(spec))
    assert (told["variables"]["AWS_EXECUTION_ENV"], told["variables"]["NODE_PATH"]) == ("AWS_Lambda_nodejs20.x", "/n")
    assert (told["code"], told["handler"], told["variables"]["BUCKET_A"]) == ("/srv/f", "app.handler", "/a")
    assert told["variables"].pop("TOKEN") == "canary"
    assert "canary" not in json.dumps(told)


def test_a_request_names_all_that_the_context_needs() -> None:
    invocation = Invocation(Function("f", Path("/f"), "a.h"), b"{}", "id", "arn", '{"custom": 1}', "Root=1")
    meta = assignment.request(invocation, 2999)
    assert json.loads(meta) == ["id", "arn", 2999, "Root=1", '{"custom": 1}', False]
    assert assignment.requested(meta) == {
        "id": "id",
        "arn": "arn",
        "ms": 2999,
        "trace": "Root=1",
        "client": '{"custom": 1}',
        "stream": False,
    }
