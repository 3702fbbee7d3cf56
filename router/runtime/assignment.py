"""What a worker is told: once, what it is to become; then each invocation. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from router.config.types import Function
from router.runtime.base import Invocation
from router.runtime.variables import variables


def worker(
    function: Function,
    *,
    runtime: str,
    region: str,
    interpreter: str,
    packages: str,
    language: Mapping[str, str],
    log_stream: str,
    tmp: str,
    separator: str,
    extra: Mapping[str, str],
) -> dict[str, Any]:
    """The spawner's message, less its number. *separator*: letters that stand for newlines inside a log record; *runtime*: what the
    function is told it runs on; rest as in variables()."""
    return {
        "function": function.name,
        "handler": function.handler,
        "code": str(function.code),
        "packages": packages,
        "tmp": tmp,
        "separator": separator,
        "variables": variables(
            function,
            execution_env=f"AWS_Lambda_{runtime}",
            region=region,
            log_stream=log_stream,
            packages=packages,
            tmp=tmp,
            interpreter=interpreter,
            language=language,
            extra=extra,
        ),
    }


def program(
    function: Function,
    argv: Sequence[str],
    path: str,
    *,
    passes: str,
    absent: str,
    region: str,
    log_stream: str,
    tmp: str,
    extra: Mapping[str, str],
) -> dict[str, Any]:
    """The spawner's message for a worker that becomes the program at *path*: see program.py. *absent*: what to say when there is none."""
    code = str(function.code)
    return {
        "function": function.name,
        "code": code,
        "tmp": tmp,
        "argv": list(argv),
        "path": path,
        "passes": passes,
        "absent": absent,
        "variables": variables(
            function,
            execution_env="",
            region=region,
            log_stream=log_stream,
            packages=code,
            tmp=tmp,
            interpreter="/usr/local/bin/",
            language={},
            extra=extra,
        ),
    }


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
