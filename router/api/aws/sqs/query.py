"""SQS's older protocol, in which clients of before 2023 speak: a form in, XML out. Pure.

Source: Amazon SQS developer guide, "Making Query API requests". Lists and maps are flat: Attribute.1.Name=…&Attribute.1.Value=…;
SendMessageBatchRequestEntry.1.Id=…. What is of the wrong kind stays as it came, and the operation refuses it."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from router.api.aws.xml_text import said
from router.events.sqs_errors import InvalidParameterValue

NAMESPACE: Final = "http://queue.amazonaws.com/doc/2012-11-05/"
_LISTS: Final = {
    "AttributeName": "AttributeNames",
    "MessageAttributeName": "MessageAttributeNames",
    "MessageSystemAttributeName": "MessageSystemAttributeNames",
    "TagKey": "TagKeys",
    "AWSAccountId": "AWSAccountIds",
    "ActionName": "Actions",
}
_MAPS: Final = {
    "Attribute": ("Attributes", "Name"),
    "MessageAttribute": ("MessageAttributes", "Name"),
    "MessageSystemAttribute": ("MessageSystemAttributes", "Name"),
    "Tag": ("Tags", "Key"),
}
_NUMBERS: Final = frozenset(
    ("DelaySeconds", "VisibilityTimeout", "MaxNumberOfMessages", "WaitTimeSeconds", "MaxResults", "MaxNumberOfMessagesPerSecond")
)
_ENTRY: Final = "RequestEntry"
_STEPS: Final = 8  # of a name, at most
_TAGS: Final = {  # member of an answer → element, and what its keys are called when it is a map
    "Messages": ("Message", ""),
    "Attributes": ("Attribute", "Name"),
    "MessageAttributes": ("MessageAttribute", "Name"),
    "Tags": ("Tag", "Key"),
    "QueueUrls": ("QueueUrl", ""),
    "queueUrls": ("QueueUrl", ""),
    "Results": ("ListMessageMoveTasksResultEntry", ""),
    "Failed": ("BatchResultErrorEntry", ""),
}

Tree = dict[str, Any]


def members_of(operation: str, form: Iterable[tuple[str, str]], path: str = "/") -> dict[str, Any]:
    """A request's members, from its form. *path*: of the request; one to a queue's own address need not name the queue in its form.

    Raises InvalidParameterValue."""
    tree: Tree = {}
    for name, value in form:
        if name not in {"Action", "Version"}:
            _enter(tree, name.split("."), value)
    made = _structure(tree)
    if operation == "CreateQueue" and "Tags" in made:
        made["tags"] = made.pop("Tags")
    if "QueueUrl" not in made and len(path) > 1:
        made["QueueUrl"] = path
    return made


def _enter(tree: Tree, steps: list[str], value: str) -> None:
    if len(steps) > _STEPS:
        raise InvalidParameterValue("A parameter's name has too many parts.")
    for step in steps[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            raise InvalidParameterValue(f"The parameter {step[:100]} is both a value and a structure.")
        tree = below
    tree[steps[-1]] = value


def _structure(tree: Tree) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in tree.items():
        if name.endswith(_ENTRY):
            made["Entries"] = [_structure(one) if isinstance(one, dict) else one for one in _ordered(name, value)]
        elif name in _LISTS:
            made[_LISTS[name]] = _ordered(name, value)
        elif name in _MAPS:
            member, key = _MAPS[name]
            made[member] = dict(_pair(name, one, key) for one in _ordered(name, value))
        elif name in _NUMBERS and isinstance(value, str):
            made[name] = _number(value)
        else:
            made[name] = value
    return made


def _ordered(name: str, value: Any) -> list[Any]:
    """A list's elements: those under 1, 2, 3 …."""
    if not isinstance(value, dict) or not all(key.isascii() and key.isdecimal() and len(key) < 8 for key in value):
        raise InvalidParameterValue(f"The parameter {name[:100]} is a list: {name[:100]}.1, {name[:100]}.2 …")
    return [value[key] for key in sorted(value, key=int)]


def _pair(name: str, one: Any, key: str) -> tuple[str, Any]:
    if not isinstance(one, dict) or not isinstance(one.get(key), str):
        raise InvalidParameterValue(f"The parameter {name[:100]}.N has a {key} and a Value.")
    value = one.get("Value", "")
    if isinstance(value, dict) and isinstance(value.get("BinaryValue"), str):
        try:
            return one[key], {**value, "BinaryValue": b64decode(value["BinaryValue"], validate=True)}
        except ValueError:
            raise InvalidParameterValue(f"The BinaryValue of {one[key][:100]} is not base64.") from None
    return one[key], value


def _number(text: str) -> Any:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 11 else text


def answer(operation: str, members: Mapping[str, Any], request_id: str, *, void: bool = False) -> bytes:
    """An operation's answer as XML; *void*: it never has members. Any other has its result's element also when that is empty: the
    SDKs of this protocol look for it."""
    inside = "".join(_member(operation, name, value) for name, value in members.items())
    result = "" if void else f"<{operation}Result>{inside}</{operation}Result>" if inside else f"<{operation}Result/>"
    told = f"{result}<ResponseMetadata><RequestId>{said(request_id)}</RequestId></ResponseMetadata>"
    return _document(f'<{operation}Response xmlns="{NAMESPACE}">{told}</{operation}Response>')


def refusal(code: str, message: str, request_id: str, *, sender: bool = True) -> bytes:
    """An error as XML; *sender*: whose fault it is. *code*: query_code of a QueueError."""
    told = f"<Type>{'Sender' if sender else 'Receiver'}</Type><Code>{said(code)}</Code><Message>{_text(message)}</Message><Detail/>"
    return _document(f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{told}</Error><RequestId>{said(request_id)}</RequestId></ErrorResponse>')


def _member(operation: str, name: str, value: Any) -> str:
    tag, key = _TAGS.get(name, (f"{operation}ResultEntry" if name == "Successful" else name, ""))
    if isinstance(value, Mapping) and key:
        return "".join(f"<{tag}><{key}>{_text(one)}</{key}>{_member(operation, 'Value', held)}</{tag}>" for one, held in value.items())
    if isinstance(value, Mapping):
        return f"<{tag}>{''.join(_member(operation, one, held) for one, held in value.items())}</{tag}>"
    if isinstance(value, list | tuple):
        return "".join(_member(operation, tag, one) for one in value)
    return f"<{tag}>{_text(value)}</{tag}>"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return said(str(value))


def _document(text: str) -> bytes:
    return f'<?xml version="1.0"?>{text}'.encode()
