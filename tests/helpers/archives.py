"""Archives as builds make them, and as nobody should."""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

LINK = stat.S_IFLNK | 0o777
PIPE = stat.S_IFIFO | 0o644
DEVICE = stat.S_IFCHR | 0o644
PROGRAM = stat.S_IFREG | 0o755


def packed(path: Path, files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> Path:
    """A .zip with these entries, in order; *modes*: of some of them, type included."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            info.filename = name  # ZipInfo would cut it at a NUL
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path
