"""The address that clients of an old botocore get."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

URL = "http://127.0.0.1:4566"
SESSION = """
class Session:
    def create_client(self, service_name, region_name=None, api_version=None, use_ssl=True, verify=None, endpoint_url=None):
        return endpoint_url
"""
PROGRAM = """
import json, sys
from router.runtime.sdk_endpoint import Finder
sys.meta_path.insert(0, Finder(sys.argv[1]))
sys.path.insert(0, sys.argv[2])
import json.tool
import botocore.session
made = botocore.session.Session()
print(json.dumps([
    made.create_client("s3"), made.create_client("s3", endpoint_url=None), made.create_client("s3", endpoint_url="http://own"),
    made.create_client("s3", "eu-west-1", None, True, None, "http://own"), any(isinstance(one, Finder) for one in sys.meta_path),
    botocore.session.__file__, botocore.session.__spec__.loader.get_filename("botocore.session"),
]))
"""


def told(directory: Path, version: str) -> Any:
    """What clients of a botocore of that version call, in a process of their own."""
    (directory / "botocore").mkdir()
    (directory / "botocore/__init__.py").write_text(f"__version__ = {version!r}\n")
    (directory / "botocore/session.py").write_text(SESSION)
    command = [sys.executable, "-B", "-c", PROGRAM, URL, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    *found, there, file, same = json.loads(done.stdout)
    assert (there, file, same) == (False, str(directory / "botocore/session.py"), file)
    return found


@pytest.mark.parametrize("version", ["1.30.9", "1.12.250", "0.109.0"])
def test_of_one_that_does_not_know_the_variable(tmp_path: Path, version: str) -> None:
    assert told(tmp_path, version) == [URL, URL, "http://own", "http://own"]


@pytest.mark.parametrize("version", ["1.31.0", "1.44.8", "2.0.0dev1", "", "x"])
def test_others_read_it_themselves(tmp_path: Path, version: str) -> None:
    assert told(tmp_path, version) == [None, None, "http://own", "http://own"]
