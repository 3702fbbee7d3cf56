"""Events of functions at APIs that have routes of their own: what they add to those, and what they do not. Pure.

SAM makes routes of events where it writes the API's definition itself. A REST API's `DefinitionBody` it leaves as it is unless
`MergeDefinitions` says otherwise, an HTTP API's it completes, and an API that is no SAM resource it does not touch: an event there only
lets the API call its function. Source: SAM developer guide, AWS::Serverless::Api `DefinitionBody`, `MergeDefinitions`,
ApiFunctionAuth `OverrideApiAuth`; what SAM's translator makes of such templates."""

from collections.abc import Mapping
from typing import Any

from router.templates.draft import Draft, Route, Target
from router.templates.routes import serve
from router.templates.words import Refused


def place(route: Route, target: Target, own: Mapping[str, Any], auth: Mapping[str, Any], draft: Draft) -> None:
    """Serve an event's route whose guard is known, as its API has it; *auth*: the event's `Auth`. Raises Refused."""
    declared = draft.own_routes.get((route.api.logical, route.key))
    if route.api.events == "ignored":
        _ignored(route, declared, auth, draft)
    elif declared is None:
        serve(route, target, own, draft)
    elif route.api.events == "merged":
        _merged(route, declared, target, own, draft)
    else:
        _completed(route, declared, target, own, draft)


def _ignored(route: Route, declared: Route | None, auth: Mapping[str, Any], draft: Draft) -> None:
    """Who may call, and which function, is the API's own to say. An event that demands more than that is refused, and the route with it."""
    guard = declared.guard if declared is not None else {}
    if auth and route.guard != guard and (route.guard or auth.get("OverrideApiAuth")):
        raise Refused(f"Auth: {route.api.logical} declares its routes itself, and who may call them; write it there")
    draft.routes.remove(route)
    if declared is None:
        route.item.note(f"{route.api.logical} declares its routes itself, and this is none of them: an event adds none, as on AWS")
    elif declared.trigger is None:
        raise Refused(f"{route.api.logical} declares this route itself, and there no function serves it")
    else:
        _told(route, declared)


def _merged(route: Route, declared: Route, target: Target, own: Mapping[str, Any], draft: Draft) -> None:
    """The event's function and settings stand instead of the definition's."""
    if declared.trigger is not None:
        draft.withdraw(declared)
        draft.routes.remove(declared)
    serve(route, target, own, draft)


def _completed(route: Route, declared: Route, target: Target, own: Mapping[str, Any], draft: Draft) -> None:
    """The definition's function stays, or the event's comes where it has none; what the event says beside it counts."""
    if declared.vacant:
        draft.routes.remove(declared)
        draft.refused.discard(declared.item.logical)
        del draft.rows[declared.item.logical]
        serve(route, target, own, draft)
        return
    if declared.trigger is None:
        raise Refused(f"{route.api.logical} declares this route itself, and there no function serves it")
    draft.withdraw(declared)
    draft.routes.remove(declared)
    serve(route, Target("function", declared.function, declared.qualifier), {**declared.own, **own}, draft)
    if declared.function != target.name:
        _told(route, declared)


def _told(route: Route, declared: Route) -> None:
    route.item.becomes = f"functions.{declared.function}.triggers"
    if declared.function != route.item.name:
        route.item.note(f"{route.api.logical} gives this route to {declared.function} itself, as on AWS")
