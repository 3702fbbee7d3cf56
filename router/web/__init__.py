"""A listener that drains: HTTP/1.1 with deadlines and caps, for whoever answers requests.

Everything a listener needs to know of its owner is a handler, `async (Request) -> Response`."""

from router.events.http import Request, Response
from router.web.body import Body, BodyBroken
from router.web.limits import Limits
from router.web.listener import Handler, Listener

__all__ = ["Body", "BodyBroken", "Handler", "Limits", "Listener", "Request", "Response"]
