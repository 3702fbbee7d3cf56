"""REST API events, HTTP APIs with payload 1.0, load balancers."""

from typing import Any, Final

from router.events.alb import LoadBalancer
from router.events.gateway import FREE, Api, Passage
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from tests.fidelity.case import Case, Deviation, flawed
from tests.fidelity.http_requests import arrival, asked, pairs, request
from tests.fidelity.views import parsed_body

REST: Final = "REST API"
V1: Final = "HTTP API, payload 1.0"
ALB: Final = "Load balancer"
QUERY: Final = "?parameter1=value1&parameter1=value2&parameter2=value"
AT: Final = 1722588840.123
ID: Final = r"[a-z0-9]{6,10}"
CERTIFICATES: Final = Deviation("requestContext.identity.clientCert.*", "client certificates are not asked for")
EDGE: Final = """
    CloudFront-Forwarded-Proto: https
    CloudFront-Is-Desktop-Viewer: true
    CloudFront-Is-Mobile-Viewer: false
    CloudFront-Is-SmartTV-Viewer: false
    CloudFront-Is-Tablet-Viewer: false
"""


def _recorded(
    method: str, target: str, *, authorization: str = "random-value", more: str = "tEsT-HEADeR: aValUE", body: str = ""
) -> dict[str, Any]:
    sent = request(
        method,
        f"/stage{target}",
        pairs(f"""
            Host: a1b2c3d4e5.execute-api.us-east-1.amazonaws.com
            User-Agent: python-requests/testing
            Accept-Encoding: gzip, deflate
            Accept: */*
            Connection: keep-alive
            authorization: {authorization}
            {EDGE.strip()}
            CloudFront-Viewer-ASN: 64496
            CloudFront-Viewer-Country: CH
            Via: 1.1 fb7cca60f0ecd82ce07790c9c5eef16c.cloudfront.net (CloudFront)
            X-Amz-Cf-Id: nBsWBOrSHMgnaROZJK1wGCZ9PcRcSpq_oSXZNQwQ10OTZL4cimZo3g==
            X-Forwarded-For: 203.0.113.9
            {more}
        """),
        body,
        peer="198.51.100.7",
    )
    api = RestApi(Api("111111111111", "a1b2c3d4e5", stage="stage"))
    came = arrival(
        "e5488776-afe4-4e5e-92b1-37bd23f234d6", AT, trace="Root=1-66ac9c68-1de4d666d4dd26aced652b6c", extended="NvWWKEZbliAFliA="
    )
    return api.event(asked(sent, "ANY /{proxy+}", mounted="/stage"), came, FREE)


QUERIES: Final = (
    "dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com&plus=test+alias@gmail.com"
    "&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/"
)
EMAILS: Final = "/proxy-value/api/user/test%2Balias@gmail.com/plus/test+alias@gmail.com"


def _through_cloudfront(query: str, identity: dict[str, Any], authorizer: dict[str, Any] | None) -> dict[str, Any]:
    sent = request(
        "POST",
        f"/testStage/hello/world?{query}",
        pairs(f"""
            Accept: */*
            Accept-Encoding: gzip, deflate
            cache-control: no-cache
            {EDGE.strip()}
            CloudFront-Viewer-Country: US
            Content-Type: application/json
            headerName: headerValue
            Host: gy415nuibc.execute-api.us-east-1.amazonaws.com
            Postman-Token: 9f583ef0-ed83-4a38-aef3-eb9ce3f7a57f
            User-Agent: PostmanRuntime/2.4.5
            Via: 1.1 d98420743a69852491bbdea73f7680bd.cloudfront.net (CloudFront)
            X-Amz-Cf-Id: pn-PWIJc6thYnZm5P0NMgOUglL1DYtl0gdeJky8tqsg8iS_sgsKD1A==
            X-Forwarded-For: 54.240.196.186
        """),
        '{\r\n\t"a": 1\r\n}',
        peer="54.182.214.83",
    )
    variables = {"stageVariableName": "stageVariableValue"}
    api = RestApi(Api("12345678912", "gy415nuibc", stage="testStage", stage_variables=variables))
    at = 1589522469.693 if authorizer else 1583798639.428
    came = arrival("deef4878-7910-11e6-8f14-25afc3e9ae33", at, extended="TWegAcC4EowCHnA=")
    where = asked(sent, "ANY /{proxy+}", mounted="/testStage")
    return api.event(where, came, Passage(authorizer, {"sourceIp": "192.168.196.186", **identity}))


