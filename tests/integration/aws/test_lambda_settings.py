"""What functions of the API keep, lose and give up as they are changed: settings, versions, policies, what names them."""

import io
import json
import zipfile
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud
from tests.integration.aws.test_endpoint import refused
from tests.integration.aws.test_lambda_api import create, result, zipped

LOGS = "arn:aws:logs:*:*:log-group:/shop/*"
CODE = {"app.py": "def echo(event, context):\n    print('seen', context.function_name)\n    return event\n"}
CONFIG = f"""
roles:
  worker:
    policy:
      - {{Effect: Allow, Action: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource: "*"}}
      - {{Effect: Allow, Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: "{LOGS}"}}
queues: {{jobs: {{}}, dead: {{}}}}
functions:
  f: {{code: ./code, handler: app.echo, timeout: 30}}
  g: {{code: ./code, handler: app.echo, timeout: 30, log_group: /aws/lambda/shared}}
"""
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"


@pytest.fixture(scope="module")
def client(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("lambda", key)


@pytest.fixture(scope="module")
def events(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("events", key)


def test_a_part_of_the_logging_config_leaves_the_rest(client: Any) -> None:
    """As recorded: what is not named stays, but a format brings its levels."""
    create(client, "logs", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/shop/all"})
    for part, told in (
        (
            {"LogGroup": "/shop/more"},
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO", "LogGroup": "/shop/more"},
        ),
        (
            {"SystemLogLevel": "WARN"},
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN", "LogGroup": "/shop/more"},
        ),
        ({"LogFormat": "JSON"}, {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": "/shop/more"}),
        ({"LogFormat": "Text"}, {"LogFormat": "Text", "LogGroup": "/shop/more"}),
    ):
        assert client.update_function_configuration(FunctionName="logs", LoggingConfig=part)["LoggingConfig"] == told
    client.delete_function(FunctionName="logs")


def test_a_log_group_is_one_that_the_role_may_write_to(client: Any) -> None:
    """Else who may make functions writes into any function's log."""
    create(client, "writes", LoggingConfig={"LogGroup": "/aws/lambda/writes"})
    for ask in (
        lambda group: refused(create, client=client, name="other", LoggingConfig=group),
        lambda group: refused(client.update_function_configuration, FunctionName="writes", LoggingConfig=group),
    ):
        status, code, said = ask({"LogGroup": "/aws/lambda/f"})
        assert (status, code) == (400, "InvalidParameterValueException")
        assert said.startswith("The provided execution role does not have permissions to call CreateLogStream on CloudWatch Logs")
    client.update_function_configuration(FunctionName="writes", LoggingConfig={"LogGroup": "/shop/all"})
    client.delete_function(FunctionName="writes")


def test_a_log_group_named_as_functions_own_are_is_where_cloudwatch_looks(cloud: Cloud, key: dict[str, str], client: Any) -> None:
    result(client, "g")
    logs = cloud.client("logs", key)
    assert cloud.until(lambda: logs.filter_log_events(logGroupName="/aws/lambda/shared", filterPattern="seen")["events"], 10)
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/shared")["logStreams"]
    assert "/g[$LATEST]" in stream["logStreamName"]


def test_destinations_are_given_anew_as_a_whole(client: Any) -> None:
    create(client, "sends")
    both = {"OnSuccess": {"Destination": DEAD}, "OnFailure": {"Destination": DEAD}}
    client.put_function_event_invoke_config(FunctionName="sends", MaximumRetryAttempts=1, DestinationConfig=both)
    one = client.update_function_event_invoke_config(FunctionName="sends", DestinationConfig={"OnFailure": {"Destination": DEAD}})
    assert one["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": DEAD}}
    none = client.update_function_event_invoke_config(FunctionName="sends", DestinationConfig={})
    assert (none["MaximumRetryAttempts"], none["DestinationConfig"]) == (1, {"OnSuccess": {}, "OnFailure": {}})
    client.delete_function(FunctionName="sends")


def test_a_version_is_told_with_what_its_function_had(cloud: Cloud, client: Any) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("python/shared.py", "WORD = 'layered'\n")
    layer = client.publish_layer_version(LayerName="shared", Content={"ZipFile": held.getvalue()})["LayerVersionArn"]
    had = {"Description": "the first", "Layers": [layer], "Environment": {"Variables": {}}}
    create(client, "had", Publish=True, **had)
    client.update_function_configuration(FunctionName="had", Layers=[], Description="the second")
    second = client.update_function_code(FunctionName="had", ZipFile=zipped("two"), Publish=True)
    assert (second["Version"], second["Description"]) == ("2", "the second")
    assert "Layers" not in second
    cloud.stop()
    cloud.start()
    assert cloud.ready()
    first = client.get_function_configuration(FunctionName="had", Qualifier="1")
    assert ([one["Arn"] for one in first["Layers"]], first["Description"], first["Environment"]) == (
        [layer],
        "the first",
        {"Variables": {}},
    )
    client.delete_function(FunctionName="had")


def test_the_policy_of_an_alias_is_not_changed_by_who_has_not_seen_it(client: Any) -> None:
    create(client, "guarded", Publish=True)
    client.create_alias(FunctionName="guarded", Name="live", FunctionVersion="1")
    grant = {"FunctionName": "guarded", "Qualifier": "live", "Action": "lambda:InvokeFunction", "Principal": "123456789012"}
    client.add_permission(StatementId="one", **grant)
    seen = client.get_policy(FunctionName="guarded", Qualifier="live")["RevisionId"]
    assert client.get_alias(FunctionName="guarded", Name="live")["RevisionId"] == seen
    client.add_permission(StatementId="two", RevisionId=seen, **grant)
    for ask, more in (
        (client.add_permission, {**grant, "StatementId": "three"}),
        (client.update_alias, {"FunctionName": "guarded", "Name": "live"}),
    ):
        assert refused(ask, RevisionId=seen, **more)[:2] == (412, "PreconditionFailedException")
    statements = json.loads(client.get_policy(FunctionName="guarded", Qualifier="live")["Policy"])["Statement"]
    assert [one["Sid"] for one in statements] == ["one", "two"]
    client.delete_function(FunctionName="guarded")


def test_a_version_that_a_rule_names_stays(cloud: Cloud, key: dict[str, str], client: Any, events: Any) -> None:
    """Without it nothing more could be declared: what is in force would name what is not there."""
    create(client, "released", Publish=True)
    events.put_rule(Name="release", EventPattern='{"source": ["x"]}')
    events.put_targets(Rule="release", Targets=[{"Id": "t", "Arn": FUNCTION + "released:1"}])
    status, code, said = refused(client.delete_function, FunctionName="released", Qualifier="1")
    assert (status, code, said) == (409, "ResourceConflictException", "version 1 of released is in use by rules.release")
    cloud.client("sqs", key).create_queue(QueueName="another")
    events.remove_targets(Rule="release", Ids=["t"])
    client.delete_function(FunctionName="released", Qualifier="1")
    cloud.client("sqs", key).create_queue(QueueName="a-third")
    client.delete_function(FunctionName="released")


def test_what_is_named_is_said_to_be_needed(client: Any, events: Any) -> None:
    create(client, "named")
    client.create_alias(FunctionName="named", Name="live", FunctionVersion="$LATEST")
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    for what, target, ask in (
        ("Function named", "named", lambda: refused(client.delete_function, FunctionName="named")),
        ("Alias live of function named", "named:live", lambda: refused(client.delete_alias, FunctionName="named", Name="live")),
    ):
        assert events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": FUNCTION + target}])["FailedEntryCount"] == 0
        status, code, said = ask()
        assert (status, code) == (409, "ResourceConflictException")
        assert said.startswith(f"{what} is still needed: rules.r.targets[0].function: ")
    events.remove_targets(Rule="r", Ids=["t"])
    client.delete_function(FunctionName="named")


def test_versions_that_no_alias_is_of(client: Any) -> None:
    create(client, "aimed", Publish=True)

    def told(version: str, weights: dict[str, float]) -> tuple[int, str, str]:
        routing = {"AdditionalVersionWeights": weights}
        return refused(client.create_alias, FunctionName="aimed", Name="a", FunctionVersion=version, RoutingConfig=routing)

    many = "Number of items in AdditionalVersionWeights cannot be greater than 1"
    assert told("1", {"2": 0.1, "3": 0.1}) == (400, "InvalidParameterValueException", many)
    same = "Invalid function version 1. Function version 1 is already included in routing configuration."
    assert told("1", {"1": 0.1}) == (400, "InvalidParameterValueException", same)
    assert told("1", {"9": 0.1})[:2] == (404, "ResourceNotFoundException")
    client.delete_function(FunctionName="aimed")


def test_nobody_is_let_in_to_the_newest_code_by_its_qualifier(client: Any) -> None:
    create(client, "open")
    granted = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    said = "We currently do not support adding policies for $LATEST."
    for name in ({"FunctionName": "open", "Qualifier": "$LATEST"}, {"FunctionName": "open:$LATEST"}):
        assert refused(client.add_permission, **name, **granted) == (400, "InvalidParameterValueException", said)
    client.add_permission(FunctionName="open", **granted)
    client.delete_function(FunctionName="open")


def test_a_version_of_a_layer_is_a_number_from_one_on(client: Any) -> None:
    made = client.publish_layer_version(LayerName="numbered", Content={"ZipFile": zipped()})
    assert (made["CompatibleRuntimes"], made["CompatibleArchitectures"]) == ([], [])
    said = (400, "InvalidParameterValueException", "Layer Version Cannot be less than 1")
    for ask in (client.get_layer_version, client.delete_layer_version):
        assert refused(ask, LayerName="numbered", VersionNumber=0) == said
        assert refused(ask, LayerName="numbered", VersionNumber=-1) == said
    client.delete_layer_version(LayerName="numbered", VersionNumber=1)


def test_layers_that_a_function_cannot_have_are_told_as_of_aws(client: Any) -> None:
    def wanting(**more: Any) -> Any:
        return create(client, "wants", **more)

    first, second = (client.publish_layer_version(LayerName="twice", Content={"ZipFile": zipped()})["LayerVersionArn"] for _ in "ab")
    said = "Two different versions of the same layer are not allowed to be referenced in the same function."
    for other in (second, first):
        told = f"{said} {first} and {other} are versions of the same layer."
        assert refused(wanting, Layers=[first, other]) == (400, "InvalidParameterValueException", told)
    told = "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."
    elsewhere = first.replace("us-east-1", "eu-west-1")
    assert refused(wanting, Layers=[elsewhere]) == (400, "InvalidParameterValueException", told)
    told = f"Layer version {first}9 does not exist."
    assert refused(wanting, Layers=[f"{first}9"]) == (400, "InvalidParameterValueException", told)
    for version in (1, 2):
        client.delete_layer_version(LayerName="twice", VersionNumber=version)


def test_a_revision_outlives_what_is_done_to_aliases_and_not_that_a_version_is_published(client: Any) -> None:
    """Recorded of AWS: who names the revision that it has seen is refused after the one, and not after the other."""

    def seen(qualifier: str = "$LATEST") -> str:
        return str(client.get_function(FunctionName="revised", Qualifier=qualifier)["Configuration"]["RevisionId"])

    create(client, "revised")
    first = seen()
    published = client.publish_version(FunctionName="revised", RevisionId=first)
    latest = seen()
    assert first != latest != published["RevisionId"] == seen("1")
    client.create_alias(FunctionName="revised", Name="live", FunctionVersion="1", Description="which is live")
    client.update_alias(FunctionName="revised", Name="live", Description="which was live")
    assert (seen(), seen("1")) == (latest, published["RevisionId"])
    granted = {"FunctionName": "revised", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "StatementId": "one"}
    client.add_permission(**granted, Qualifier="1")
    assert seen() == latest
    assert seen("1") == client.get_policy(FunctionName="revised", Qualifier="1")["RevisionId"] != published["RevisionId"]
    guarded = seen("1")
    assert refused(client.add_permission, **granted, RevisionId=first)[:2] == (412, "PreconditionFailedException")
    client.add_permission(**granted, RevisionId=latest)
    assert latest != seen() == client.get_policy(FunctionName="revised")["RevisionId"]
    assert seen("1") == guarded
    client.delete_function(FunctionName="revised")


def test_a_function_that_is_not_there_is_told_in_each_operation_s_words(client: Any) -> None:
    create(client, "there")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:"
    nothing, gone = "The resource you requested does not exist.", {"FunctionName": "gone"}
    unset, granted = "The function {} doesn't have an EventInvokeConfig", {"StatementId": "s", "Action": "lambda:InvokeFunction"}
    granted |= {"Principal": "s3.amazonaws.com"}
    asked: list[tuple[Any, dict[str, Any], str]] = [
        (client.put_function_event_invoke_config, {**gone, "MaximumRetryAttempts": 0}, "The function doesn't exist."),
        (client.update_function_event_invoke_config, {**gone, "MaximumRetryAttempts": 0}, "The function doesn't exist."),
        (client.get_function_event_invoke_config, gone, unset.format(f"{arn}gone:$LATEST")),
        (client.get_function_event_invoke_config, {"FunctionName": "there"}, unset.format(f"{arn}there:$LATEST")),
        (client.get_function_event_invoke_config, {"FunctionName": "there", "Qualifier": "7"}, unset.format(f"{arn}there:7")),
        (client.delete_function_event_invoke_config, gone, unset.format(f"{arn}gone:$LATEST")),
        (client.create_function_url_config, {**gone, "AuthType": "NONE"}, "Function does not exist"),
        (client.update_function_url_config, {**gone, "AuthType": "NONE"}, "Function does not exist"),
        (client.get_function_url_config, gone, nothing),
        (client.delete_function_url_config, gone, nothing),
        (client.get_policy, gone, nothing),
        (client.get_policy, {"FunctionName": "there", "Qualifier": "7"}, nothing),
        (client.remove_permission, {**gone, "StatementId": "s"}, f"No policy found for: {arn}gone"),
        (client.add_permission, {**gone, **granted}, f"Function not found: {arn}gone"),
        (client.add_permission, {"FunctionName": "there", "Qualifier": "7", **granted}, f"Function not found: {arn}there:7"),
        (client.add_permission, {"FunctionName": "there", "Qualifier": "live", **granted}, f"Cannot find alias arn: {arn}there:live"),
    ]
    for ask, members, said in asked:
        assert refused(ask, **members) == (404, "ResourceNotFoundException", said), (ask.__name__, members)
    elsewhere = f"{arn}gone".replace("us-east-1", "eu-west-1")
    assert refused(client.get_policy, FunctionName=elsewhere)[:2] == (404, "ResourceNotFoundException")
    client.delete_function(FunctionName="there")


def test_versions_have_no_tags(client: Any) -> None:
    arn = create(client, "marked", Publish=True, Tags={"a": "1"})["FunctionArn"]
    said = "Tags on function aliases and versions are not supported. Please specify a function ARN."
    for resource in (f"{arn}:1", f"{arn}:$LATEST"):
        for ask, more in ((client.list_tags, {}), (client.tag_resource, {"Tags": {"b": "2"}}), (client.untag_resource, {"TagKeys": ["a"]})):
            assert refused(ask, Resource=resource, **more) == (400, "InvalidParameterValueException", said)
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "1"}
    client.delete_function(FunctionName="marked")
