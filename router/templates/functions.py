"""Functions of a template. Pure.

Source: SAM developer guide, AWS::Serverless::Function; CloudFormation template reference, AWS::Lambda::Function."""

import re
from typing import Any, Final

from router.templates import roles, synthesized
from router.templates.cors import cors_of
from router.templates.draft import Draft, Item
from router.templates.events import function_events
from router.templates.layers import layers_of
from router.templates.naming import made_destination
from router.templates.props import Props
from router.templates.stores import build_method, local_path
from router.templates.words import Code, Refused, shown

_NAME: Final = r"[A-Za-z0-9_-]{1,64}"
_RUNTIMES: Final = re.compile(r"python(3\.([6-9]|1[0-4]))?|nodejs((1[2468]|2[024])\.x)?|provided(\.al2|\.al2023)?")
_DIFFERENT: Final = {
    "Architectures": "the function runs on this machine's processor",
    "AutoPublishAliasAllProperties": "versions are published by router versions publish",
    "AutoPublishCodeSha256": "versions are published by router versions publish",
    "CodeSigningConfigArn": "code is not signed here",
    "DeploymentPreference": "changed code is in force for all at once, after its init succeeded",
    "KmsKeyArn": "the environment lies in config.yaml",
    "PermissionsBoundary": "boundaries are not known here: what the role's policies allow is allowed",
    "RecursiveLoop": "a chain of events is stopped at its 17th return",
    "RuntimeManagementConfig": "the runtime is what is installed on this machine",
    "RuntimePolicy": "the runtime is what is installed on this machine",
    "SourceKMSKeyArn": "the code lies on this machine's disk",
    "SourceKMSKeyARN": "the code lies on this machine's disk",
    "Tracing": "no traces are sent to X-Ray; the trace id reaches the function",
    "TracingConfig": "no traces are sent to X-Ray; the trace id reaches the function",
    "VersionDescription": "versions are published by router versions publish",
}
_WRAPPER: Final = "AWS_LAMBDA_EXEC_WRAPPER"
_IGNORED: Final = ("RolePath", "VersionDeletionPolicy", "PublishToLatestPublished", "PackageType")


def function(item: Item, draft: Draft) -> None:
    """A function: its code, settings and role; its events come when all is there.

    Nothing that carries its name, no file and no role, is there before all of it is read."""
    props = draft.props(item, _placed(item))
    draft.free("functions", item, _NAME, "a function")
    sam = item.type.startswith("AWS::Serverless")
    value: dict[str, Any] = {}
    props.take("FunctionName")
    if props.text("PackageType", "Zip") != "Zip" or "ImageUri" in props or "ImageConfig" in props:
        raise Refused("container images are not run here; package the code as a directory or .zip")
    runtime = props.text("Runtime", "")
    code, files = _code(item, props, runtime, draft, sam=sam)
    value |= {"code": code, "handler": props.text("Handler"), "runtime": _runtime(runtime)}
    _settings(props, value)
    _logging(props, value)
    layers_of(item, props, value, draft)
    _alias(item, props, value)
    role, made = roles.of_function(item, props, draft) if sam else (roles.named_role(item, props.text("Role"), draft), None)
    if role:
        value["role"] = role
    _later(item, props, draft, sam=sam)
    for key in _IGNORED:
        props.take(key)
    props.done(_DIFFERENT)
    draft.add("functions", item, value, _NAME, "a function")
    draft.files |= files
    if made is not None:
        roles.make(role, made, draft)
    draft.codes.append(Code(item.logical, value["code"], handler=value["handler"], built=build_method(item)))


def _placed(item: Item) -> dict[str, Any]:
    """The properties without the network, which is this machine's: nobody has to know what subnets and groups are called."""
    raw = item.raw.get("Properties") or {}
    if raw.get("VpcConfig"):
        item.note("VpcConfig: the function runs on this machine, with its network")
    return {key: value for key, value in raw.items() if key != "VpcConfig"}


def _runtime(runtime: str) -> str:
    if not runtime:
        raise Refused("Runtime is required")
    if not _RUNTIMES.fullmatch(runtime):
        raise Refused(f"runtime {shown(runtime)} is not supported; python3.6 to python3.14, nodejs12.x to nodejs24.x and provided.* are")
    return runtime


