"""What a worker is told: once, what it is to become; then each invocation. Pure."""

import sys
from collections.abc import Mapping
from typing import Any

import orjson

from router.config.types import Function
from router.runtime.base import Invocation
from router.runtime.variables import variables


def worker(
    function: Function,
    *,
    region: str,
    interpreter: str,
    packages: str,
    log_stream: str,
    tmp: str,
    separator: str,
    extra: Mapping[str, str],
) -> dict[str, Any]:
    """The spawner's message, less its number. *separator*: letters that stand for newlines inside a log record; rest as in variables()."""
    return {
        "function": function.name,
        "handler": function.handler,
        "code": str(function.code),
        "packages": packages,
        "tmp": tmp,
        "separator": separator,
        "variables": variables(
            function,
            execution_env=f"AWS_Lambda_{execution_name(function.runtime)}",
            region=region,
            log_stream=log_stream,
            packages=packages,
            tmp=tmp,
            interpreter=interpreter,
            extra=extra,
        ),
    }


def execution_name(runtime: str) -> str:
    """The runtime that a function is told it runs on: the one configured, as it decides how results are written."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}" if runtime == "python" else runtime


def request(invocation: Invocation, left_ms: int) -> bytes:
    """The meta of an INVOKE frame; *left_ms*: until the function times out."""
    return orjson.dumps(
        {
            "id": invocation.request_id,
            "arn": invocation.arn,
            "ms": left_ms,
            "trace": invocation.trace,
            "client": invocation.client_context,
            "stream": invocation.sink is not None,
        }
    )
