"""A Lambda authorizer written with Powertools; its context tells the event that it was asked with."""

import json
from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    DENY_ALL_RESPONSE,
    APIGatewayAuthorizerEventV2,
    APIGatewayAuthorizerRequestEvent,
    APIGatewayAuthorizerResponse,
    APIGatewayAuthorizerResponseV2,
    APIGatewayAuthorizerTokenEvent,
)


def policy(event: Any, token: str, arn: str) -> Any:
    """Powertools' policy: GET below /guarded for who has the token, nothing for anybody else."""
    if token == "nobody":
        raise Exception("Unauthorized")
    if token != "good":
        return DENY_ALL_RESPONSE
    context = {"event": json.dumps(event), "number": 7, "yes": True}
    answer = APIGatewayAuthorizerResponse.from_route_arn(arn, "user-1", context=context)
    answer.allow_route("GET", "/guarded/*")
    return answer.asdict()


def token(event: Any, context: Any) -> Any:
    asked = APIGatewayAuthorizerTokenEvent(event)
    return policy(event, asked.authorization_token, asked.method_arn)


def request(event: Any, context: Any) -> Any:
    asked = APIGatewayAuthorizerRequestEvent(event)
    return policy(event, asked.headers["authorization"], asked.method_arn)


def v2(event: Any, context: Any) -> Any:
    asked = APIGatewayAuthorizerEventV2(event)
    return policy(event, asked.identity_source[0], asked.route_arn)


def simple(event: Any, context: Any) -> Any:
    asked = APIGatewayAuthorizerEventV2(event)
    context = {"event": event, "number": 7, "yes": True}
    return APIGatewayAuthorizerResponseV2(asked.headers["authorization"] == "good", context).asdict()
