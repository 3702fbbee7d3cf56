"""What is read of a template: a file, or the stacks of a cloud assembly, the directory that `cdk synth` writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from router.errors import ConfigError

if TYPE_CHECKING:
    from router.templates.assembly import Stack
    from router.templates.document import Document

_LARGEST: Final = 64 * 1024 * 1024  # bytes of a manifest
_NESTED: Final = 8  # templates within one another
_MARK: Final = "cdk.out"  # a file in each assembly's directory, whatever that is called


@dataclass(frozen=True, slots=True)
class Source:
    """A template, and what its assembly says of it; "" where that says nothing."""

    document: "Document"
    stack: str = ""
    account: str = ""
    region: str = ""


def directory(template: Path) -> Path:
    """What the template's paths are relative to."""
    path = template.absolute()
    return path if path.is_dir() else path.parent


def home(template: Path) -> Path:
    """Where data and state belong: beside the template, or in the project, as `sam build` and `cdk synth` clear what they have built."""
    found = directory(template)
    if (found.parent.name, found.name) == (".aws-sam", "build"):
        return found.parents[1]
    while (found / _MARK).is_file() and found != found.parent:
        found = found.parent
    return found


def source(template: Path, wanted: Sequence[str]) -> Source:
    """Read it; *wanted*: names of an assembly's stacks, none for all. Raises ConfigError, TemplateError."""
    from router.templates import assembly  # noqa: PLC0415 - imports YAML, only when there is a template
    from router.templates.words import TemplateError  # noqa: PLC0415 - as above

    base = directory(template)
    if base != template.absolute():
        if wanted:
            raise TemplateError("--stack chooses among the stacks of a directory that cdk synth has written; this is one template")
        return _alone(template, base)
    if not (base / assembly.MANIFEST).is_file():
        hint = f"; {template / _MARK} may be meant" if (base / _MARK).is_dir() else ""
        raise ConfigError((f"{template} is neither a template nor a directory that cdk synth has written{hint}",))
    manifest = text_of(base / assembly.MANIFEST, _LARGEST)
    stacks = assembly.chosen(assembly.stacks(manifest), wanted)
    read = [(stack, _whole(base / stack.file)) for stack in stacks]
    found = assembly.joined(read)
    return _described(found, stacks)


def _alone(template: Path, base: Path) -> Source:
    """One file, which may be that of an assembly's stack."""
    from router.templates import assembly  # noqa: PLC0415 - as above

    found = _whole(template)
    if not (base / _MARK).is_file():
        return Source(found)
    stacks = assembly.stacks(text_of(base / assembly.MANIFEST, _LARGEST))
    return _described(found, tuple(stack for stack in stacks if stack.file == template.name))


def _whole(path: Path, above: tuple[Path, ...] = ()) -> "Document":
    """A template with the nested stacks in it whose templates lie beside it. Raises ConfigError, TemplateError."""
    from router.templates import document, nested  # noqa: PLC0415 - as above
    from router.templates.words import TemplateError  # noqa: PLC0415 - as above

    if path.resolve() in above or len(above) >= _NESTED:
        raise TemplateError(f"{path.name}: nested stacks lead over more than {_NESTED} templates, or to themselves")
    found = document.parse(text_of(path, document.LARGEST))
    children = {}
    for name, where in nested.places(found.value).items():
        relative = PurePosixPath(where).parent
        try:
            child = _whole(path.parent / where, (*above, path.resolve()))
        except TemplateError as error:
            raise TemplateError(*(f"{where}: {problem}" for problem in error.problems)) from None
        children[name] = nested.Child("" if relative == PurePosixPath() else str(relative), child)
    return nested.inlined(found, children)


def _described(found: "Document", stacks: Sequence["Stack"]) -> Source:
    account, region = (next(filter(None, parts), "") for parts in ((s.account for s in stacks), (s.region for s in stacks)))
    return Source(found, stacks[0].name if len(stacks) == 1 else "", account, region)


def text_of(path: Path, largest: int) -> str:
    """What a file says, of *largest* bytes or a little more. Raises ConfigError."""
    from router.config import files  # noqa: PLC0415 - as above

    try:
        content = files.content(path, largest + 1)
    except files.NotRegular:
        raise ConfigError((f"{path} is not a regular file",)) from None
    except (OSError, ValueError) as error:
        raise ConfigError((f"{path}: {getattr(error, 'strerror', None) or 'not a path'}",)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError((f"{path.name}: not UTF-8 text",)) from None
