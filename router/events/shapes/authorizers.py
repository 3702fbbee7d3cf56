"""`router event`: what a route asks its Lambda authorizer."""

from collections.abc import Mapping
from typing import Any, Final

from router import names
from router.events import authorizer
from router.events.gateway import FREE, Api, Asked
from router.events.http_api import HttpApi
from router.events.payload_v1 import short_id
from router.events.rest_api import STAGE, RestApi
from router.events.shapes.http import REQUEST, api_of, arrival_of, asked_of, request_of
from router.events.shapes.shape import ACCOUNT, REGION, Facts, Shape, texts

_PLACE: Final = {"route": "", "host": "127.0.0.1:8080", "stage": STAGE, "account": ACCOUNT, "region": REGION, "time": ""}


def _asked(facts: Facts) -> tuple[Asked, Api]:
    """The request of a REST API's route, and the API."""
    return asked_of(facts, request_of(facts), f"/{facts['stage']}"), api_of(facts, "rest")


def _token(facts: Facts, at: float) -> Any:
    del at  # the event has no time
    asked, api = _asked(facts)
    return authorizer.token_event(facts["token"], authorizer.method_arn(asked, api))


def _request(facts: Facts, at: float) -> Any:
    values = texts(facts, "identity")
    match facts["payload"]:
        case "":
            asked, api = _asked(facts)
            event = RestApi(api).event(asked, arrival_of(at, names.request_id()), FREE)
            return authorizer.request_event(event, authorizer.method_arn(asked, api), values, "")
        case "1.0" | "2.0" as version:
            asked, api = asked_of(facts, request_of(facts)), api_of(facts, "http")
            event = HttpApi(api, "1.0" if version == "1.0" else "2.0").event(
                asked, arrival_of(at, short_id(names.request_id(), 15) + "="), FREE
            )
            return authorizer.request_event(event, authorizer.method_arn(asked, api), values, "1.0" if version == "1.0" else "2.0")
    raise ValueError(f"payload {facts['payload']} is neither 2.0 nor 1.0; leave it out for a REST API")


SHAPES: Final[Mapping[str, Shape]] = {
    "authorizer-token": Shape({**REQUEST, **_PLACE, "token": "Bearer abc"}, _token),
    "authorizer-request": Shape({**REQUEST, **_PLACE, "payload": "", "identity": "Bearer abc"}, _request),
}
