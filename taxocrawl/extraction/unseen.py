"""What stands in a page and is not for its readers: hidden text, scripts, consent banners."""

import re
from typing import Any

from lxml import etree

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|rem|%)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_STYLED = etree.XPath("//*[@style or @hidden]")
# An anti-flicker snippet hides these until its script has run; they hold the whole page.
_NEVER_HIDDEN = frozenset({"html", "body", "main"})
# JSON-LD stays for trafilatura's baseline, which reads articleBody. The rest is no text.
_UNREAD = etree.XPath(
    "//script[not(contains(@type, 'ld+json'))] | //style | //noscript | //template | //svg"
    " | //iframe | //comment() | //processing-instruction()"
)
_BANNER_NAMES = ("ookie", "onsent", "gdpr", "GDPR", "onetrust", "usercentrics", "didomi", "qc-cmp")
_BANNERS = etree.XPath(
    "//*[self::div or self::section or self::aside or self::dialog or self::form or self::footer]["
    + " or ".join(f"contains(@id, '{n}') or contains(@class, '{n}')" for n in _BANNER_NAMES)
    + "]"
)
# What a banner says; a recipe in a box named "cookies" does not.
_BANNER_WORDS = re.compile(
    r"cookie.{0,300}(?:accept|agree|consent|privacy|policy|settings|experience|akzept|zustimm|"
    r"einverstanden|datenschutz|accept|politique|confidential|acept|política|privacidad|accett|"
    r"informativa|aceitar|akkoord|toestemming|zgod|prywatno|соглас|принять|同意)|"
    r"(?:accept|agree|use|using|utilis|verwende|nutz|utiliza|utilizza|gebruik|używa|использу).{0,80}"
    r"cookie",
    re.IGNORECASE | re.DOTALL,
)
_BANNER_CHARS = 4_000


def drop_unseen(tree: Any) -> None:
    """Takes out all that no reader reads; what a program reads there must have been read before."""
    _drop_unread(tree)
    _drop_hidden(tree)
    _drop_banners(tree)


def _drop_hidden(tree: Any) -> None:
    """Takes out what readers never see (C14): hidden elements, text in its background's colour."""
    for element in _STYLED(tree):
        if element.tag in _NEVER_HIDDEN or element.getparent() is None:
            continue
        style = element.get("style") or ""
        if (
            element.get("hidden") is not None
            or _HIDDEN_STYLE.search(style)
            or _is_camouflaged(style)
        ):
            element.drop_tree()


def _is_camouflaged(style: str) -> bool:
    colour = _COLOUR.search(style)
    background = _BACKGROUND.search(style) if colour else None
    return bool(
        colour and background and colour[1].strip().lower() == background[1].strip().lower()
    )


def _drop_unread(tree: Any) -> None:
    for node in _UNREAD(tree):
        if node.getparent() is not None:
            node.drop_tree()


def _drop_banners(tree: Any) -> None:
    """C23: a consent banner over a page is no part of it; one that is all of it stays."""
    banners = _BANNERS(tree)
    if not banners:
        return
    room = len(tree.text_content()) // 2
    for element in banners:
        text = element.text_content()
        if len(text) <= min(room, _BANNER_CHARS) and _BANNER_WORDS.search(text):
            if element.getparent() is not None:
                element.drop_tree()
            room -= len(text)
