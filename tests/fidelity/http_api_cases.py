"""HTTP API events (payload 2.0) and function URLs."""

from typing import Any, Final

from router.events.function_url import FunctionUrl
from router.events.gateway import FREE, Api, Asked, Passage
from router.events.http_api import HttpApi
from tests.fidelity.case import Case, Deviation, flawed
from tests.fidelity.http_requests import arrival, asked, listed, pairs, request

HTTP_API: Final = "HTTP API, payload 2.0"
URL: Final = "Function URL"
QUERY: Final = "/my/path?parameter1=value1&parameter1=value2&parameter2=value"
JWT: Final = {"jwt": {"claims": {"claim1": "value1", "claim2": "value2"}, "scopes": ["scope1", "scope2"]}}
VARIABLES: Final = {"stageVariable1": "value1", "stageVariable2": "value2"}
BODY: Final = '{\r\n\t"a": 1\r\n}'
ID_HOST: Final = "id.execute-api.us-east-1.amazonaws.com"
DOCUMENTED_AT: Final = 1583348638.390  # the guide's timeEpoch

NO_CERTIFICATES: Final = Deviation("requestContext.authentication.*", "client certificates are not asked for")
DOCUMENTED: Final = (
    flawed("headers.*", "written by hand: names in mixed case, and without the headers that every request has"),
    flawed("requestContext.time", "another day than timeEpoch"),
)


def _plain_get() -> dict[str, Any]:
    sent = request(
        "GET",
        "/",
        pairs("""
            accept: */*
            host: aaaaaaaaaa.execute-api.us-west-2.amazonaws.com
            user-agent: curl/7.58.0
        """),
        peer="1.2.3.4",
    )
    api = HttpApi(Api("123456789012", "aaaaaaaaaa", "us-west-2"))
    return api.event(asked(sent, "$default"), arrival("LV7fzho-PHcEJPw=", 1587481701.067), FREE)


def _minimal() -> dict[str, Any]:
    sent = request(
        "GET",
        "/",
        pairs("""
            accept: */*
            host: xxx.execute-api.us-east-1.amazonaws.com
            user-agent: curl/7.64.1
        """),
        peer="65.78.31.245",
    )
    came = arrival("MIZRNhJtIAMEMDw=", 1588804615.616, trace="Root=1-5eb33c07-de25b420912dee103a5db434")
    return HttpApi(Api("123456789012", "xxx")).event(asked(sent, "$default"), came, FREE)


def _documented(
    method: str,
    body: str,
    content_type: str,
    *,
    authorizer: dict[str, Any] | None = None,
    parameters: dict[str, str],
    cookies: str = "cookie1; cookie2",
    peer: str = "IP",
    path: str = QUERY,
    key: str = "$default",
    stage: str = "$default",
) -> dict[str, Any]:
    headers = [
        ("Header1", "value1"),
        ("Header2", "value1"),
        ("Header2", "value2"),
        ("cookie", cookies),
        ("user-agent", "agent"),
        ("content-type", content_type),
    ]
    sent = request(method, path, headers, body, peer=peer, host=ID_HOST)
    api = HttpApi(Api("123456789012", "api-id", stage=stage, stage_variables=VARIABLES))
    mounted = "" if stage == "$default" else f"/{stage}"
    where = asked(sent, "$default", parameters=parameters, mounted=mounted)._replace(key=key)
    return api.event(where, arrival("id", DOCUMENTED_AT), Passage(authorizer))


def _browser() -> dict[str, Any]:
    accept = (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
        "application/signed-exchange;v=b3;q=0.9"
    )
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/102.0.0.0 Safari/537.36"
    sent = request(
        "GET",
        "/",
        pairs(f"""
            host: <url-id>.lambda-url.us-east-1.on.aws
            connection: keep-alive
            cache-control: max-age=0
            sec-ch-ua: " Not A;Brand";v="99", "Chromium";v="102", "Google Chrome";v="102"
            sec-ch-ua-mobile: ?0
            sec-ch-ua-platform: "Linux"
            upgrade-insecure-requests: 1
            user-agent: {agent}
            accept: {accept}
            sec-fetch-site: cross-site
            sec-fetch-mode: navigate
            sec-fetch-user: ?1
            sec-fetch-dest: document
            accept-encoding: gzip, deflate, br
            accept-language: pt-BR,pt;q=0.9
            x-amzn-tls-version: TLSv1.2
            x-amzn-tls-cipher-suite: ECDHE-RSA-AES128-GCM-SHA256
        """),
        peer="123.123.123.123",
    )
    came = arrival("id", 1659687279.885, trace="Root=1-62ecd163-5f302e550dcde3b12402207d")
    return FunctionUrl("<url-id>.lambda-url.us-east-1.on.aws").event(asked(sent, "$default"), came, FREE)


