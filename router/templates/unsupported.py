"""Types of resources that are not here, and what to do instead. Pure."""

from typing import Final, NoReturn

from router.templates.words import Refused, shown

NETWORK: Final = frozenset(
    f"AWS::EC2::{kind}"
    for kind in (
        *("VPC", "Subnet", "RouteTable", "Route", "SubnetRouteTableAssociation", "InternetGateway", "VPCGatewayAttachment", "NatGateway"),
        *(
            "EIP",
            "SecurityGroup",
            "SecurityGroupIngress",
            "SecurityGroupEgress",
            "VPCEndpoint",
            "VPCCidrBlock",
            "EgressOnlyInternetGateway",
        ),
        *("NetworkAcl", "NetworkAclEntry", "SubnetNetworkAclAssociation", "FlowLog"),
    )
) | {"Custom::VpcRestrictDefaultSG"}
"""What a network is made of: functions have this machine's, whatever their VpcConfig says, and nothing else that would be in one is here."""
_NOT_HERE: Final = {
    "AWS::Serverless::StateMachine": "state machines are not run here; chain functions by destinations, queues or an event bus",
    "AWS::StepFunctions::StateMachine": "state machines are not run here; chain functions by destinations, queues or an event bus",
    "AWS::Serverless::Application": "a nested application is read from a template on this machine; write its path",
    "AWS::CloudFormation::Stack": "a nested stack is read from a template on this machine; write its path",
    "AWS::CloudWatch::Alarm": "alarms are not kept here; metrics are at the console's /metrics",
    "AWS::Logs::QueryDefinition": "queries of logs are not kept here; router logs reads them",
    "AWS::ApplicationAutoScaling::ScalableTarget": "nothing is scaled here; provisioned concurrency and capacity stay as they are written",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing is scaled here; provisioned concurrency and capacity stay as they are written",
    "AWS::Pipes::Pipe": "pipes are not here; a function reads a queue or a table's stream by an event source mapping",
    "AWS::KMS::Key": "there are no keys here; what is kept lies on this machine's disk: encrypt that",
    "AWS::KMS::Alias": "there are no keys here; what is kept lies on this machine's disk: encrypt that",
    "AWS::KinesisFirehose::DeliveryStream": "delivery streams are not here; let a function write what comes to it into a bucket",
    "AWS::ApiGateway::GatewayResponse": "errors that an API answers by itself have no form of their own here",
    "AWS::CloudWatch::Dashboard": "dashboards are not kept here; metrics are at the console's /metrics",
    "AWS::Kinesis::Stream": "Kinesis streams are not here; use a queue or a table's stream",
    "AWS::SSM::Parameter": "there is no Parameter Store here; use environment variables",
    "AWS::SecretsManager::Secret": "there is no Secrets Manager here; write ${credential:NAME} into an environment variable of config.yaml",
    "Custom::CDKBucketDeployment": "nothing is copied at a deployment; copy the files into the bucket's directory yourself",
    "AWS::Events::ApiDestination": "API destinations are not called here; a function that the rule triggers can call them",
    "AWS::Events::Connection": "API destinations are not called here; a function that the rule triggers can call them",
    "AWS::EventSchemas::Registry": "schemas are not kept here; events are not checked against any",
    "AWS::EventSchemas::Schema": "schemas are not kept here; events are not checked against any",
    "AWS::CloudTrail::Trail": "calls are not recorded; a bucket tells of its objects by notifications and on the event bus",
    "Custom::AWS": "calls of AWS's APIs at a deployment are not made here",
    "AWS::Cognito::UserPool": "Cognito is not here; an HTTP API's JWT authorizer checks tokens of any issuer",
}
_SERVICES: Final = (
    ("AWS::AppConfig::", "AppConfig is not here; use environment variables, or a file that the function reads"),
    (
        "AWS::ApplicationAutoScaling::",
        "nothing is scaled here: a table's capacity is told and not enforced, provisioned_concurrency is fixed",
    ),
    ("AWS::CloudFront::", "there is no CDN here; let a web server in front serve files and send the rest on"),
    ("AWS::EC2::", "there are no networks to make here: functions run on this machine, with its network"),
    ("AWS::EFS::", "there are no EFS file systems here; a function reads directories of this machine"),
)


def refuse(type_: str) -> NoReturn:
    """Raises Refused with why a type is not here."""
    known = "custom resources are not run here" if type_.startswith(("Custom::", "AWS::CloudFormation::CustomResource")) else ""
    service = next((reason for start, reason in _SERVICES if type_.startswith(start)), "")
    raise Refused(_NOT_HERE.get(type_) or known or service or f"{shown(type_)} is not supported")
