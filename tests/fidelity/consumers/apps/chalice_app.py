"""Routes in Chalice, which is the framework and its own adapter: it reads REST API events and nothing else."""

import hashlib
from typing import Any

from chalice import AuthResponse, AuthRoute, BadRequestError, Chalice, NotFoundError, Response

app = Chalice(app_name="shop")
app.api.binary_types.append("application/octet-stream")
TYPES = ["application/json", "application/octet-stream", "text/plain"]


@app.route("/chalice/pets/{name}", methods=["GET", "DELETE"])
def pet(name: str) -> Any:
    request = app.current_request
    if name == "nobody":
        raise NotFoundError("no such pet")
    if name == "crash":
        raise RuntimeError("the view failed")
    query = request.query_params
    return {
        "name": name,
        "method": request.method,
        "path": request.path,
        "uri": request.uri_params,
        "query": {key: query.getlist(key) for key in query} if query else None,
        "probe": request.headers.get("x-probe"),
        "stage": request.context["stage"],
        "source": request.context["identity"]["sourceIp"],
        "variables": request.stage_vars,
    }


@app.route("/chalice/pets", methods=["POST", "PUT"], content_types=TYPES)
def pets() -> Any:
    request = app.current_request
    if request.headers.get("content-type") == "application/json":
        if not request.json_body:
            raise BadRequestError("an empty pet")
        return {"created": request.json_body}
    body = request.raw_body
    return {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@app.route("/chalice/raw", methods=["GET"])
def raw() -> Response:
    return Response(bytes(range(256)), headers={"Content-Type": "application/octet-stream", "Set-Cookie": ["a=1", "b=2"]}, status_code=201)


@app.route("/chalice/old", methods=["GET"])
def old() -> Response:
    return Response("", headers={"Location": "/chalice/new"}, status_code=301)


@app.authorizer()
def auth(request: Any) -> AuthResponse:
    """Chalice's built-in authorizer; it reads token authorizers' events."""
    routes = [AuthRoute("/guarded/*", ["GET"])] if request.token == "good" else []
    return AuthResponse(routes, "user-2", {"arn": request.method_arn, "type": request.auth_type})