def _signed_post() -> dict[str, Any]:
    headers = [
        ("header1", "value1"),
        ("header2", "value1"),
        ("header2", "value2"),
        ("cookie", "cookie1; cookie2"),
        ("user-agent", "agent"),
        ("content-type", "text/plain"),
    ]
    sent = request("POST", QUERY, headers, "Hello from client!", peer="123.123.123.123")
    caller = {
        "accessKey": "AKIA...",
        "accountId": "111122223333",
        "callerId": "AIDA...",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::111122223333:user/example-user",
        "userId": "AIDA...",
    }
    url = FunctionUrl("<url-id>.lambda-url.us-west-2.on.aws", account="123456789012")
    return url.event(asked(sent, "$default"), arrival("id", DOCUMENTED_AT), Passage({"iam": caller}))


def _curl() -> dict[str, Any]:
    sent = request(
        "GET",
        QUERY,
        pairs("""
            host: id.lambda-url.eu-west-2.on.aws
            user-agent: curl/7.68.0
            accept: */*
            cookie: test=hi
            x-amzn-tls-version: TLSv1.2
            x-amzn-tls-cipher-suite: ECDHE-RSA-AES128-GCM-SHA256
        """),
        peer="65.78.31.245",
    )
    came = arrival("MIZRNhJtIAMEMDw=", 1673437534.837, trace="Root=1-5eb33c07-de25b420912dee103a5db434")
    return FunctionUrl("id.lambda-url.eu-west-2.on.aws", account="123456789012").event(asked(sent, "$default"), came, FREE)


def _echo() -> dict[str, Any]:
    sent = request(
        "POST",
        "/pa2%Fth/1?q=query&multiQuery=foo&multiQuery=%2Fbar",
        pairs("""
            Host: abcdefghij.lambda-url.us-east-1.on.aws
            User-Agent: test/echo
            Accept-Encoding: gzip, deflate
            Accept: */*
            Connection: keep-alive
            ExTrA-HeADErs: With WeiRd CapS
            Content-Type: application/json
            Content-Length: 14
            x-amzn-tls-version: TLSv1.3
            x-amzn-tls-cipher-suite: TLS_AES_128_GCM_SHA256
        """),
        '{"foo": "bar"}',
        peer="203.0.113.9",
    )
    url = FunctionUrl("abcdefghij.lambda-url.us-east-1.on.aws")
    return listed(url.event(Asked(sent, "", "$default", {}), arrival("id", 1.0), FREE))


CASES = [
    Case(HTTP_API, "apigw_v2_no_authorizer_get", _plain_get, deviations=[NO_CERTIFICATES]),
    Case(HTTP_API, "apigw_v2_minimal", _minimal),
    Case(
        HTTP_API,
        "apigw_v2_documented_full",
        lambda: _documented(
            "POST",
            '{"message": "hello world", "username": "tom"}',
            "application/json",
            authorizer=JWT,
            parameters={"parameter1": "value1"},
            peer="192.168.0.1/32",
        ),
        deviations=[NO_CERTIFICATES, *DOCUMENTED],
    ),
    Case(
        HTTP_API,
        "apigw_v2_jwt_authorizer",
        lambda: _documented("GET", BODY, "application/json", authorizer=JWT, parameters={"proxy": "hello/world"}),
        deviations=[NO_CERTIFICATES, *DOCUMENTED],
    ),
    Case(
        HTTP_API,
        "apigw_v2_lambda_authorizer",
        lambda: _documented("GET", BODY, "application/json", authorizer={"lambda": {"key": "value"}}, parameters={"proxy": "hello/world"}),
        deviations=[NO_CERTIFICATES, *DOCUMENTED],
    ),
    Case(
        HTTP_API,
        "apigw_v2_named_stage_in_raw_path",
        lambda: _documented(
            "POST",
            "Hello from Lambda",
            "text/plain",
            authorizer=JWT,
            parameters={"parameter1": "value1"},
            cookies="cookie1=value1; cookie2=value2",
            path=f"/Prod{QUERY}",
            key="Prod",
            stage="Prod",
        ),
        deviations=DOCUMENTED,
    ),
    Case(
        HTTP_API,
        "apigw_v2_raw_path_with_space",
        lambda: _documented(
            "POST",
            "Hello from Lambda",
            "text/plain",
            authorizer=JWT,
            parameters={"parameter1": "value1"},
            cookies="cookie1=value1; cookie2=value2",
            path="/my/path-with%20space?parameter1=value1&parameter1=value2&parameter2=value",
        ),
        deviations=DOCUMENTED,
    ),
    Case(
        URL,
        "function_url_browser_get_auth_none",
        _browser,
        deviations=[flawed("requestContext.http.userAgent", "replaced by hand; the header is the browser's")],
    ),
    Case(
        URL,
        "function_url_post_auth_iam",
        _signed_post,
        deviations=[
            *DOCUMENTED,
            flawed("requestContext.apiId", "spelled otherwise than domainPrefix"),
            flawed("requestContext.authentication", "null in the guide, absent in the capture"),
            flawed("pathParameters", "null in the guide, absent in the capture"),
            flawed("stageVariables", "null in the guide, absent in the capture"),
        ],
    ),
    Case(
        URL,
        "function_url_curl_get_with_cookie",
        _curl,
        deviations=[
            flawed("queryStringParameters.*", "absent although there is a query; recorded ones have it"),
            flawed("requestContext.apiId", "not the domainPrefix, which every capture has here"),
        ],
    ),
    Case(URL, "function_url_template_echo_post", _echo),
]
