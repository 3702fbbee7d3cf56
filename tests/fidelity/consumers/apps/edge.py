"""What stands between the gateway and a framework in every app: a handler that crashes or answers nonsense on request."""

from collections.abc import Callable
from typing import Any

PATTERN = bytes(range(256)) * 4
TEXT = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001f600"


def guarded(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """*handler*, but for requests whose x-edge header says otherwise: crash, or malformed."""

    def guard(event: Any, context: Any) -> Any:
        headers = event.get("headers") or {name: values[-1] for name, values in (event.get("multiValueHeaders") or {}).items()}
        wish = next((value for name, value in headers.items() if name.lower() == "x-edge"), "")
        if wish == "crash":
            raise RuntimeError("the handler crashed")
        if wish == "malformed":
            return {"statusCode": "no number", "body": "x"}
        return handler(event, context)

    return guard
