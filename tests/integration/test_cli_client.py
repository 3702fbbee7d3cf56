"""Commands against a control socket that answers as the daemon does, without a daemon."""

import base64
import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.group import root

ROW = {
    "id": "5f6d5b7e-0001-4c2a-9d53-000000000001",
    "function": "resize",
    "source": "s3:up\x1b[2Jloads",
    "shard": "",
    "state": "dead",
    "attempts": 3,
    "created": "2026-11-23T08:00:00.000Z",
    "due": None,
    "finished": "2026-11-23T08:03:00.000Z",
    "error": '{"errorMessage": "no\nroom"}',
    "size": 12,
}


@dataclass
class Control:
    """A control socket: answers by (method, path), and what was asked of it."""

    config: Path
    answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def answer(self, method: str, path: str, value: Any, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers[method, path] = (status, {name.replace("_", "-"): text for name, text in headers.items()}, body)

    def run(self, *words: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(root, ["--config", str(self.config), *words], input=stdin)


def serve(control: Control, at: Path) -> socketserver.ThreadingUnixStreamServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            control.asked.append((self.command, self.path, dict(self.headers), body))
            missing = (404, {}, b'{"code": "ResourceNotFoundException", "message": "nothing here"}')
            status, headers, answer = control.answers.get((self.command, self.path), missing)
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name http.server calls

        def log_message(self, *_: Any) -> None:
            pass

        def address_string(self) -> str:
            return "unix"

    # a socket's address is short, a test's directory is not
    held = os.open(at.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        return socketserver.ThreadingUnixStreamServer(f"/proc/self/fd/{held}/{at.name}", Handler)
    finally:
        os.close(held)


@pytest.fixture(params=["state", "state-of-a-very-deep-directory-" + "x" * 100], ids=["short path", "long path"])
def control(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Control]:
    (tmp_path / request.param).mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(f"version: 1\nlisten: {{http: off, aws: off}}\nstate: ./{request.param}\nfunctions: [broken\n")
    made = Control(config)
    server = serve(made, tmp_path / request.param / "control.sock")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_invoke_prints_the_result_and_nothing_else(control: Control) -> None:
    control.answer("POST", "/functions/resize/invocations", b'{"ok": true}', X_Amzn_RequestId="r-1")
    done = control.run("invoke", "resize")
    assert (done.exit_code, done.stdout, done.stderr) == (0, '{"ok": true}\n', "")
    _, _, headers, body = control.asked[0]
    assert body == b"{}"
    assert (headers["X-Amz-Invocation-Type"], headers["X-Amz-Log-Type"]) == ("RequestResponse", "None")


def test_invoke_sends_a_file_or_stdin(control: Control, tmp_path: Path) -> None:
    control.answer("POST", "/functions/resize/invocations", b"null")
    (tmp_path / "event.json").write_bytes(b'{"n": 1}')
    assert control.run("invoke", "resize", "-e", str(tmp_path / "event.json")).exit_code == 0
    assert control.run("invoke", "resize", "-e", "-", stdin=b"[1,\xc3\xa9]").exit_code == 0
    assert [body for *_, body in control.asked] == [b'{"n": 1}', b"[1,\xc3\xa9]"]


def test_event_send_says_who_got_it(control: Control) -> None:
    row = {"function": "summarise", "id": "r-1", "source": "s3:uploads", "state": "queued", "error": None}
    control.answer("POST", "/events", [row])
    done = control.run("event", "s3-put", "bucket=uploads", "key=a b.csv", "--send")
    assert done.exit_code == 0
    assert done.stdout.split() == ["FUNCTION", "REQUEST", "ID", "SOURCE", "STATE", "ERROR", "summarise", "r-1", "s3:uploads", "queued", "-"]
    sent = json.loads(control.asked[0][3])
    assert sent["type"] == "s3-put"
    assert sent["event"]["Records"][0]["s3"]["object"]["key"] == "a+b.csv"
    assert json.loads(control.run("event", "s3-put", "--send", "--output", "json").stdout) == [row]


@pytest.mark.parametrize(("state", "code"), [("failed", 3), ("refused", 1)])
def test_event_send_fails_when_a_function_did_or_could_not_run(control: Control, state: str, code: int) -> None:
    control.answer("POST", "/events", [{"function": "f", "id": "r", "source": "table:orders", "state": state, "error": "why"}])
    assert control.run("event", "dynamodb", "--send").exit_code == code


def test_event_send_passes_on_the_daemons_reason(control: Control) -> None:
    control.answer("POST", "/events", {"code": "X", "message": "no trigger watches bucket x"}, 400)
    done = control.run("event", "s3-put", "bucket=x", "--send")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "Error: no trigger watches bucket x\n")


def test_event_send_of_a_request_prints_the_answer(control: Control) -> None:
    answer = {"status": 201, "headers": [["x-a", "\x1b[2J"]], "body": "/wA=", "isBase64Encoded": True}
    control.answer("POST", "/requests", answer)
    words = ["event", "url", "function=shop", "path=/a b", "query=x=1", "method=post", "body=hi", 'headers={"X-One": "1"}', "--send"]
    done = control.run(*words)
    assert (done.exit_code, done.stdout_bytes, done.stderr) == (0, b"\xff\x00\n", "HTTP 201\nx-a: \\e[2J\n")
    sent = json.loads(control.asked[0][3])
    assert sent["type"] == "url"
    assert (sent["type"], sent["method"], sent["target"], base64.b64decode(sent["body"])) == ("url", "POST", "/_url/shop/a b?x=1", b"hi")
    assert ["X-One", "1"] in sent["headers"]
    assert json.loads(control.run(*words, "--output", "json").stdout) == answer


@pytest.mark.parametrize(("status", "code"), [(404, 0), (429, 4), (500, 1), (502, 1)])
def test_event_send_of_a_request_ends_as_the_gateway_does(control: Control, status: int, code: int) -> None:
    control.answer("POST", "/requests", {"status": status, "headers": [], "body": "", "isBase64Encoded": False})
    assert control.run("event", "http", "--send").exit_code == code


@pytest.mark.parametrize(
    ("kind", "fact"), [("s3-put", "region=x"), ("s3-put", "event-version=2.6"), ("schedule", "account=1"), ("http", "route=GET /")]
)
def test_event_send_ignores_no_fact(control: Control, kind: str, fact: str) -> None:
    done = control.run("event", kind, fact, "--send")
    assert (done.exit_code, control.asked) == (2, [])
    assert done.stderr == f"Error: {fact.partition('=')[0]} is not for --send: the daemon's own config decides it\n"


def test_invoke_tail_puts_the_log_on_stderr(control: Control) -> None:
    log = base64.b64encode(b"START RequestId: r-1\nhello\n").decode()
    control.answer("POST", "/functions/resize/invocations", b"1", X_Amz_Log_Result=log)
    done = control.run("invoke", "resize", "--tail")
    assert (done.stdout, done.stderr) == ("1\n", "START RequestId: r-1\nhello\n")
    assert control.asked[0][2]["X-Amz-Log-Type"] == "Tail"


def test_invoke_of_a_failing_function_exits_3_with_its_error_on_stdout(control: Control) -> None:
    error = b'{"errorMessage": "boom", "errorType": "ValueError"}'
    control.answer("POST", "/functions/resize/invocations", error, X_Amz_Function_Error="Unhandled")
    done = control.run("invoke", "resize")
    assert (done.exit_code, done.stdout.encode()) == (3, error + b"\n")
    assert "Unhandled" in done.stderr


@pytest.mark.parametrize(("status", "code"), [(404, 1), (413, 1), (400, 1), (429, 4), (503, 1)])
def test_a_refused_invocation_says_why(control: Control, status: int, code: int) -> None:
    control.answer("POST", "/functions/resize/invocations", {"code": "X", "message": "said why"}, status)
    done = control.run("invoke", "resize")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", "Error: said why\n")


def test_invoke_async_names_the_request(control: Control) -> None:
    control.answer("POST", "/functions/resize/invocations", b"", 202, X_Amzn_RequestId="r-1")
    assert control.run("invoke", "resize", "--async").stdout == "queued as r-1\n"
    assert json.loads(control.run("invoke", "resize", "--async", "--output", "json").stdout) == {"id": "r-1"}
    assert control.asked[0][2]["X-Amz-Invocation-Type"] == "Event"


def test_a_function_name_cannot_leave_its_segment(control: Control) -> None:
    control.run("invoke", "../events?x=#y")
    assert control.asked[0][1] == "/functions/..%2Fevents%3Fx%3D%23y/invocations"


def test_events_list_as_json_is_what_the_daemon_said(control: Control) -> None:
    control.answer("GET", "/events?function=resize&state=dead&since=0.0&limit=5", [ROW])
    done = control.run(
        "events", "list", "--function", "resize", "--state", "dead", "--since", "1970-01-01", "--limit", "5", "--output", "json"
    )
    assert json.loads(done.stdout) == [ROW]


def test_output_and_config_are_taken_before_and_after_the_verb(control: Control) -> None:
    control.answer("GET", "/events?limit=100", [ROW])
    after = CliRunner().invoke(root, ["events", "list", "--output", "json", "--config", str(control.config)])
    between = CliRunner().invoke(root, ["events", "--output", "json", "--config", str(control.config), "list"])
    before = CliRunner().invoke(root, ["--output", "json", "--config", str(control.config), "events", "list"])
    by_environment = CliRunner().invoke(root, ["--output", "json", "events", "list"], env={"ROUTER_CONFIG": str(control.config)})
    assert json.loads(after.stdout) == [ROW]
    assert after.stdout == between.stdout == before.stdout == by_environment.stdout


def test_a_table_spells_out_what_an_event_brought_in(control: Control) -> None:
    control.answer("GET", "/events?limit=100", [ROW])
    done = control.run("events", "list")
    assert done.stdout.splitlines()[0].split() == ["ID", "FUNCTION", "SOURCE", "STATE", "ATTEMPTS", "CREATED", "FINISHED", "ERROR"]
    assert len(done.stdout.splitlines()) == 2
    assert "s3:up\\e[2Jloads" in done.stdout
    assert "no\\nroom" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_empty_list_leaves_stdout_empty(control: Control) -> None:
    control.answer("GET", "/events?limit=100", [])
    assert (control.run("events", "list").stdout, control.run("events", "list").stderr) == ("", "no events\n")
    assert json.loads(control.run("events", "list", "--output", "json").stdout) == []


@pytest.mark.parametrize("noun", ["events", "dlq"])
def test_show_prints_history_and_payload(control: Control, noun: str) -> None:
    detail = {"event": ROW, "payload": '{"a":\n"\x1b[1m"}', "history": [{"attempt": 1, "at": "2026-11-23T08:00:01.000Z", "error": "boom"}]}
    control.answer("GET", f"/{noun}/{ROW['id']}", detail)
    shown = control.run(noun, "show", str(ROW["id"])).stdout
    assert '{"a":\n"\\e[1m"}' in shown
    assert "boom" in shown
    assert json.loads(control.run(noun, "show", str(ROW["id"]), "--output", "json").stdout) == detail


def test_replay_names_the_copy(control: Control) -> None:
    control.answer("POST", "/events/replay", {"ids": ["e-2"]})
    assert control.run("events", "replay", "e-1").stdout == "queued as e-2\n"
    assert control.run("events", "replay", "e-1", "--to", "other", "--output", "json").exit_code == 0
    assert [json.loads(body) for *_, body in control.asked] == [{"ids": ["e-1"]}, {"ids": ["e-1"], "to": "other"}]


def test_a_replay_by_filter_says_what_it_would_do(control: Control) -> None:
    control.answer("POST", "/events/replay", {"events": [ROW], "ids": [], "more": True})
    done = control.run("events", "replay", "--function", "f", "--state", "dead", "--limit", "1", "--dry-run")
    assert (done.exit_code, str(ROW["id"]) in done.stdout) == (0, True)
    assert done.stderr == "only the newest 1: there are more, see --limit\n"
    assert json.loads(control.asked[0][3]) == {"query": {"function": "f", "state": "dead", "limit": 1}, "dry_run": True}
    control.answer("POST", "/events/replay", {"events": [], "ids": [], "more": False})
    assert control.run("events", "replay", "--state", "dead").stdout == "no events\n"


@pytest.mark.parametrize("words", [[], ["e-1", "--state", "dead"], ["e-1", "--dry-run"], ["--state", "queued"]])
def test_a_replay_wants_to_know_which(control: Control, words: list[str]) -> None:
    assert control.run("events", "replay", *words).exit_code == 2
    assert control.asked == []


def test_dead_letters_are_purged_when_somebody_says_yes(control: Control) -> None:
    control.answer("POST", "/dlq/purge", {"purged": 3})
    assert control.run("dlq", "purge", "--all").exit_code == 1, "nobody said yes"
    assert control.asked == []
    assert control.run("dlq", "purge", "--all", "--yes").stdout == "3 removed\n"
    assert control.run("dlq", "purge", "a", "b").stdout == "3 removed\n"
    assert [json.loads(body) for *_, body in control.asked] == [{"all": True}, {"ids": ["a", "b"]}]


def test_an_unknown_event_is_the_daemons_own_sentence(control: Control) -> None:
    done = control.run("events", "show", "e-9")
    assert (done.exit_code, done.stderr) == (1, "Error: nothing here\n")


@pytest.mark.parametrize(
    ("words", "sent"),
    [(["a", "b"], {"ids": ["a", "b"]}), (["--function", "resize"], {"function": "resize"}), (["--all"], {"all": True})],
)
def test_redrive_by_id_by_function_or_all(control: Control, words: list[str], sent: dict[str, Any]) -> None:
    control.answer("POST", "/dlq/redrive", {"redriven": 2})
    assert control.run("dlq", "redrive", *words).stdout == "2 queued again\n"
    assert json.loads(control.asked[0][3]) == sent
    assert json.loads(control.run("dlq", "redrive", *words, "--output", "json").stdout) == {"redriven": 2}


@pytest.mark.parametrize("words", [[], ["a", "--all"], ["--all", "--function", "resize"]])
def test_redrive_wants_to_know_which(control: Control, words: list[str]) -> None:
    done = control.run("dlq", "redrive", *words)
    assert done.exit_code == 2
    assert control.asked == []


def test_ps_says_what_is_wrong_on_stderr(control: Control) -> None:
    row: dict[str, Any] = {
        "function": "resize",
        "runtime": "python3.11",
        "environments": 1,
        "running": 0,
        "queued": 7,
        "dead": 3,
        "errors": 2,
        "urls": [],
    }
    row |= {"gb_seconds": 12.5, "cost_usd": 8.3e-9}
    control.answer("GET", "/ps", [row])
    control.answer("GET", "/status", {"problems": ["s3:uploads: no such directory\x1b"]})
    done = control.run("ps")
    assert done.stdout.splitlines()[1].split() == ["resize", "python3.11", "1", "0", "7", "3", "2", "12.500000", "<0.000001", "-"]
    assert done.stderr == "! s3:uploads: no such directory\\e\n"
    assert json.loads(control.run("ps", "--output", "json").stdout) == [row]


def test_schedules_and_feeds_are_listed_and_run(control: Control) -> None:
    schedule = {
        "name": "heartbeat-0",
        "function": "heartbeat",
        "expression": "rate(1 minute)",
        "timezone": "UTC",
        "next": None,
        "last": None,
        "missed": 0,
        "state": "ok",
    }
    feed = {"name": "orders", "function": "notify", "installed": True, "cursor": 4, "head": 9, "lag": 5, "error": None}
    control.answer("GET", "/schedules", [schedule])
    control.answer("POST", "/schedules/heartbeat-0/run", {"id": "e-3"})
    control.answer("GET", "/feeds", [feed])
    control.answer("POST", "/feeds/orders/install", {"installed": True})
    assert json.loads(control.run("schedules", "--output", "json").stdout) == [schedule]
    assert "rate(1 minute)" in control.run("schedules").stdout
    assert control.run("schedules", "run", "heartbeat-0").stdout == "queued as e-3\n"
    assert json.loads(control.run("feeds", "--output", "json").stdout) == [feed]
    assert control.run("feeds").stdout.splitlines()[1].split() == ["orders", "notify", "yes", "4", "9", "5", "-"]
    assert control.run("feeds", "install", "orders").stdout == "installed\n"
    control.answer("POST", "/feeds/orders/uninstall", {"uninstalled": True, "changes": 3})
    assert control.run("feeds", "uninstall", "orders").stdout == "uninstalled, with 3 noted changes\n"
    assert json.loads(control.run("feeds", "uninstall", "orders", "--output", "json").stdout) == {"uninstalled": True, "changes": 3}


def test_doctor_asks_the_running_daemon(control: Control) -> None:
    row = {
        "name": "source http",
        "wanted": "ok",
        "effective": "not bound",
        "proof": "p",
        "remedy": "bind it",
        "ok": False,
        "required": True,
    }
    control.answer("GET", "/status", {"version": "0.0.0"})
    control.answer("GET", "/doctor", [row])
    done = control.run("doctor", "--output", "json")
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert (done.exit_code, found["source http"]) == (1, row)
    assert (found["daemon version"]["ok"], found["daemon version"]["effective"], found["daemon version"]["required"]) == (
        False,
        "0.0.0",
        False,
    )
    assert "source http: bind it" in control.run("doctor").stdout


def test_doctor_tells_of_a_daemon_that_refuses(control: Control) -> None:
    control.answer("GET", "/status", {"code": "ServiceException", "message": "broken"}, status=500)
    (row,) = [row for row in json.loads(control.run("doctor", "--output", "json").stdout) if row["name"] == "daemon"]
    assert (row["ok"], row["required"], row["effective"]) == (False, True, "broken")


CLIENT_COMMANDS = [
    ["ps"],
    ["invoke", "f"],
    ["events", "list"],
    ["events", "show", "x"],
    ["events", "replay", "x"],
    ["dlq", "list"],
    ["dlq", "redrive", "--all"],
    ["dlq", "purge", "--all", "--yes"],
    ["schedules"],
    ["schedules", "run", "x"],
    ["feeds"],
    ["feeds", "install", "x"],
    ["feeds", "uninstall", "x"],
]


@pytest.mark.parametrize("words", CLIENT_COMMANDS, ids=" ".join)
def test_without_a_daemon_every_command_says_so_and_exits_5(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\n")
    done = CliRunner().invoke(root, ["--config", str(tmp_path / "config.yaml"), *words])
    assert done.exit_code == 5
    assert done.stderr == f"Error: the daemon is not running on {tmp_path / 'state'}: start it with `router run`\n"


def test_a_socket_nobody_listens_on_is_a_daemon_that_does_not_run(control: Control) -> None:
    stale = control.config.with_name("stale")
    stale.mkdir()
    control.config.write_text("state: stale\n")
    serve(control, stale / "control.sock").server_close()
    assert (stale / "control.sock").exists()
    assert control.run("ps").exit_code == 5


def test_a_daemon_that_dies_while_answering_is_one_sentence(control: Control) -> None:
    control.answer("GET", "/events?limit=100", b"", 200, Content_Length="100")
    control.answers["GET", "/events?limit=100"] = (200, {"Transfer-Encoding": "chunked"}, b"zz\r\n")
    done = control.run("events", "list")
    assert done.exit_code == 5
    assert "went away before it answered" in done.stderr
    assert "Traceback" not in done.output


def test_a_reader_that_left_is_no_traceback(control: Control) -> None:
    """As in `router events list | head -1`."""
    control.answer("GET", "/events?limit=100", [{**ROW, "error": "x" * 2000}] * 200)
    command = [sys.executable, "-m", "router.cli", "--config", str(control.config), "events", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) == 1
    assert said == b""
