"""The corpus of tests/helpers/hostile.py against a whole daemon: it answers, it stays, it keeps nothing, and it says so in one line each."""

import asyncio
from pathlib import Path

from tests.helpers.hostile import CORPUS, HEALTHY, Hostile
from tests.helpers.house import House, free_port
from tests.helpers.wire import Client
from tests.integration.web.test_bad_requests import check, heard

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
  echo: {{code: ./code, handler: app.echo, triggers: [{{http: ANY /echo}}, {{http: "GET /pets/{{proxy+}}"}}]}}
"""
CODE = """
def echo(event, context):
    return {"statusCode": 200, "body": event["rawPath"]}
"""
GROWTH = 48 * 1024  # KiB


class Door:
    """Where a client comes in."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def client(self) -> Client:
        """A new connection."""
        return await Client.open(self._port)


def resident(house: House) -> int:
    """The daemon's memory, KiB."""
    assert house.process is not None
    lines = Path(f"/proc/{house.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def attack(door: Door) -> None:
    """Everything once, eight at a time; a healthy client in between."""
    waiting = iter([attempt for attempts in CORPUS.values() for attempt in attempts])

    async def one() -> None:
        for attempt in waiting:
            check(attempt, await heard(door, attempt, [attempt.sent]))

    healthy = await door.client()
    try:
        async with asyncio.TaskGroup() as attackers:
            tasks = [attackers.create_task(one()) for _ in range(8)]
            while not all(task.done() for task in tasks):
                assert (await healthy.ask(HEALTHY)).status == 200
                await asyncio.sleep(0.01)
    finally:
        await healthy.close()


def test_bad_requests_leave_the_daemon_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(CODE)
    port = free_port()
    with House(tmp_path, CONFIG.format(port=port)) as house:
        house.start()
        assert house.until(lambda: house.answers() and house.get("/status")["ready"], 30)
        sound = Hostile(HEALTHY, (200,))
        asyncio.run(heard(Door(port), sound, [HEALTHY]))  # an environment starts, code is warmed up
        asyncio.run(attack(Door(port)))
        before = resident(house)
        asyncio.run(attack(Door(port)))
        assert resident(house) - before < GROWTH
        check(sound, asyncio.run(heard(Door(port), sound, [HEALTHY])))
        assert house.stop() == 0
        assert "Traceback" not in house.log.read_text()
