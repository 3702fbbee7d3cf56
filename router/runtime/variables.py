"""The environment variables a function sees. Pure.

Source: Lambda developer guide, "Defined runtime environment variables", and recordings of python3.12. Left out on
purpose: AWS_LAMBDA_RUNTIME_API (provided.py adds it; other workers talk over pipes), credentials (the caller's *extra* may carry them), the
X-Ray daemon's address (there is none)."""

import os.path
from collections.abc import Mapping
from typing import Final

from router.config.types import Function, Logging

RESERVED: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_LOG_LEVEL",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


def bucket_variable(bucket: str) -> str:
    """BUCKET_<NAME>: upper case, hyphens and dots become underscores."""
    return "BUCKET_" + bucket.upper().replace("-", "_").replace(".", "_")


def variables(
    function: Function,
    *,
    execution_env: str,
    region: str,
    log_stream: str,
    packages: str,
    tmp: str,
    interpreter: str,
    language: Mapping[str, str],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """All variables of one environment: defaults < *extra* < the function's own, less reserved names < the platform's.

    *execution_env*: "" where AWS sets none; *packages*: the directory of what the runtime brings; *tmp*: the private temporary directory; *interpreter*: path of what runs it;
    *language*: defaults that only its kind of runtime has."""
    code, opt = str(function.code), "" if function.opt is None else str(function.opt)
    own_bin = os.path.dirname(interpreter)  # noqa: PTH120  # text, not a file
    defaults = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": os.pathsep.join(dict.fromkeys((own_bin, "/usr/local/bin", "/usr/bin", "/bin", *_of(opt, "bin")))),
        "LD_LIBRARY_PATH": os.pathsep.join((code, f"{code}/lib", *_of(opt, "lib"))),
        "PWD": code,
        "SHLVL": "0",
        "TMPDIR": tmp,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **language,
    }
    own = {name: value for name, value in function.environment.items() if name not in RESERVED}
    platform = {
        "_HANDLER": function.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": code,
        "LAMBDA_RUNTIME_DIR": packages,
        **({"AWS_EXECUTION_ENV": execution_env} if execution_env else {}),
        **_logging(function.logging),
    }
    return {**defaults, **extra, **own, **platform}


def _logging(told: Logging) -> dict[str, str]:
    """What a runtime's own logger goes by; nothing where the log is text, as on AWS."""
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": told.application_level} if told.format == "json" else {}


def _of(opt: str, name: str) -> tuple[str, ...]:
    """A directory of the layers, last in a variable as on AWS."""
    return (f"{opt}/{name}",) if opt else ()
