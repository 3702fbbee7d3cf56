"""Code that changes while the daemon serves it."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.helpers.archives import packed
from tests.helpers.steady import steady
from tests.integration.daemon_rig import Serving

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
APP = """
import time
from part import SAYS
assert SAYS == {says!r}, "half of one tree and half of another"
def handler(event, context):
    import late
    assert late.SAYS == SAYS, "a lazy import found another tree"
    return {{"statusCode": 200, "body": SAYS}}
"""
FUNCTIONS = "f: {code: CODE, handler: app.handler, triggers: [{http: GET /f}]}"


def write(code: Path, says: str) -> None:
    """A tree whose files must all be of one version; files of a version that is being written come one after another."""
    code.mkdir(exist_ok=True)
    (code / "late.py").write_text(f"SAYS = {says!r}\n")
    (code / "part.py").write_text(f"SAYS = {says!r}\n")
    (code / "app.py").write_text(APP.format(says=says))


def swing(house: Serving, says: str) -> None:
    """The link `current` to a fresh release."""
    release = house.directory / f"release-{says}"
    write(release, says)
    (house.directory / "next").symlink_to(release.name)
    (house.directory / "next").replace(house.directory / "current")


def exchange(house: Serving, says: str) -> None:
    """Move the directory away and another into its place."""
    write(house.directory / "fresh", says)
    if (house.directory / "place").exists():
        (house.directory / "place").rename(house.directory / f"old-{says}")
    (house.directory / "fresh").rename(house.directory / "place")


def pack(house: Serving, says: str) -> None:
    """A .zip, renamed into place."""
    files = {"late.py": f"SAYS = {says!r}", "part.py": f"SAYS = {says!r}", "app.py": APP.format(says=says)}
    packed(house.directory / "fresh.zip", files).replace(house.directory / "code.zip")


def edit(house: Serving, says: str) -> None:
    """File by file, in place."""
    write(house.directory / "tree", says)


WAYS = {"current": swing, "place": exchange, "code.zip": pack, "tree": edit}


@pytest.mark.parametrize("code", WAYS)
def test_new_code_serves_as_soon_as_it_is_whole(tmp_path: Path, code: str) -> None:
    with Serving(tmp_path, FUNCTIONS.replace("CODE", f"./{code}")) as house:
        WAYS[code](house, "one")
        house.up()
        assert house.ask("GET", "/f").body == b"one"
        for says in (b"two", b"three"):
            WAYS[code](house, says.decode())
            assert house.until(lambda says=says: house.ask("GET", "/f").body == says, 10), house.said()  # type: ignore[misc]
        assert house.stop() == 0
        assert '"event":"code_refused"' not in house.log.read_text()


def test_code_of_a_function_that_a_reload_brought_is_watched_too(tmp_path: Path) -> None:
    with Serving(tmp_path, FUNCTIONS.replace("CODE", "./tree")) as house:
        edit(house, "one")
        house.up()
        write(house.directory / "new", "one")
        house.configure(
            FUNCTIONS.replace("CODE", "./tree") + "\n" + FUNCTIONS.replace("CODE", "./new").replace("f:", "g:", 1).replace("/f", "/g")
        )
        assert house.cli("reload").returncode == 0
        assert house.ask("GET", "/g").body == b"one"
        assert house.until(lambda: house.log.read_text().count("config_reloaded") == 1, 5)
        time.sleep(1.0)  # it is watched as soon as hints are at rest
        write(house.directory / "new", "two")
        assert house.until(lambda: house.ask("GET", "/g").body == b"two", 15)
        assert house.stop() == 0


def test_code_that_cannot_start_leaves_the_old_in_force(tmp_path: Path) -> None:
    with Serving(tmp_path, FUNCTIONS.replace("CODE", "./tree")) as house:
        edit(house, "one")
        house.up()
        assert house.ask("GET", "/f").body == b"one"
        for text, told in (
            ("def handler(:\n", "Runtime.UserCodeSyntaxError"),
            ("raise KeyError('no database')\n", "KeyError"),
            (None, "app.py does not exist"),
        ):
            if text is None:
                (house.directory / "tree/app.py").unlink()
            else:
                (house.directory / "tree/app.py").write_text(text)
            assert house.until(
                lambda told=told: told in "".join(line for line in house.log.read_text().splitlines() if "code_refused" in line), 10
            )  # type: ignore[misc]
            assert house.ask("GET", "/f").body == b"one"
        assert "! f: its changed code is not taken, the old is in force: " in house.cli("ps").stderr
        edit(house, "two")
        assert house.until(lambda: house.ask("GET", "/f").body == b"two", 10), house.said()
        assert house.get("/status")["code_refused"] == {}
        assert house.stop() == 0


async def test_code_that_changes_under_load_fails_nothing_and_is_never_half(tmp_path: Path) -> None:
    with Serving(tmp_path, FUNCTIONS.replace("CODE", "./tree")) as house:
        edit(house, "v0")
        house.up()
        async with steady(house.http, "/f", rate=200) as seen:
            for number in range(1, 3 + 6 * (ROUNDS - 1)):
                for name in ("late", "part", "app"):  # somebody copies, and takes his time
                    source = tmp_path / "source"
                    write(source, f"v{number}")
                    shutil.copyfile(source / f"{name}.py", house.directory / f"tree/{name}.py")
                    await asyncio.sleep(0.1)
                body = f"v{number}".encode()
                reached = await asyncio.to_thread(house.until, lambda body=body: house.ask("GET", "/f").body == body, 15)
                assert reached, house.said()
        said = house.said()
        assert house.stop() == 0
    assert seen.broken == [], said
    assert set(seen.statuses) == {200}, (seen, said)
