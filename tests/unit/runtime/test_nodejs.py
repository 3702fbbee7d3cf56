"""What a Node.js worker is started with, and its first frames."""

from importlib.resources import files

from router.runtime import Resolved
from router.runtime.nodejs import BOOTSTRAP, argv

NODE = Resolved("nodejs", "nodejs", "nodejs20.x", "", "/usr/bin/node", "20.11.1")


def test_the_heap_is_bounded_by_the_functions_memory() -> None:
    assert argv(NODE, 256, "abc") == ["/usr/bin/node", "--max-old-space-size=230", "--max-http-header-size=81920", str(BOOTSTRAP), "abc"]


def test_the_bootstrap_is_part_of_the_package() -> None:
    assert BOOTSTRAP.is_file()
    assert (files("router.runtime") / "node_bootstrap" / "main.cjs").is_file()
