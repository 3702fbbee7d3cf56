"""What of a directory's names are objects."""

import os
from pathlib import Path

from router.buckets.tree import examined


def test_only_files_are_objects(tmp_path: Path) -> None:
    (tmp_path / "a/directory").mkdir(parents=True)
    (tmp_path / "a/file").write_bytes(b"content")
    (tmp_path / "a/link").symlink_to("file")
    os.mkfifo(tmp_path / "a/pipe")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    found = examined(root, [b"a/directory", b"a/file", b"a/gone", b"a/link", b"a/pipe", b"b/file"])
    os.close(root)
    assert {key: seen.size for key, seen in found.items()} == {"a/file": 7}
