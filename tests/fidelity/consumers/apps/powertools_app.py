"""Routes in Powertools' event handler: one resolver for each face, the same routes on all of them."""

from typing import Any

from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
    content_types,
)
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.shared.cookies import Cookie


def routed(app: Any) -> Any:
    @app.get("/<face>/orders/<number>")
    def order(face: str, number: str) -> Any:
        event = app.current_event
        return {
            "number": number,
            "method": event.http_method,
            "query": event.resolved_query_string_parameters,
            "one": event.get_query_string_value("a"),
            "probe": event.headers.get("x-probe") or event.resolved_headers_field.get("x-probe"),
            "cookies": event.resolved_cookies_field,
        }

    @app.post("/<face>/orders")
    def create(face: str) -> Any:
        body = app.current_event.json_body
        if "item" not in body:
            raise BadRequestError("no item")
        answer = Response(201, content_types.APPLICATION_JSON, {"item": body["item"]}, headers={"Location": "/orders/7"})
        answer.cookies = [Cookie("a", "1", secure=False), Cookie("b", "2", secure=False)]
        return answer

    @app.get("/<face>/raw", compress=True)
    def raw(face: str) -> Any:
        return Response(200, "application/octet-stream", bytes(range(256)))

    @app.get("/<face>/fail")
    def fail(face: str) -> Any:
        raise RuntimeError("the route failed")

    return app


HTTP, REST, URL, ALB = (
    routed(resolver()) for resolver in (APIGatewayHttpResolver, APIGatewayRestResolver, LambdaFunctionUrlResolver, ALBResolver)
)


def handler(event: Any, context: Any) -> Any:
    if "elb" in event["requestContext"]:
        return ALB.resolve(event, context)
    if event.get("version") != "2.0":
        return REST.resolve(event, context)
    return (URL if ".lambda-url." in event["requestContext"]["domainName"] else HTTP).resolve(event, context)
