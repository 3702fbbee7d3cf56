"""Objects over S3's protocol: get and put of a megabyte, beside a bare aiohttp handler that reads and writes files."""

import tempfile
import zlib
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.client import Plan
from bench.daemon import Running
from bench.load import Result, Side, alternating, ask, bare
from bench.table import Check, Row
from router.credentials import KeyStore
from tests.helpers.house import free_port

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: "127.0.0.1:{port}", console: off}}
buckets: {{objects: ./objects}}
"""
FILES = """
import os
import sys
import tempfile
import uvloop
from aiohttp import web

root = ROOT

async def get(request):
    return web.FileResponse(os.path.join(root, request.match_info["name"]))

async def put(request):
    out, name = tempfile.mkstemp(dir=root)
    async for piece in request.content.iter_chunked(1 << 20):
        os.write(out, piece)
    if SYNC:
        os.fsync(out)
    os.close(out)
    os.rename(name, os.path.join(root, request.match_info["name"]))
    return web.Response()

app = web.Application(client_max_size=1 << 30)
app.router.add_get("/{name}", get)
app.router.add_put("/{name}", put)
web.run_app(app, loop=uvloop.new_event_loop(), print=None, access_log=None, host="127.0.0.1", port=int(sys.argv[1].rpartition(":")[2]))
"""
MEGABYTE: Final = 1024 * 1024
CONNECTIONS: Final = 4
NAMES: Final = tuple(f"object-{number}" for number in range(CONNECTIONS))


def rows(*, brief: bool) -> list[Row]:
    """A daemon with one bucket, and a bare handler with one directory."""
    seconds, runs = (1.5, 3) if brief else (4.0, 7)
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_port()
        (directory / "objects").mkdir()
        (directory / "files").mkdir()
        with Running(directory, CONFIG.format(port=port)) as house:
            house.serve()
            made, secret = KeyStore(house.state).create("bench", ["admin"], None, house.base)
            plans = {method: _plan(method, f"127.0.0.1:{port}", Credentials(made.id, secret), seconds) for method in ("PUT", "GET")}
            return [_row(method, plan, house.pid, directory / "files", runs) for method, plan in plans.items()]


def _row(method: str, plan: Plan, pid: int, files: Path, runs: int) -> Row:
    with bare(server=_server(files, sync=True)) as (address, beside_pid), bare(server=_server(files, sync=False)) as (hasty, hasty_pid):
        limit = Plan(address, tuple(f"/{name}" for name in NAMES), CONNECTIONS, plan.seconds, plan.size, method=method)
        for one in (plan, limit):
            ask(replace(one, seconds=0.5))
        ours, beside, ratio = alternating(Side(plan, pid), Side(limit, beside_pid), runs)
        unsynced = alternating(Side(plan, pid), Side(replace(limit, to=hasty), hasty_pid), 1)[1] if method == "PUT" else None
    return _told(method, ours, beside, ratio(lambda load: load.rate), unsynced)


def _told(method: str, ours: Result, beside: Result, rate: float, unsynced: Result | None) -> Row:
    what = {"PUT": "put_object", "GET": "get_object"}[method]
    how = {
        "PUT": "what boto3 sends: header signature, SHA-256 and CRC32 of the body, which the daemon verifies beside the MD5; every answer means that"
        " content and metadata are synced and the event is recorded; the bare handler writes, syncs and renames",
        "GET": "signed GET of an object that is in the page cache; the bare handler is aiohttp's FileResponse",
    }[method]
    more = f"; without its sync {unsynced.rate:,.0f}/s" if unsynced is not None else ""
    return Row(
        f"{what} of 1 MB over the AWS endpoint, {CONNECTIONS} connections",
        f"{ours.rate:,.0f}/s, p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms, {ours.cpu:,.0f} µs of daemon CPU each",
        f"bare aiohttp file handler {beside.rate:,.0f}/s, {beside.cpu:,.0f} µs each: {rate:.2f} × its rate{more}",
        (Check("≥ 0.5 × the rate of a bare aiohttp file handler", rate >= 0.5),),
        f"a whole daemon; the client is a process of its own on the same cores, keep-alive, one request at a time on each connection; {how}",
        why="MD5 and SHA-256 of a megabyte take longer than to write it, and the client shares the cores." if method == "PUT" else "",
        broken=ours.broken or beside.broken,
    )


def _server(files: Path, *, sync: bool) -> str:
    return FILES.replace("ROOT", repr(str(files))).replace("SYNC", repr(sync))


def _plan(method: str, to: str, credentials: Credentials, seconds: float) -> Plan:
    """Requests signed as boto3 signs them."""
    plan = Plan(to, tuple(f"/objects/{name}" for name in NAMES), CONNECTIONS, seconds, MEGABYTE if method == "PUT" else 0, method=method)
    return replace(plan, each=tuple(_signed(method, path, plan.body.encode(), credentials) for path in plan.paths))


def _signed(method: str, path: str, body: bytes, credentials: Credentials) -> dict[str, str]:
    headers = {"host": "localhost"}
    if body:
        headers |= {
            "x-amz-checksum-crc32": b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
            "x-amz-sdk-checksum-algorithm": "CRC32",
        }
    request = AWSRequest(method, f"http://localhost{path}", data=body, headers=headers)
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    return {name: value for name, value in request.headers.items() if name.lower() != "host"}