def _code(item: Item, props: Props, runtime: str, draft: Draft, *, sam: bool) -> tuple[str, dict[str, str]]:
    """Where the code lies, and the files that are to be written for it."""
    if sam and "InlineCode" in props:
        props.take("CodeUri")
        return _inline(item, props.text("InlineCode"), runtime)
    key = "CodeUri" if sam else "Code"
    found = props.take(key)
    if isinstance(found, dict) and "ZipFile" in found:
        return _inline(item, str(found["ZipFile"]), runtime)
    found = synthesized.asset(item.raw, key) or found
    return draft.path(local_path("./" if sam and found is None else found, key)), {}


def _inline(item: Item, text: str, runtime: str) -> tuple[str, dict[str, str]]:
    """Code that stands in the template: a file of its own beside the config, where Lambda would have put it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("the inline code holds half a surrogate pair, which no file may") from None
    directory = f"inline/{item.name}"
    return f"./{directory}", {f"{directory}/index.{'js' if runtime.startswith('nodejs') else 'py'}": text}


def _settings(props: Props, value: dict[str, Any]) -> None:
    for theirs, ours in (("Timeout", "timeout"), ("MemorySize", "memory"), ("ReservedConcurrentExecutions", "reserved_concurrency")):
        number = props.whole(theirs)
        if number is not None:
            value[ours] = number
    storage = props.child("EphemeralStorage")
    if storage is not None:
        value["ephemeral_storage"] = storage.whole("Size", 512)
        storage.done()
    environment = props.child("Environment")
    variables = environment.child("Variables") if environment is not None else None
    if environment is not None:
        environment.done()
    if variables is not None:
        names = list(variables.names())
        value["environment"] = {name: variables.text(name, "") for name in names}
        if _WRAPPER in names:  # of all that config.yaml would not take the one that is no mistake on AWS
            raise Refused(f"Environment.Variables.{_WRAPPER}: wrapper scripts are not supported")
    provisioned = props.child("ProvisionedConcurrencyConfig")
    if provisioned is not None:
        value["provisioned_concurrency"] = provisioned.whole("ProvisionedConcurrentExecutions", 1)
        provisioned.done()
    snapshot = props.child("SnapStart")
    if snapshot is not None and snapshot.text("ApplyOn", "None") == "PublishedVersions":
        value["snap_start"] = True
        props.note("SnapStart: of the code in force, not of published versions alone")


def _logging(props: Props, value: dict[str, Any]) -> None:
    config = props.child("LoggingConfig")
    if config is None:
        return
    for theirs, ours in (
        ("ApplicationLogLevel", "application_log_level"),
        ("SystemLogLevel", "system_log_level"),
        ("LogGroup", "log_group"),
    ):
        if theirs in config:
            value[ours] = config.text(theirs)
    if config.text("LogFormat", "Text") == "JSON":
        value["log_format"] = "json"
    config.done()


def _alias(item: Item, props: Props, value: dict[str, Any]) -> None:
    if "AutoPublishAlias" not in props:
        return
    alias = props.text("AutoPublishAlias")
    value["aliases"] = {alias: "$LATEST"}
    item.note(f"AutoPublishAlias: alias {alias} names $LATEST until versions are published with router versions publish {item.name}")


def _later(item: Item, props: Props, draft: Draft, *, sam: bool) -> None:
    """What names other resources waits until they are there; each part has a row of its own when there is something to say."""
    dead = props.take("DeadLetterQueue" if sam else "DeadLetterConfig")
    invoke = props.take("EventInvokeConfig") if sam else None
    url = props.take("FunctionUrlConfig") if sam else None
    events = props.take("Events") if sam else None
    alias = str(draft.resolver.value((item.raw.get("Properties") or {}).get("AutoPublishAlias")) or "") if sam else ""
    if isinstance(dead, dict) and dead:
        _part(item, "DeadLetterQueue", draft, lambda part: _dead_letter(part, Props(dead, "", part.note), draft))
    if isinstance(invoke, dict):
        _part(item, "EventInvokeConfig", draft, lambda part: invoke_config(part, Props(invoke, "", part.note), draft, item.name))
    if isinstance(url, dict):
        _part(item, "FunctionUrlConfig", draft, lambda part: url_config(part, Props(url, "", part.note), draft, item.name, alias))
    if isinstance(events, dict):
        function_events(item, events, alias, draft)
    elif events:
        raise Refused("Events must be a mapping")


def _part(item: Item, name: str, draft: Draft, work: Any) -> None:
    part = Item(f"{item.logical}.{name}", name, item.name, item.raw, item.line)

    def attempt() -> None:
        if item.logical not in draft.refused:
            draft.attempt(part, lambda: work(part))

    draft.later(attempt)


def _dead_letter(part: Item, props: Props, draft: Draft) -> None:
    props.take("Type")
    arn = props.take("TargetArn")
    target = draft.target(arn)
    props.done()
    draft.allow(part.name, _sends(target.kind, arn))
    draft.sections["functions"][part.name]["dead_letter"] = destination(target.kind, target.name, ("queue",))
    part.becomes = f"functions.{part.name}.dead_letter"


def destination(kind: str, name: str, kinds: tuple[str, ...]) -> dict[str, str]:
    """{queue: done}; raises Refused for a kind that cannot stand there."""
    if kind not in kinds:
        raise Refused(f"a {kind} cannot be the destination here; {', '.join(kinds)} can")
    return {kind: name}


def invoke_config(part: Item, props: Props, draft: Draft, function: str) -> None:
    """EventInvokeConfig: retries, age and destinations of asynchronous invocations."""
    value = draft.sections["functions"].get(function)
    if value is None:
        raise Refused(f"function {shown(function)} is not here")
    for theirs, ours in (("MaximumRetryAttempts", "maximum_retry_attempts"), ("MaximumEventAgeInSeconds", "maximum_event_age")):
        number = props.whole(theirs)
        if number is not None:
            value[ours] = number
    ends = props.child("DestinationConfig")
    for theirs, ours in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        end = ends.child(theirs) if ends is not None else None
        if end is None:
            continue
        value[ours] = _end(end, theirs, function, draft)
        end.done()
    if ends is not None:
        ends.done()
    props.done()
    part.becomes = f"functions.{function}"


_SEND: Final = {
    "topic": "sns:Publish",
    "queue": "sqs:SendMessage",
    "function": "lambda:InvokeFunction",
    "bus": "events:PutEvents",
    "bucket": "s3:PutObject",
}


def _sends(kind: str, arn: str) -> list[dict[str, Any]]:
    """What SAM lets a function do so that Lambda may send for it."""
    resource = f"{arn}/*" if kind == "bucket" else arn
    return [{"Effect": "Allow", "Action": _SEND[kind], "Resource": resource}] if kind in _SEND else []


def _end(end: Props, key: str, function: str, draft: Draft) -> dict[str, str]:
    """One destination; SAM makes a queue or a topic where none is named."""
    kind = end.text("Type", "")
    if "Destination" in end:
        arn = end.take("Destination")
        target = draft.target(arn)
        draft.allow(function, _sends(target.kind, arn))
        return destination(target.kind, target.name, ("queue", "function", "bus", "bucket", "topic"))
    made = {"SQS": "queue", "SNS": "topic"}.get(kind)
    if made is None:
        raise Refused(f"{key}: name a Destination; only queues and topics are made where there is none")
    name = made_destination(function, key, made)
    draft.sections[f"{made}s"].setdefault(name, {})
    place = draft.resolver.place
    draft.allow(function, _sends(made, f"arn:aws:{kind.lower()}:{place.region}:{place.account}:{name}"))
    return {made: name}


def url_config(part: Item, props: Props, draft: Draft, function: str, alias: str) -> None:
    """A function's URL."""
    auth = {"NONE": "none", "AWS_IAM": "iam"}.get(props.text("AuthType"), "")
    if not auth:
        raise Refused("AuthType is NONE or AWS_IAM")
    value: dict[str, Any] = {"auth": auth}
    if props.text("InvokeMode", "BUFFERED") == "RESPONSE_STREAM":
        value["invoke_mode"] = "response_stream"
    cors = cors_of(props.child("Cors"))
    if cors:
        value["cors"] = cors
    props.done()
    if any("url" in one for one in draft.sections["functions"].get(function, {}).get("triggers", ())):
        raise Refused(
            f"function {shown(function)} has a URL already, and one is served here; on AWS a function and each alias may have its own"
        )
    draft.trigger(function, "url", value if len(value) > 1 else auth, qualifier=alias)
    part.becomes = f"functions.{function}.triggers"
