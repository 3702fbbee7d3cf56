"""The context object of a Python handler. Standard library only; runs in the worker.

Source: Lambda developer guide, "Using the Lambda context object to retrieve Python function information"; attribute set and
types as AWS's runtime client gives them."""

import json
import os
import sys
import time
from functools import cache
from typing import Any, Final

_VARIABLES: Final = (
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    "AWS_LAMBDA_FUNCTION_VERSION",
)
_CLIENT: Final = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class Client:
    """context.client_context.client: the mobile application that called."""

    __slots__ = _CLIENT

    def __init__(self, facts: dict[str, Any]) -> None:
        for name in _CLIENT:
            setattr(self, name, facts.get(name))

    def __repr__(self) -> str:
        return _shown(self, _CLIENT)


class ClientContext:
    """context.client_context: what the caller sent along."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, facts: dict[str, Any]) -> None:
        self.custom = facts.get("custom")
        self.env = facts.get("env")
        client = facts.get("client")
        self.client = Client(client) if client else None

    def __repr__(self) -> str:
        return _shown(self, ("custom", "env", "client"))


class CognitoIdentity:
    """context.identity; empty, as there is no Cognito here."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self) -> None:
        self.cognito_identity_id = None
        self.cognito_identity_pool_id = None

    def __repr__(self) -> str:
        return _shown(self, self.__slots__)


class LambdaContext:
    """What a handler gets beside its event."""

    def __init__(self, request_id: str, arn: str, client_context: str, remaining_ms: int) -> None:
        """*client_context* is JSON text, "" for none; raises ValueError when it is not."""
        self.aws_request_id = request_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,  # text, as on AWS
            self.function_version,
        ) = told()
        self.invoked_function_arn = arn
        self.tenant_id = None
        self.client_context = ClientContext(json.loads(client_context)) if client_context else None
        self.identity = CognitoIdentity()
        self._deadline = time.monotonic() + remaining_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out; never negative."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, msg: object) -> None:
        """Write *msg* to the log as it is, without a newline."""
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        return _shown(
            self,
            (
                "aws_request_id",
                "log_group_name",
                "log_stream_name",
                "function_name",
                "memory_limit_in_mb",
                "function_version",
                "invoked_function_arn",
                "client_context",
                "identity",
                "tenant_id",
            ),
        )


@cache
def told() -> tuple[str | None, ...]:
    """What the variables say at the first invocation; os.environ takes longer over each of them than over all the rest."""
    return tuple(map(os.environ.get, _VARIABLES))


def _shown(thing: object, names: tuple[str, ...]) -> str:
    return f"{type(thing).__name__}([{','.join(f'{name}={getattr(thing, name)}' for name in names)}])"
