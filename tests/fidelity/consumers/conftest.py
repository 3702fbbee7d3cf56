"""The daemon that all framework tests share, and what they skip for."""

import functools
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.fidelity.consumers.site import NODE, NODE_APPS, PYTHON, Site
from tests.fidelity.consumers.table import APPS, FACES

OLDEST = 20  # what the apps' packages need
NO_NODE = "node 20 or later is missing: apt-get install nodejs npm"
NO_MODULES = "the node consumers are missing: npm ci --prefix tests/fidelity/consumers/node"


@functools.cache
def node_version() -> int:
    """The major version; 0 without node."""
    if shutil.which("node") is None:
        return 0
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    return int(said.removeprefix("v").partition(".")[0])


def need_node() -> None:
    """Skip where node or its packages are missing, with the line that installs them."""
    if node_version() < OLDEST:
        pytest.skip(NO_NODE)
    if not (NODE / "node_modules").is_dir():
        pytest.skip(NO_MODULES)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Every app behind every face, in one daemon; without node none that needs it, as the config would be refused."""
    apps = [app for app in (*APPS, *PYTHON, "middy") if app not in NODE_APPS or node_version() >= OLDEST]
    with Site(tmp_path_factory.mktemp("site"), faces=FACES, apps=apps) as site:
        site.up()
        yield site
        site.stop()
