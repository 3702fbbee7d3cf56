"""Declarations through the AWS endpoint beside a thousand functions, and beside one: how long each takes, and how long the loop stands still."""

import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from bench.daemon import FUNCTIONS, inside
from bench.table import Check, Row, quantile
from router.api.calls import Parts
from router.credentials import KeyStore
from tests.helpers.house import free_port

MANY = 1000
P50, STALL = 0.02, 0.01  # seconds
EVERY = 0.001  # seconds between two looks at the loop
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:0", aws: "127.0.0.1:{port}", console: off}}
limits: {{concurrency: 5000}}
roles: {{worker: {{policy: [{{Effect: Allow, Action: "sqs:*", Resource: "*"}}]}}}}
functions:
{functions}
"""
FUNCTION = '  f{number}: {{code: {code}, handler: echo.handler, triggers: [{{http: "POST /r{number}/{{id}}"}}]}}'
WHAT = "a declaration through the API beside 1,000 functions"


class Seen(NamedTuple):
    """Seconds."""

    took: list[float]  # by each declaration
    stall: float  # the longest of the loop meanwhile


def rows(*, brief: bool) -> list[Row]:
    """Two daemons, one after the other, each in a process of its own."""
    rounds = 10 if brief else 50
    one, many = (_measured(functions, rounds) for functions in (1, MANY))
    p50, alone = quantile(many.took, 0.5), quantile(one.took, 0.5)
    return [
        Row(
            WHAT,
            f"p50 {p50 * 1000:.1f} ms; the loop stood still for {many.stall * 1000:.1f} ms at most",
            f"beside one function p50 {alone * 1000:.1f} ms, {one.stall * 1000:.1f} ms",
            (Check(f"p50 ≤ {P50 * 1000:.0f} ms", p50 <= P50), Check(f"no stall > {STALL * 1000:.0f} ms", many.stall <= STALL)),
            f"boto3 in a process of its own makes {rounds} queues, topics, rules and subscriptions, and reserves concurrency as often, one call after"
            " another; each is durable and in force when it is answered; a task of the daemon's own loop looks every millisecond how late it is",
        )
    ]


def _measured(functions: int, rounds: int) -> Seen:
    command = [sys.executable, "-m", "bench.declaring", "daemon", str(functions), str(rounds)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return Seen(*json.loads(said.splitlines()[-1]))


# -- the daemon's process


def daemon(functions: int, rounds: int) -> Seen:
    """A daemon in this process, while a client in another one declares."""
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_port()
        listed = "\n".join(FUNCTION.format(number=number, code=FUNCTIONS) for number in range(functions))
        config = directory / "config.yaml"
        config.write_text(CONFIG.format(port=port, functions=listed))

        async def work(parts: Parts) -> Seen:
            del parts
            key, secret = KeyStore(directory / "state").create("bench", ["admin"], None, time.time())
            command = [sys.executable, "-m", "bench.declaring", "client", str(port), key.id, secret, str(rounds)]
            client = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            assert client.stdout is not None
            await client.stdout.readline()  # it is warm
            late: list[float] = []
            looking = asyncio.create_task(_look(late))
            said = await client.stdout.read()
            looking.cancel()
            return Seen(json.loads(said), max(late))

        return inside(config, work)


async def _look(late: list[float]) -> None:
    """How much later than asked for the loop comes round, again and again."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(EVERY)
        late.append(time.perf_counter() - began - EVERY)


# -- the client's


def client(port: int, key: str, secret: str, rounds: int) -> list[float]:
    """Seconds of each declaration."""
    settings = Config(retries={"total_max_attempts": 1})

    def of(service: str) -> Any:
        url = f"http://127.0.0.1:{port}"
        return boto3.client(service, "us-east-1", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, config=settings)

    sqs, sns, events, functions = map(of, ("sqs", "sns", "events", "lambda"))
    took = []

    def timed(call: Callable[..., Any], **what: Any) -> Any:
        began = time.perf_counter()
        answer = call(**what)
        took.append(time.perf_counter() - began)
        return answer

    role = "arn:aws:iam::123456789012:role/worker"
    functions.create_function(FunctionName="mine", Runtime="python3.11", Role=role, Handler="app.f", Code={"ZipFile": _archive()})
    for number in range(-2, rounds):
        if number == 0:
            took.clear()  # the first ones load the models of the services
            print(flush=True)
        timed(sqs.create_queue, QueueName=f"q{number}")
        topic = timed(sns.create_topic, Name=f"t{number}")["TopicArn"]
        queue = f"arn:aws:sqs:us-east-1:123456789012:q{number}"
        timed(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue)
        timed(events.put_rule, Name=f"r{number}", EventPattern='{"source": ["shop"]}')
        timed(events.put_targets, Rule=f"r{number}", Targets=[{"Id": "a", "Arn": queue}])
        timed(functions.put_function_concurrency, FunctionName="mine", ReservedConcurrentExecutions=1 + number % 5)
    return took


def _archive() -> bytes:
    """A function's code."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "def f(event, context): return event\n")
    return content.getvalue()


if __name__ == "__main__":
    word, *rest = sys.argv[1:]
    print(json.dumps(daemon(*map(int, rest)) if word == "daemon" else client(int(rest[0]), *rest[1:3], int(rest[3]))))