IDENTITY: Final = {
    "cognitoIdentityPoolId": "theCognitoIdentityPoolId",
    "accountId": "theAccountId",
    "cognitoIdentityId": "theCognitoIdentityId",
    "caller": "theCaller",
    "apiKey": "theApiKey",
    "apiKeyId": "theApiKeyId",
    "accessKey": "ANEXAMPLEOFACCESSKEY",
    "cognitoAuthenticationType": "theCognitoAuthenticationType",
    "cognitoAuthenticationProvider": "theCognitoAuthenticationProvider",
    "userArn": "theUserArn",
    "user": "theUser",
}


def _version_1(path: str, *, origin: bool) -> dict[str, Any]:
    headers = [
        ("Header1", "value1"),
        ("Header2", "value1"),
        ("Header2", "value2"),
        ("user-agent", "user-agent"),
        ("content-type", "text/plain"),
    ]
    if origin:
        headers.append(("Origin", "https://aws.amazon.com"))
    host = "id.execute-api.us-east-1.amazonaws.com"
    sent = request("GET", path + QUERY, headers, "Hello from Lambda!", peer="192.168.0.1/32", host=host)
    came = arrival("id=", 1583349317.135, extended="request-id")
    return HttpApi(Api("123456789012", "id"), "1.0").event(asked(sent, "GET /my/path", parameters={}), came, FREE)


HAND_WRITTEN: Final = (
    flawed("headers.*", "written by hand: without the headers that every request has"),
    flawed("multiValueHeaders.*", "written by hand: without the headers that every request has"),
    flawed("requestContext.authorizer.*", "written by hand: captures of routes without an authorizer have none"),
    flawed("requestContext.resourceId", "written by hand: captures have the route key"),
    flawed("requestContext.identity.cognitoAmr", "absent; every capture has it"),
)


def _balanced(
    target: str, headers: str, *, group: str, peer: str, body: str = "", port: int = 80, trace: str, multi: bool = False
) -> dict[str, Any]:
    sent = request("GET", target, pairs(headers), body, peer=peer, port=port, scheme="https" if port == 443 else "http")
    balancer = LoadBalancer(f"arn:aws:elasticloadbalancing:{group}", multi)
    return balancer.event(asked(sent, "$default"), arrival("id", 1.0, trace=trace), FREE)


def _single() -> dict[str, Any]:
    return _balanced(
        "/?key=hello",
        """
            accept: */*
            host: lambda-test-alb-1334523864.us-east-1.elb.amazonaws.com
            user-agent: curl/7.54.0
            x-myheader: 123
        """,
        group="us-east-1:123456789012:targetgroup/lambda-target/abcdefg",
        peer="25.12.198.67",
        trace="Root=1-5c34e93e-4dea0086f9763ac0667b115a",
    )


def _multi() -> dict[str, Any]:
    return _balanced(
        f"/todos{QUERY}",
        """
            accept: */*
            header1: value1
            header2: value1
            header2: value2
            host: alb-c-LoadB-14POFKYCLBNSF-1815800096.eu-central-1.elb.amazonaws.com
            user-agent: curl/7.79.1
        """,
        group="eu-central-1:1234567890:targetgroup/alb-c-Targe-11GDXTPQ7663S/804a67588bfdc10f",
        peer="123.123.123.123",
        trace="Root=1-62fa9327-21cdd4da4c6db451490a5fb7",
        multi=True,
    )


def _trailing_slash() -> dict[str, Any]:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8"
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/71.0.3578.98 Safari/537.36"
    return _balanced(
        "/lambda/?query=1234ABCD",
        f"""
            accept: {accept}
            accept-encoding: gzip
            accept-language: en-US,en;q=0.9
            connection: keep-alive
            content-type: text/plain
            host: lambda-alb-123578498.us-east-2.elb.amazonaws.com
            upgrade-insecure-requests: 1
            user-agent: {agent}
        """,
        group="us-east-2:123456789012:targetgroup/lambda-279XGJDqGZ5rsrHC2Fjr/49e9d65c45c6791a",
        peer="72.12.164.125",
        body="Test",
        trace="Root=1-5c536348-3d683b8b04734faae651f476",
    )


def _not_decoded() -> dict[str, Any]:
    return _balanced(
        "/?myKey=%3FshowAll%3Dtrue",
        """
            accept: text/html,application/xhtml+xml
            accept-language: en-US,en;q=0.8
            content-type: text/plain
            cookie: cookies
            host: lambda-846800462-us-east-2.elb.amazonaws.com
            user-agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_6)
        """,
        group="region:123456789012:targetgroup/my-target-group/6d0ecf831eec9f09",
        peer="72.21.198.66",
        body="request_body",
        port=443,
        trace="Root=1-5bdb40ca-556d8b0c50dc66f0511bf520",
    )


