#!/usr/bin/env python3
"""An external extension as customers write them: standard library only, over HTTP alone. What it does is told by variables.

EXTENSION_LOG: where it writes what it was told, a JSON object a line. EXTENSION_<NAME>: a JSON object: `events` to register for,
`do` (crash, init_error, slow …), `seconds`, `hold` (MB), `telemetry` (a subscription, without its destination),
`protocol` (HTTP or TCP)."""

import http.client
import http.server
import json
import os
import socketserver
import sys
import threading
import time

NAME = os.path.basename(sys.argv[0])
TOLD = json.loads(os.environ.get("EXTENSION_" + NAME.upper().replace("-", "_"), "{}"))
HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
DONE, REPORTED = threading.Event(), threading.Event()
LOCK = threading.Lock()


def note(**facts):
    with LOCK, open(os.environ["EXTENSION_LOG"], "a") as file:
        file.write(json.dumps({"extension": NAME, "at": time.time(), **facts}) + "\n")


def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, dict(answer.getheaders())


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes batches over HTTP."""

    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            note(telemetry=event)
            if event["type"] == "platform.runtimeDone":
                DONE.set()
            if event["type"] == "platform.report":
                REPORTED.set()
        time.sleep(TOLD.get("receiver_seconds", 0))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Lines(socketserver.StreamRequestHandler):
    """Takes events over TCP, one a line."""

    def handle(self):
        for line in self.rfile:
            note(telemetry=json.loads(line))


def subscribe(identifier):
    tcp = TOLD.get("protocol") == "TCP"
    server = (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines) if tcp else http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    destination = {"protocol": "TCP", "port": port} if tcp else {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}"}
    body = json.dumps({"destination": destination, **TOLD["telemetry"]})
    note(subscribed=ask("PUT", TOLD.get("path", "/2022-07-01/telemetry"), body, Lambda_Extension_Identifier=identifier)[:2])


def main():
    do = TOLD.get("do", "")
    if do == "crash_at_start":
        sys.exit(3)
    if do == "silent":
        time.sleep(60)
    body = json.dumps({"events": TOLD.get("events", ["INVOKE", "SHUTDOWN"])})
    status, text, headers = ask(
        "POST", "/2020-01-01/extension/register", body, Lambda_Extension_Name=NAME, Lambda_Extension_Accept_Feature="accountId"
    )
    note(registered=[status, json.loads(text)], environ=dict(os.environ), cwd=os.getcwd())
    identifier = headers["Lambda-Extension-Identifier"]
    held = b"x" * (TOLD.get("hold", 0) * 2**20)  # noqa: F841
    if "telemetry" in TOLD and do != "late":
        subscribe(identifier)
    if do == "init_error":
        note(
            answer=ask(
                "POST",
                "/2020-01-01/extension/init/error",
                "{}",
                Lambda_Extension_Identifier=identifier,
                Lambda_Extension_Function_Error_Type="Extension.NoKey",
            )[:2]
        )
        sys.exit(1)
    print("extension is up", flush=True)
    while True:
        status, text, headers = ask("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)
        event = json.loads(text)
        note(event=event, status=status)
        if event["eventType"] == "SHUTDOWN":
            time.sleep(60 if do == "hang" else 0)
            if TOLD.get("shutdown") == "until_reported":
                REPORTED.wait(1.9)
            note(ended=True)
            return
        if TOLD.get("patient"):
            DONE.wait(8)
        if do == "crash":
            os._exit(7)
        if do == "exit_error":
            ask(
                "POST",
                "/2020-01-01/extension/exit/error",
                "{}",
                Lambda_Extension_Identifier=identifier,
                Lambda_Extension_Function_Error_Type="Extension.Gone",
            )
        if do == "until_done":
            DONE.wait(8)
        if do == "late":
            subscribe(identifier)
        if do == "slow":
            time.sleep(TOLD["seconds"])
        print("extension saw " + event["requestId"], flush=True)


main()
