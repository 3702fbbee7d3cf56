"""XML in: the bodies of requests, from strangers. Pure.

No document type, no entity of one's own, no processing instruction; bounded in depth and in elements. Namespaces are not
looked at: clients send S3's, none, or another one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from router.api.aws.s3.errors import S3Error

DEPTH: Final = 16
ELEMENTS: Final = 100_000  # of completing 10,000 parts with all their checksums, and half as many again
LARGEST: Final = 4 * 1024 * 1024  # bytes of a document


@dataclass(slots=True)
class Node:
    """An element: its name without a namespace, its text, its children."""

    name: str
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def find(self, name: str) -> "Node | None":
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> Iterator["Node"]:
        """All children of this name."""
        return (child for child in self.children if child.name == name)

    def value(self, name: str) -> str:
        """The text of the first child of this name; "" where there is none."""
        found = self.find(name)
        return found.text if found is not None else ""

    def only(self, *names: str) -> "Node":
        """Itself, when its children have no other names than these. Raises S3Error."""
        if strange := next((child for child in self.children if child.name not in names), None):
            raise S3Error("MalformedXML", ElementName=strange.name[:100])
        return self


def parsed(body: bytes, root: str) -> Node:
    """The document whose root is called *root*. Raises S3Error: MalformedXML."""
    if not body or len(body) > LARGEST:
        raise S3Error("MalformedXML")
    builder = _Builder()
    try:
        builder.parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError, AttributeError) as error:
        raise S3Error("MalformedXML") from error
    if builder.root is None or builder.root.name != root:
        raise S3Error("MalformedXML")
    return builder.root


class _Builder:
    """Makes nodes of what expat reports."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._count = 0
        self.parser = expat.ParserCreate("UTF-8", "|")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ProcessingInstructionHandler = self._refuse

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS or len(self._open) >= DEPTH:
            raise ValueError("too large")
        node = Node(name.rpartition("|")[2])
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, _: str) -> None:
        node, texts = self._open.pop(), self._texts.pop()
        node.text = "".join(texts) if not node.children else ""

    def _text(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(data)

    def _refuse(self, *_: object) -> NoReturn:
        raise ValueError("a document type, an entity or an instruction")
