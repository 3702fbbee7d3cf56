"""Text in the XML of answers: whatever it holds, parsers take the document. Pure.

XML 1.0 has no character for most controls, halves of surrogate pairs and U+FFFE, U+FFFF, not as references either: U+FFFD stands for them."""

import re
from typing import Final
from xml.sax.saxutils import escape

_UNSPEAKABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def said(text: str) -> str:
    """As text of an element; a line break stays the one it is."""
    return escape(_UNSPEAKABLE.sub("\ufffd", text)).replace("\r", "&#13;")
