"""What AWS made of answers, as users of adapters reported it of theirs. Each row names the public report."""

import json
from typing import Any, Final, NamedTuple

import pytest

from router.events.alb import LoadBalancer
from router.events.gateway import Arrival, Asked, Malformed
from router.events.http import Request, Response

ARN: Final = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067"
ASKED: Final = Asked(Request("GET", "/", ()), "/", "ANY /", {})
ARRIVAL: Final = Arrival("id", "Root=1-65a", 1_772_366_400.0)
PLAIN: Final = {"statusCode": 200, "statusDescription": "200 OK", "body": "x", "isBase64Encoded": False}


class Verdict(NamedTuple):
    """An answer to a load balancer and what came of it."""

    origin: str
    answer: dict[str, Any]
    headers: tuple[tuple[str, str], ...] | None  # those that reach the client; None: 502
    multi_value: bool = False


VERDICTS: Final = (
    Verdict("jeremydaly/lambda-api#117", {"headers": {"access-control-allow-credentials": True}}, None),
    Verdict("CodeGenieApp/serverless-express#563, #688", {"headers": {"content-length": 1}}, None),
    Verdict("CodeGenieApp/serverless-express#474", {"multiValueHeaders": {"content-length": [1]}}, None, multi_value=True),
    Verdict("aws/aws-lambda-dotnet#507", {"statusDescription": None, "headers": {}}, None),
    Verdict("Kludex/mangum#185", {"headers": {"set-cookie": "a=1", "Set-cookie": "b=2"}}, (("set-cookie", "a=1"), ("Set-cookie", "b=2"))),
    Verdict("glassechidna/serverlessish#4", {"headers": {"Content-Length": "1", "Date": "now", "x-once": "once"}}, (("x-once", "once"),)),
    Verdict("awsdocs/elb-application-load-balancers-user-guide#33", {}, ()),
)


def answered(verdict: Verdict) -> Response:
    return LoadBalancer(ARN, verdict.multi_value).answer(json.dumps(PLAIN | verdict.answer).encode(), ASKED, ARRIVAL)


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.origin)
def test_a_load_balancer(verdict: Verdict) -> None:
    if verdict.headers is None:
        with pytest.raises(Malformed):
            answered(verdict)
    else:
        response = answered(verdict)
        assert list(response.headers) == [("server", "awselb/2.0"), *verdict.headers]
