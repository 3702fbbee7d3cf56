"""Runs as root under a freshly booted systemd: installs the service as docs/service.md says, uses it, takes it out, and writes down what it saw.

Standard library only. What is asserted stands in test_booted.py."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

SOURCE, OUT = Path("/src"), Path("/out")
VENV = Path("/opt/event-router/.venv")
ROUTER = VENV / "bin/router"
CONFIG = Path("/etc/my ${shop} at 50%/config.yaml")
RESULTS = Path("/data/re sults of ${HOME}, 50%")
SHOP = "http://127.0.0.1:8080/orders"
AWS = "http://127.0.0.1:4566/"
UNITS = ("router.socket", "router-aws.socket", "router.service")
ORDER = b'{"item": "tea", "quantity": 2}'
WATCHDOG = 8  # seconds, instead of the unit's 30: a busy machine may well keep it from the processor for three
seen: dict[str, object] = {}


def run(*command: str | Path) -> str:
    """What it wrote, and its status if that is not 0: "" when all went well."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


def as_user(*command: str | Path) -> str:
    return run("setpriv", "--reuid=router", "--regid=router", "--init-groups", *command)


def ask(url: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def until(holds: Callable[[], bool], seconds: float = 40.0) -> bool:
    """Whether it came to hold."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def told(unit: str, *properties: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in run("systemctl", "show", unit, "-p", ",".join(properties)).splitlines())


def serving() -> bool:
    return told("router", "ActiveState")["ActiveState"] == "active" and ask("http://127.0.0.1:8081/readyz")[0] == 200


def install() -> None:
    """As docs/service.md, but for pip: the packages are those of the tests."""
    run("/opt/python/bin/python3", "-m", "venv", "--without-pip", str(VENV))
    next(VENV.glob("lib/python*/site-packages")).joinpath("all.pth").write_text(f"/opt/packages\n{SOURCE}\n")
    ROUTER.write_text(f"#!{VENV}/bin/python3\nfrom router.cli import main\nmain()\n")
    ROUTER.chmod(0o755)
    CONFIG.parent.mkdir(mode=0o755)
    config = (SOURCE / "config.yaml").read_text()
    config = config.replace("state: ./state", "state: /var/lib/event-router").replace("http: 127.0.0.1:8080", "http: systemd")
    config = config.replace("aws: 127.0.0.1:4566", "aws: systemd")
    CONFIG.write_text(config.replace("./data/results", f'"{RESULTS}"'.replace("${", "$${")).replace("./data/", "/srv/event-router/"))
    shutil.copytree(SOURCE / "handlers", CONFIG.parent / "handlers")
    drop_in = Path("/etc/systemd/system/router.service.d/quick.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nWatchdogSec={WATCHDOG}\n")
    seen["shown"] = service("show")
    seen["installed"] = service("install", "--now")


def service(*words: str) -> object:
    """What `router service` said, as JSON; as text when it failed."""
    said = run(ROUTER, "service", *words, "--config", CONFIG, "--output", "json")
    return json.loads(said) if said.endswith("}\n") else said


def start() -> None:
    seen["check"] = as_user(ROUTER, "check", "--config", CONFIG)
    seen["started"] = told("router", "ActiveState", "StatusText", "User")
    seen["serving"] = until(serving)
    pid = told("router", "MainPID")
    seen["again"] = service("install", "--now")
    seen["aws"] = ask(AWS)[0]
    seen["undisturbed"] = told("router", "MainPID") == pid
    seen["doctor"] = json.loads(as_user(ROUTER, "doctor", "--config", CONFIG, "--output", "json"))


def use() -> None:
    """A file, a request, a changed row."""
    as_user("sh", "-c", "printf 'a,b\\n1,2\\n' > /srv/event-router/inbox/report.csv")
    summary = RESULTS / "report.csv.json"
    seen["file"] = until(summary.exists)
    seen["created"] = ask(SHOP, ORDER)[0]  # the function makes the table, and the feed begins with the changes after that
    seen["row"] = until(lambda: ask(SHOP, ORDER)[0] == 201 and "placed, 2 of tea" in as_user(ROUTER, "logs", "notify", "--config", CONFIG))


def restart() -> None:
    """Requests go on while the service is restarted, and while its config is read again."""
    answers: Counter[str] = Counter()
    over = threading.Event()

    def clients() -> None:
        while not over.is_set():
            status, body = ask(SHOP)
            answers["200" if status == 200 else f"{status} {body}"] += 1

    threads = [threading.Thread(target=clients) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: answers["200"] > 20)
    seen["reload"] = run("systemctl", "reload", "router")
    seen["restart"] = run("systemctl", "restart", "router")
    before = answers["200"]
    until(lambda: answers["200"] > before + 20)
    over.set()
    for thread in threads:
        thread.join()
    seen["answers"] = dict(answers)


def hurt(signal: str) -> dict[str, object]:
    """The daemon gets a signal that it cannot handle; what comes of it."""
    before = told("router", "MainPID", "NRestarts")
    run("systemctl", "kill", "-s", signal, "--kill-who=main", "router")
    again = until(lambda: told("router", "MainPID")["MainPID"] not in {"0", before["MainPID"]} and serving())
    after = told("router", "NRestarts")
    return {"again": again, "restarts": int(after["NRestarts"]) - int(before["NRestarts"])}


def stop() -> None:
    began = time.monotonic()
    seen["stop"] = run("systemctl", "stop", *UNITS)
    seen["stop_s"] = time.monotonic() - began
    seen["left"] = run("pgrep", "-u", "router", "-a").removesuffix("status 1")  # of pgrep: nobody


def mistaken() -> None:
    """A config with a mistake: not started again and again, and the mistake is shown."""
    right = CONFIG.read_text()
    CONFIG.write_text(right.replace("rate(1 minute)", "rate(1 minutes)"))
    run("systemctl", "start", "router.service")
    time.sleep(2.5)  # more than RestartSec twice
    seen["mistaken"] = told("router", "ActiveState", "ExecMainStatus", "NRestarts")
    seen["status"] = run("systemctl", "status", "router", "--no-pager")
    CONFIG.write_text(right)
    seen["mended"] = run("systemctl", "start", *UNITS)
    seen["mended_serves"] = until(lambda: ask(SHOP)[0] == 200)


def dropped_in(name: str, more: str = "") -> dict[str, object]:
    """The service with one of the shipped drop-ins, or with what `install` makes of *more* in its config: what confines functions, and
    whether they run."""
    drop_in, right = Path(f"/etc/systemd/system/router.service.d/{name}"), CONFIG.read_text()
    summary = RESULTS / f"{name}.csv.json"
    CONFIG.write_text(right + more)
    if more:
        found: dict[str, object] = {"install": service("install", "--now"), "serving": until(serving)}
    else:
        shutil.copy(SOURCE / "systemd/drop-ins" / name, drop_in)
        run("systemctl", "daemon-reload")
        found = {"restart": run("systemctl", "restart", "router"), "serving": until(serving)}
    as_user("sh", "-c", f"printf 'a,b\\n1,2\\n' > /srv/event-router/inbox/{name}.csv")
    found["file"] = until(summary.exists)
    found["owner"] = summary.stat().st_uid if summary.exists() else -1
    found["doctor"] = json.loads(run(ROUTER, "doctor", "--config", CONFIG, "--output", "json").removesuffix("status 1"))
    drop_in.unlink(missing_ok=True)
    CONFIG.write_text(right)
    service("install")
    return found


def drop_ins() -> None:
    """Each that is shipped, and the service without them again."""
    seen["hardened"] = dropped_in("hardened-no-namespaces.conf")
    run("chmod", "2770", RESULTS)
    seen["users"] = dropped_in("own-users.conf", "users: 200000-265535\n")
    seen["without"] = {"restart": run("systemctl", "restart", "router"), "serving": until(serving), **told("router", "User")}


def taken() -> None:
    """A port that another process has: it does not serve, and that is told; once the port is free it does."""
    run("systemctl", "stop", *UNITS)
    with socket.create_server(("127.0.0.1", 8081)):
        seen["taken"] = run(ROUTER, "service", "install", "--now", "--config", CONFIG)
    seen["freed"] = until(serving)


def unsocketed() -> None:
    """A listener that is systemd's no longer."""
    CONFIG.write_text(CONFIG.read_text().replace("aws: systemd", "aws: 127.0.0.1:4566"))
    seen["unsocketed"] = service("install", "--now")
    seen["unsocketed_serves"] = (serving(), ask(AWS)[0], told("router-aws.socket", "LoadState"))


def uninstall() -> None:
    seen["uninstalled"] = service("uninstall")
    seen["gone"] = [told(unit, "LoadState", "ActiveState") for unit in ("router.service", "router.socket")]
    seen["left_running"] = run("pgrep", "-u", "router", "-a").removesuffix("status 1")
    seen["kept"] = [path.exists() for path in (RESULTS / "report.csv.json", Path("/var/lib/event-router/journal.db"), CONFIG)]
    seen["uninstalled_again"] = service("uninstall")


def main() -> None:
    """All steps; an exception is written down too."""
    try:
        install()
        start()
        use()
        restart()
        drop_ins()
        seen["kill"], seen["hang"] = hurt("KILL"), hurt("STOP")
        stop()
        mistaken()
        taken()
        unsocketed()
        uninstall()
    except Exception as error:  # the host asserts that there was none
        seen["error"] = repr(error)
    seen["journal"] = run("journalctl", "-u", "router", "-u", "router.socket", "--no-pager", "-n", "400")
    (OUT / "seen.json").write_text(json.dumps(seen, indent=1))
    os.sync()
    run("systemctl", "poweroff", "--force")


if __name__ == "__main__":
    sys.exit(main())
