"""Text of a tree as a reader sees it, by block."""

from typing import Any

BLOCKS = frozenset(
    """address article aside blockquote body br button caption center dd details dialog div dl dt
    fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr
    html iframe label legend li main menu nav ol option p pre section summary table tbody td
    textarea tfoot th thead tr ul""".split()  # noqa: SIM905
)
UNREAD = frozenset(
    """script style noscript template svg math select datalist object embed canvas audio video map
    head title iframe frame textarea""".split()  # noqa: SIM905
)


def visible_text(tree: Any) -> str:
    """Text outside scripts, styles, forms' choices and the like; one line a block element."""
    pieces: list[str] = []
    _collect(tree, pieces)
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)


def _collect(tree: Any, pieces: list[str]) -> None:
    # A walk of events, not of recursion: pages nest 2,000 deep (C08).
    from lxml import etree

    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if tag in UNREAD or not isinstance(tag, str):
                walk.skip_subtree()
                continue
            if tag in BLOCKS:
                pieces.append("\n")
            if element.text:
                pieces.append(_flat(element.text) if tag != "pre" else element.text)
        else:
            if tag in BLOCKS:
                pieces.append("\n")
            if element.tail:
                pieces.append(_flat(element.tail))


def _flat(text: str) -> str:
    return text.replace("\n", " ")
