"""A node handler behind the Python runtime: one node child for each execution environment, events and results in frames.

The function's NODE_HANDLER names it as AWS's node runtime would (module.export), NODE is the program. A native node runtime
replaces this by `runtime: nodejs20.x, handler: module.export`."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any


class Node:
    """The child, and the pipe that its replies come from."""

    def __init__(self, program: str, place: str) -> None:
        replies, theirs = os.pipe()
        script = str(Path(__file__).parent / "runtime.mjs")
        self._child = subprocess.Popen([program, script, place, str(theirs)], stdin=subprocess.PIPE, pass_fds=[theirs])
        os.close(theirs)
        self._replies = os.fdopen(replies, "rb")
        self._reply()

    def ask(self, event: Any, context: dict[str, Any]) -> Any:
        """The handler's result; what it threw is raised under its own name."""
        body = json.dumps({"event": event, "context": context}).encode()
        assert self._child.stdin is not None
        self._child.stdin.write(b"%d\n%b" % (len(body), body))
        self._child.stdin.flush()
        return self._reply()

    def _reply(self) -> Any:
        line = self._replies.readline()
        if not line:
            raise SystemExit(f"node exited with {self._child.wait()}")  # ends this environment; the next event gets a new one
        reply = json.loads(self._replies.read(int(line)))
        if "error" in reply:
            error = reply["error"]
            raise type(error["name"], (Exception,), {})(error["message"])
        return reply["result"]


node = Node(os.environ["NODE"], os.environ["NODE_HANDLER"])


def handler(event: Any, context: Any) -> Any:
    """One event to node and its result back."""
    facts = {
        "awsRequestId": context.aws_request_id,
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "invokedFunctionArn": context.invoked_function_arn,
        "memoryLimitInMB": str(context.memory_limit_in_mb),
        "logGroupName": context.log_group_name,
        "logStreamName": context.log_stream_name,
        "callbackWaitsForEmptyEventLoop": True,
        "deadline": int(time.time() * 1000) + context.get_remaining_time_in_millis(),
    }
    return node.ask(event, facts)
