"""The suite's routes in FastAPI, behind Mangum."""

import gzip
import hashlib
from typing import Annotated, Any

from edge import PATTERN, TEXT, guarded
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from mangum import Mangum
from pydantic import BaseModel, Field

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
router = APIRouter()


class Order(BaseModel):
    """What is ordered; anything else is 422."""

    item: str
    quantity: Annotated[int, Field(gt=0)]


@router.api_route("/echo{rest:path}", methods=METHODS)
async def echo(request: Request, rest: str) -> dict[str, Any]:
    body = await request.body()
    return {
        "method": request.method,
        "path": rest,
        "query": [list(pair) for pair in request.query_params.multi_items()],
        "probe": ",".join(request.headers.getlist("x-probe")).replace(", ", ","),
        "cookies": request.cookies,
        "type": request.headers.get("content-type", ""),
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "text": body.decode(errors="replace") if len(body) < 4096 else "",
    }


@router.post("/form")
async def form(request: Request) -> dict[str, Any]:
    fields: list[list[str]] = []
    files: dict[str, Any] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            fields.append([name, value])
        else:
            data = await value.read()
            files[name] = {"filename": value.filename, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {"fields": fields, "files": files}


@router.post("/order")
async def order(order: Order) -> dict[str, Any]:
    return {"ordered": order.quantity, "item": order.item}


@router.post("/mirror")
async def mirror(request: Request) -> Response:
    return Response(await request.body(), media_type=request.headers.get("content-type"))


@router.get("/binary/{size}")
async def binary(size: int) -> Response:
    return Response((PATTERN * (size // len(PATTERN) + 1))[:size], media_type="application/octet-stream")


@router.api_route("/text", methods=["GET", "HEAD"])
async def text() -> PlainTextResponse:
    return PlainTextResponse(TEXT)


@router.get("/latin1")
async def latin1() -> Response:
    return Response("Gr\u00fc\u00dfe".encode("iso-8859-1"), headers={"content-type": "text/plain; charset=iso-8859-1"})


@router.get("/json")
async def json() -> JSONResponse:
    return JSONResponse({"text": TEXT, "number": 1.5, "none": None})


@router.get("/gzip")
async def gzipped() -> Response:
    return Response(gzip.compress(TEXT.encode(), mtime=0), media_type="application/json", headers={"content-encoding": "gzip"})


@router.get("/status/{code}")
async def status(code: int) -> PlainTextResponse:
    return PlainTextResponse(f"status {code}", code)


@router.get("/nothing/{code}")
async def nothing(code: int) -> Response:
    return Response(status_code=code, headers={"etag": '"v1"'})


@router.api_route("/redirect/{code}", methods=["GET", "POST"])
async def redirect(code: int) -> RedirectResponse:
    return RedirectResponse("/elsewhere?a=1&b=2", code)


@router.get("/cookies")
async def cookies() -> Response:
    answer = PlainTextResponse("set")
    answer.headers.append("set-cookie", "session=abc123; Path=/; HttpOnly")
    answer.headers.append("set-cookie", "seen=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/")
    return answer


@router.get("/headers")
async def headers() -> Response:
    answer = PlainTextResponse("headers", headers={"X-Custom": "one; two", "x-large": "v" * 6000, "cache-control": "no-store"})
    answer.headers.append("x-multi", "one")
    answer.headers.append("x-multi", "two")
    return answer


@router.get("/teapot")
async def teapot() -> None:
    raise HTTPException(418, {"error": "teapot"})


@router.get("/fail")
async def fail() -> None:
    raise RuntimeError("the app failed")


@app.exception_handler(HTTPException)
async def refused(request: Request, error: HTTPException) -> JSONResponse:
    del request
    return JSONResponse(error.detail if isinstance(error.detail, dict) else {"error": error.detail}, error.status_code)


app.include_router(router, prefix="/{face}")
handler = guarded(Mangum(app, lifespan="off"))
