"""Published versions beside $LATEST, aliases with weights, and who invokes which."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.integration.daemon_rig import Serving

APP = """
import os
def handler(event, context):
    body = f"{SAYS} {context.function_version} {os.environ['SAYS']} {context.invoked_function_arn.rpartition(':')[2]}"
    return {{"statusCode": 200, "body": body}} if isinstance(event, dict) and "rawPath" in event else body
"""
LATEST = "f: {code: ./tree, handler: app.handler, environment: {SAYS: s1}, triggers: [{http: GET /f}]}"
ALIASED = """
f: {code: ./tree, handler: app.handler, environment: {SAYS: s2}, aliases: {live: 1, half: {version: 1, weights: {2: 0.5}}},
    triggers: [{http: GET /f}, {http: {route: GET /live, qualifier: live}}, {http: {route: GET /one, qualifier: "1"}}]}
"""


def write(house: Serving, says: str) -> None:
    (house.directory / "tree").mkdir(exist_ok=True)
    (house.directory / "tree/app.py").write_text(f"SAYS = {says!r}\n" + APP.replace("{{", "{").replace("}}", "}"))


def publish(house: Serving, description: str = "") -> Any:
    status, _, body = house.request("POST", "/functions/f/versions", json.dumps({"description": description}).encode())
    assert status == 200, body
    return json.loads(body)


def invoke(house: Serving, target: str) -> tuple[str, str]:
    """The result and the version that ran; or the refusal's code."""
    status, headers, body = house.request("POST", f"/functions/{target}/invocations", b'"x"')
    return (json.loads(body), headers["x-amz-executed-version"]) if status == 200 else (json.loads(body)["code"], "")


def test_versions_run_beside_what_is_in_force(tmp_path: Path) -> None:
    with Serving(tmp_path, LATEST) as house:
        write(house, "code1")
        house.up()
        assert house.ask("GET", "/f").body == b"code1 $LATEST s1 f"
        first = publish(house, "the first")
        assert (first["version"], first["description"], len(first["sha256"])) == ("1", "the first", 44)
        assert publish(house)["version"] == "1", "nothing has changed"
        write(house, "code2")
        assert house.until(lambda: house.ask("GET", "/f").body == b"code2 $LATEST s1 f", 10)
        assert publish(house)["version"] == "2"
        house.configure(ALIASED)
        status, _, body = house.request("POST", "/reload")
        assert status == 200, body
        assert invoke(house, "f:1") == ("code1 1 s1 1", "1")
        assert invoke(house, "f:2") == ("code2 2 s1 2", "2")
        assert invoke(house, "f:live") == ("code1 1 s1 live", "1")
        assert invoke(house, "f") == ("code2 $LATEST s2 f", "$LATEST")
        assert invoke(house, "f:$LATEST") == ("code2 $LATEST s2 $LATEST", "$LATEST")
        assert invoke(house, "f:3") == invoke(house, "f:other") == ("ResourceNotFoundException", "")
        assert [house.ask("GET", path).body.decode() for path in ("/f", "/live", "/one")] == [
            "code2 $LATEST s2 f", "code1 1 s1 live", "code1 1 s1 1",
        ]  # fmt: skip
        ran = Counter(invoke(house, "f:half")[1] for _ in range(60))
        assert set(ran) == {"1", "2"}
        assert min(ran.values()) > 10, "two halves, but for a chance of one in ten million"
        event = house.emit("f:live", {})
        assert house.ended(event)
        assert {row["function"]: row["environments"] for row in house.get("/ps")} == {"f": 3}
        assert [(row["version"], row["aliases"]) for row in house.get("/versions")] == [
            ("$LATEST", []),
            ("1", ["live", "half"]),
            ("2", ["half"]),
        ]
        assert house.cli("aliases", "--output", "json").returncode == 0
        assert house.stop() == 0
        house.up()
        assert invoke(house, "f:1") == ("code1 1 s1 1", "1"), "kept over a restart, its code too"
        assert house.request("POST", "/functions/f/versions/2/delete")[0] == 409
        assert house.request("POST", "/functions/f/versions/$LATEST/delete")[0] == 400
        write(house, "code3")
        assert house.until(lambda: house.ask("GET", "/f").body.startswith(b"code3"), 10)
        assert house.cli("versions", "publish", "f", "--description", "three").stdout == "3\n"
        assert house.cli("versions", "delete", "f", "3").stdout == "deleted\n"
        assert invoke(house, "f:3")[0] == "ResourceNotFoundException"
        write(house, "code4")
        assert house.until(lambda: house.ask("GET", "/f").body.startswith(b"code4"), 10)
        assert publish(house)["version"] == "4", "a number is never given twice"
        assert house.stop() == 0


def test_an_alias_of_what_nobody_published_is_refused_and_at_the_start_told(tmp_path: Path) -> None:
    with Serving(tmp_path, LATEST) as house:
        write(house, "code1")
        house.up()
        house.configure(ALIASED)
        told = house.cli("reload")
        assert told.returncode == 1
        assert "functions.f.aliases.live: version 1 is not published; router versions publish f publishes the next" in told.stderr
        assert house.stop() == 0
        house.up()
        assert '"event":"alias_unresolved"' in house.log.read_text()
        assert invoke(house, "f:live")[0] == "ResourceNotFoundException"
        assert (house.ask("GET", "/f").status, house.ask("GET", "/live").status) == (200, 500)
        publish(house)
        assert invoke(house, "f:live")[1] == "1"
        assert house.stop() == 0
