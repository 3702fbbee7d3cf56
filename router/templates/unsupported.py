"""Types of resources that are not here, and what to do instead. Pure."""

from typing import Final, NoReturn

from router.templates.words import Refused, shown

_NOT_HERE: Final = {
    "AWS::Serverless::StateMachine": "state machines are not run here; chain functions by destinations, queues or an event bus",
    "AWS::StepFunctions::StateMachine": "state machines are not run here; chain functions by destinations, queues or an event bus",
    "AWS::Serverless::Application": "a nested application is read from a template on this machine; write its path",
    "AWS::CloudFormation::Stack": "a nested stack is read from a template on this machine; write its path",
    "AWS::CloudWatch::Alarm": "alarms are not kept here; metrics are at the console's /metrics",
    "AWS::CloudWatch::Dashboard": "dashboards are not kept here; metrics are at the console's /metrics",
    "AWS::Kinesis::Stream": "Kinesis streams are not here; use a queue or a table's stream",
    "AWS::SSM::Parameter": "there is no Parameter Store here; use environment variables",
    "AWS::SecretsManager::Secret": "there is no Secrets Manager here; write ${credential:NAME} into an environment variable of config.yaml",
    "Custom::CDKBucketDeployment": "nothing is copied at a deployment; copy the files into the bucket's directory yourself",
    "AWS::Cognito::UserPool": "Cognito is not here; an HTTP API's JWT authorizer checks tokens of any issuer",
}


def refuse(type_: str) -> NoReturn:
    """Raises Refused with why a type is not here."""
    known = "custom resources are not run here" if type_.startswith(("Custom::", "AWS::CloudFormation::CustomResource")) else ""
    raise Refused(_NOT_HERE.get(type_, known or f"{shown(type_)} is not supported"))