OLD_BALANCER: Final = (
    flawed("headers.connection", "of 2019, when load balancers passed it on; the capture of 2022 has it not"),
    flawed("headers.x-imforwards", "of 2019, when load balancers added it; the capture of 2022 has it not"),
)

OLD_REST: Final = (
    flawed("headers.X-Amzn-Trace-Id", "taken out by hand, or older than tracing; every recording has it"),
    flawed("multiValueHeaders.X-Amzn-Trace-Id.*", "taken out by hand, or older than tracing; every recording has it"),
    flawed("requestContext.path", "without the stage, or absent; every recording has it with the stage"),
    flawed("requestContext.identity.principalOrgId", "absent; every recording has it"),
    flawed("requestContext.deploymentId", "absent; every recording has it"),
)
FIRST_OF_QUERY: Final = Deviation(
    "queryStringParameters.parameter1", "the guide's example has the first of two values, REST's recordings have the last; ours the last"
)

CASES = [
    Case(REST, "apigw_v1_template_get_plain", lambda: _recorded("GET", "/proxy-value")),
    Case(REST, "apigw_v1_template_double_slash", lambda: _recorded("GET", "/proxy-value//double-slash")),
    Case(REST, "apigw_v1_template_query_decoding", lambda: _recorded("GET", f"/proxy-value/api?{QUERIES}")),
    Case(REST, "apigw_v1_template_path_encoding", lambda: _recorded("GET", EMAILS)),
    Case(
        REST,
        "apigw_v1_template_post_multi_query",
        lambda: _recorded(
            "POST",
            "/proxy-value?category=electronics&category=books&price=10&price=20&price=30",
            authorization="Bearer token123;API key456",
            more="Content-Type: application/json;charset=utf-8",
            body='{"message": "hello world"}',
        ),
        view=parsed_body,
    ),
    Case(
        REST,
        "apigw_v1_rest_request_full",
        lambda: _through_cloudfront("name=me", IDENTITY, {"principalId": "admin", "clientId": 1, "clientName": "Exata"}),
        deviations=[
            CERTIFICATES,
            *OLD_REST,
            flawed("requestContext.domainName", "in another region than the Host header"),
            flawed("requestContext.domainPrefix", "not the beginning of domainName"),
            flawed("isBase64Encoded", "absent; every recording has it"),
        ],
        forms={"requestContext.resourceId": ID},
    ),
    Case(
        REST,
        "apigw_v1_multi_value_proxy_request",
        lambda: _through_cloudfront("name=me&multiValueName=you&multiValueName=me", {"apiKey": None}, None),
        deviations=[
            *OLD_REST,
            flawed("requestContext.identity.accessKey", "of 2016, before requestContext had it"),
            flawed("requestContext.domain*", "of 2016, before requestContext had it"),
            flawed("requestContext.extendedRequestId", "of 2016, before requestContext had it"),
            flawed("requestContext.requestTime", "of 2016, before requestContext had it"),
            flawed("requestContext.protocol", "of 2016, before requestContext had it"),
        ],
        forms={"requestContext.resourceId": ID},
    ),
    Case(
        V1,
        "apigw_v1_http_api_payload_1_0",
        lambda: _version_1("/my/path", origin=True),
        deviations=[CERTIFICATES, FIRST_OF_QUERY, *HAND_WRITTEN],
    ),
    Case(
        V1,
        "apigw_v1_rest_path_trailing_slash",
        lambda: _version_1("/my/path/", origin=False),
        deviations=[
            CERTIFICATES,
            FIRST_OF_QUERY,
            *HAND_WRITTEN,
            flawed("requestContext.path", "another path than the request's"),
            flawed("isBase64Encoded", "true beside a body in plain text"),
        ],
    ),
    Case(ALB, "alb_get_single_value", _single, deviations=OLD_BALANCER),
    Case(ALB, "alb_get_multi_value_query", _multi),
    Case(
        ALB,
        "alb_path_trailing_slash",
        _trailing_slash,
        deviations=[*OLD_BALANCER, flawed("headers.content-type", "absent beside a body in text; without it a body is base64")],
    ),
    Case(ALB, "alb_query_not_decoded", _not_decoded),
]
