"""HTML made safe to parse: caps on tags, nodes and depth, before libxml2 sees a byte.

libxml2 compares every attribute of a tag with every other (30,000 of them take 5 s, inside C, out
of reach of any deadline but a kill), and stops reading at a depth of 2,048.
"""

import html as entities
import re

TAG_CHARS = 64 * 1024
# Beyond a long tag, one of very many attributes costs as much: 7,000 take 0.1 s.
MAX_ATTRIBUTES = 1_000
MAX_NODES = 200_000
PARSER_DEPTH = 2_000

_TAG_START = re.compile(r"<[a-zA-Z]")
# One pass over comments, raw-text elements and tags. Every branch consumes what it has looked at,
# also when it is never closed, so the time is linear.
_MARKUP = re.compile(
    r"<!--(?:.*?)(?:-->|\Z)"
    r"|<(script|style|textarea|title)\b(?:.*?)(?:</\1|\Z)"
    r"|<([a-zA-Z][a-zA-Z0-9:-]{0,40})(?:[^>\"']++|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+",
    re.DOTALL | re.IGNORECASE,
)
_INLINE_DATA = re.compile(r"(data:[\w/+.;=-]{0,80};base64,)[A-Za-z0-9+/=%\s]{200,}+")

_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|noscript|template|svg|head|textarea|select)\b.*?(?:</\1\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK_END = re.compile(r"</?(?:p|div|li|tr|br|h[1-6]|table|ul|section|td)\b[^>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^>]*>?")


def capped(html: str) -> tuple[str, tuple[str, ...]]:
    """The page within the caps, and notes on what was cut."""
    if len(html) <= TAG_CHARS:  # too short for any of the caps to bite
        return html, ()
    notes = []
    html = _INLINE_DATA.sub(r"\1", html)
    html, emptied = _without_huge_tags(html)
    if emptied:
        notes.append("tag_cut")
    if html.count("<") > MAX_NODES:
        end = _offset_of_node(html, MAX_NODES)
        if end < len(html):
            html = html[:end]
            notes.append("nodes_cut")
    return html, tuple(notes)


def stripped_text(html: str) -> str:
    """Text of a page that is too deep to parse, by regular expressions; one line a block."""
    text = _BLOCK_END.sub("\n", _UNREAD.sub(" ", html))
    lines = (
        " ".join(line.split()) for line in entities.unescape(_ANY_TAG.sub("", text)).split("\n")
    )
    return "\n".join(line for line in lines if line)


def _without_huge_tags(html: str) -> tuple[str, bool]:
    """C09: a tag over the cap keeps its name and loses its attributes; the page goes on."""
    parts, end = [], 0
    for match in _MARKUP.finditer(html):
        if match[2] and _is_huge(match[0]):
            parts += [html[end : match.start()], f"<{match[2]}"]
            end = match.end()
    if not parts:
        return html, False
    return "".join((*parts, html[end:])), True


def _is_huge(tag: str) -> bool:
    if len(tag) <= 2 * MAX_ATTRIBUTES:
        return False
    return len(tag) > TAG_CHARS or len(tag.split(maxsplit=MAX_ATTRIBUTES)) > MAX_ATTRIBUTES


def _offset_of_node(html: str, number: int) -> int:
    for position, match in enumerate(_TAG_START.finditer(html)):
        if position == number:
            return match.start()
    return len(html)
