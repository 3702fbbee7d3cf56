"""How both sides are looked at where the wire holds text: JSON inside JSON, gzip inside base64."""

import gzip
import json
from base64 import b64decode
from typing import Any


def parsed_bodies(event: dict[str, Any]) -> dict[str, Any]:
    """SQS records with their bodies as JSON values; some recordings show them so."""
    return {"Records": [record | {"body": _parsed(record["body"])} for record in event["Records"]]}


def parsed_body(event: dict[str, Any]) -> dict[str, Any]:
    """A request with its body as a JSON value."""
    return event | {"body": _parsed(event["body"])}


def parsed_message(event: dict[str, Any]) -> dict[str, Any]:
    """SNS records with their messages as JSON values."""
    return {"Records": [record | {"Sns": record["Sns"] | {"Message": _parsed(record["Sns"]["Message"])}} for record in event["Records"]]}


def parsed_envelope(body: dict[str, Any]) -> dict[str, Any]:
    """A notification in a queue with its message as a JSON value, and the messages of the notifications in that."""
    message = _parsed(body["Message"])
    return body | {"Message": parsed_message(message) if "Records" in message else message}


def unzipped(event: dict[str, Any]) -> dict[str, Any]:
    """CloudWatch Logs data as what it holds."""
    return {"awslogs": {"data": json.loads(gzip.decompress(b64decode(event["awslogs"]["data"])))}}


def _parsed(body: Any) -> Any:
    return json.loads(body) if isinstance(body, str) else body
