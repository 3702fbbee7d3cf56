"""Titles of processes: read back from a process that gives itself some."""

import subprocess
import sys

import pytest

from tests.helpers.house import ROOT

PROGRAM = """
import os, sys
from router.runtime import titles
if "lie" in sys.argv: sys.orig_argv[-1] += "."
for name, about in (("fn:a-function-of-a-long-name", ""), ("router-guard", "/var/lib/x"), ("é" * 9, "")):
    titles.set_title(name, about)
    if os.fork() == 0:
        print(repr((open("/proc/self/comm", "rb").read().rstrip(b"\\n"), open("/proc/self/cmdline", "rb").read().rstrip(b"\\0"))), flush=True)
        os._exit(0)
    os.wait()
titles.set_title("x" * 5000, "y")
shown = open("/proc/self/cmdline", "rb").read()
print(repr((len(shown.rstrip(b"\\0")) - len(b"\\0".join(map(os.fsencode, sys.orig_argv))), set(shown.rstrip(b"\\0")) == {120})))
"""


def shown(*arguments: str) -> list[tuple[bytes, bytes]]:
    """Name and arguments of a process, and of forks of it, for each title."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return [eval(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("argument", ["--a-few-words", "ünïcode", "", "\udcff"])
def test_the_whole_title_stands_where_the_arguments_were_and_never_beyond_them(argument: str) -> None:
    *titles, longest = shown(argument)
    assert titles == [
        (b"fn:a-function-o", b"fn:a-function-of-a-long-name"),
        (b"router-guard", b"router-guard /var/lib/x"),
        (("é" * 9).encode()[:15], ("é" * 9).encode()),
    ]
    assert longest == (0, True)


def test_arguments_that_are_not_where_they_were_given_are_left_alone() -> None:
    name, arguments = shown("lie")[0]
    assert name == b"fn:a-function-o"
    assert arguments.endswith(b"\0lie")
