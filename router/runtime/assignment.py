"""What a worker is told: once, what it is to become; then each invocation. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

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


_REQUEST: Final = ("id", "arn", "ms", "trace", "client", "stream")


def request(invocation: Invocation, left_ms: int) -> bytes:
    """The meta of an INVOKE frame: the values of _REQUEST, whose names would cost as much again; *left_ms*: until the function times out."""
    _, _, request_id, arn, client, trace, sink, _ = invocation
    return orjson.dumps((request_id, arn, left_ms, trace, client, sink is not None))


def requested(meta: bytes) -> dict[str, Any]:
    """The same by name, for who does not go without."""
    return dict(zip(_REQUEST, orjson.loads(meta), strict=True))
