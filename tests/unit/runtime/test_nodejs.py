"""What a Node.js worker is started with, and its first frames."""

import json
from importlib.resources import files

from router.runtime import Resolved, frames
from router.runtime.frames import Frame
from router.runtime.nodejs import BOOTSTRAP, argv
from router.runtime.starting import Starting

NODE = Resolved("nodejs", "nodejs", "nodejs20.x", "", "/usr/bin/node", "20.11.1")


def test_the_heap_is_bounded_by_the_functions_memory() -> None:
    assert argv(NODE, 256, "abc") == ["/usr/bin/node", "--max-old-space-size=230", "--max-http-header-size=81920", str(BOOTSTRAP), "abc"]


def test_the_bootstrap_is_part_of_the_package() -> None:
    assert BOOTSTRAP.is_file()
    assert (files("router.runtime") / "node_bootstrap" / "main.cjs").is_file()


def test_ready_is_said_once_and_names_what_exec_took_back() -> None:
    seen: list[Frame] = []
    starting = Starting(seen.append, ("dumpable",))
    starting(Frame(frames.READY, b'["oom_score"]', b"", 9))
    assert seen == []
    starting(Frame(frames.READY, b"[]", b"", 41_000))
    starting(Frame(frames.RESULT, b"", b"1", 41_001))
    assert (json.loads(seen[0].meta), seen[0].memory) == (["dumpable", "oom_score"], 41_000)
    assert seen[1] == Frame(frames.RESULT, b"", b"1", 41_001)


def test_why_there_is_no_program_is_passed_on() -> None:
    seen: list[Frame] = []
    Starting(seen.append, ("dumpable",))(Frame(frames.NO_PROGRAM, b"Runtime.InvalidEntrypoint", b"gone"))
    assert [frame.kind for frame in seen] == [frames.NO_PROGRAM]
