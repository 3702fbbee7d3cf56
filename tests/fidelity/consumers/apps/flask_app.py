"""The suite's routes in Flask, behind two adapters: serverless-wsgi and apig-wsgi."""

import gzip
import hashlib
from typing import Any

import serverless_wsgi
from apig_wsgi import make_lambda_handler
from edge import PATTERN, TEXT, guarded
from flask import Blueprint, Flask, Response, abort, jsonify, make_response, redirect, request
from werkzeug.exceptions import HTTPException

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
app = Flask(__name__)
app.url_map.merge_slashes = False
routes = Blueprint("routes", __name__)


@routes.route("/echo", defaults={"rest": ""}, methods=METHODS, provide_automatic_options=False)
@routes.route("/echo/", defaults={"rest": "/"}, methods=METHODS, provide_automatic_options=False)
@routes.route("/echo/<path:rest>", methods=METHODS, provide_automatic_options=False)
def echo(face: str, rest: str) -> Any:
    body = request.get_data(cache=False)
    return {
        "method": request.method,
        "path": f"/{rest}" if rest.strip("/") else rest,
        "query": [list(pair) for pair in request.args.items(multi=True)],
        "probe": request.headers.get("x-probe", "").replace(", ", ","),
        "cookies": request.cookies,
        "type": request.headers.get("content-type", ""),
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "text": body.decode(errors="replace") if len(body) < 4096 else "",
    }


@routes.post("/form")
def form(face: str) -> Any:
    files = {}
    for name, part in request.files.items():
        data = part.read()
        files[name] = {"filename": part.filename, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {"fields": [list(pair) for pair in request.form.items(multi=True)], "files": files}


@routes.post("/order")
def order(face: str) -> Any:
    wanted = request.get_json()
    if not isinstance(wanted.get("quantity"), int) or wanted["quantity"] < 1:
        abort(422)
    return {"ordered": wanted["quantity"], "item": wanted["item"]}


@routes.post("/mirror")
def mirror(face: str) -> Response:
    return Response(request.get_data(), content_type=request.headers.get("content-type"))


@routes.get("/binary/<int:size>")
def binary(face: str, size: int) -> Response:
    return Response((PATTERN * (size // len(PATTERN) + 1))[:size], content_type="application/octet-stream")


@routes.get("/text")
def text(face: str) -> Response:
    return Response(TEXT, content_type="text/plain; charset=utf-8")


@routes.get("/latin1")
def latin1(face: str) -> Response:
    return Response("Gr\u00fc\u00dfe".encode("iso-8859-1"), content_type="text/plain; charset=iso-8859-1")


@routes.get("/json")
def json(face: str) -> Any:
    return jsonify({"text": TEXT, "number": 1.5, "none": None})


@routes.get("/gzip")
def gzipped(face: str) -> Response:
    return Response(gzip.compress(TEXT.encode(), mtime=0), content_type="application/json", headers={"content-encoding": "gzip"})


@routes.get("/status/<int:code>")
def status(face: str, code: int) -> Response:
    return Response(f"status {code}", code, content_type="text/plain; charset=utf-8")


@routes.get("/nothing/<int:code>")
def nothing(face: str, code: int) -> Response:
    answer = Response(status=code, headers={"etag": '"v1"'})
    answer.headers.pop("content-type", None)
    return answer


@routes.route("/redirect/<int:code>", methods=["GET", "POST"])
def elsewhere(face: str, code: int) -> Any:
    return redirect("/elsewhere?a=1&b=2", code)


@routes.get("/cookies")
def cookies(face: str) -> Response:
    answer = Response("set", content_type="text/plain; charset=utf-8")
    answer.headers.add("set-cookie", "session=abc123; Path=/; HttpOnly")
    answer.headers.add("set-cookie", "seen=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/")
    return answer


@routes.get("/headers")
def headers(face: str) -> Response:
    answer = make_response("headers", {"X-Custom": "one; two", "x-large": "v" * 6000, "cache-control": "no-store"})
    answer.content_type = "text/plain; charset=utf-8"
    answer.headers.add("x-multi", "one")
    answer.headers.add("x-multi", "two")
    return answer


@routes.get("/teapot")
def teapot(face: str) -> Any:
    return {"error": "teapot"}, 418


@routes.get("/fail")
def fail(face: str) -> Any:
    raise RuntimeError("the app failed")


@app.errorhandler(HTTPException)
def refused(error: HTTPException) -> Any:
    return {"error": error.name}, error.code


app.register_blueprint(routes, url_prefix="/<face>")


def serverless(event: Any, context: Any) -> Any:
    return serverless_wsgi.handle_request(app, event, context)


handler = guarded(serverless)
apig_handler = guarded(make_lambda_handler(app.wsgi_app, binary_support=True))
