"""Page to Extract: one parse, from which everything is read."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import lxml.html
from lxml import etree

from taxocrawl import words
from taxocrawl.extraction import language as languages
from taxocrawl.extraction import signs
from taxocrawl.extraction.caps import PARSER_DEPTH, capped, stripped_text
from taxocrawl.extraction.decoding import Decoded, decode, storable
from taxocrawl.extraction.ladder import Spoken, climb
from taxocrawl.extraction.markup import Markup
from taxocrawl.extraction.structured import json_ld_facts, meta_facts, tidy
from taxocrawl.protocols import Extractor, ParsedPage
from taxocrawl.records import Extract, Page, StatusHint
from taxocrawl.settings import Settings

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|rem|%)?\s*(?:;|!|$)",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{[^{}]{0,500}\}\}")
_STYLED = etree.XPath("//*[@style or @hidden]")
# An anti-flicker snippet hides these until its script has run; they hold the whole page.
_NEVER_HIDDEN = frozenset({"html", "body", "main"})
# JSON-LD stays for trafilatura's baseline, which reads articleBody. The rest is no text.
_UNREAD = etree.XPath(
    "//script[not(contains(@type, 'ld+json'))] | //style | //noscript | //template | //svg"
    " | //comment() | //processing-instruction()"
)


def extract(page: Page, *, ladder: Sequence[tuple[str, Extractor]], settings: Settings) -> Extract:
    """What the page says. `ladder` are the named rungs in the order in which they are asked.

    Never raises for hostile bytes that the caps know; MemoryError and a plugin's rung may.
    """
    decoded = decode(page.body, page.header("content-type"))
    if decoded.kind == "other":
        hint = StatusHint(kind="not_html", detail=decoded.detail, rule="sniffed")
        return _bare(page, decoded, hints=(hint,))
    if decoded.kind == "text":
        return _plain(page, decoded, settings)
    html, cuts = capped(decoded.text)
    tree = _parse(html)
    if tree is None:
        return _bare(page, decoded, notes=cuts)
    return _read(page, decoded, html, tree, cuts, ladder, settings)


def _read(
    page: Page,
    decoded: Decoded,
    html: str,
    tree: Any,
    cuts: tuple[str, ...],
    ladder: Sequence[tuple[str, Extractor]],
    settings: Settings,
) -> Extract:
    markup = Markup(tree, page.url, url_chars=settings.url_chars)
    hints = signs.of_page(page, tree, html)
    facts = json_ld_facts(markup.json_ld()) + meta_facts(markup.metas)
    noscript = _noscript_text(tree)
    _drop_hidden(tree)
    title, description, headings = markup.title(), markup.description(), markup.headings()
    alt_texts, image_urls = markup.images()
    links, frame_urls, refresh_url = markup.links(), markup.frames(), markup.refresh()
    _drop_unread(tree)
    parsed = ParsedPage(url=page.url, html=html, tree=tree)
    spoken = _main_text(parsed, ladder, noscript, settings)
    text = _clean_lines(spoken.text)[: settings.text_chars]
    language, mixed = languages.detect_page(
        text, (title, description, *headings), declared=tree.get("lang") or ""
    )
    return Extract(
        url=page.url,
        title=title,
        description=description,
        keywords=markup.meta("keywords", "news_keywords"),
        site_name=markup.meta("og:site_name", "application-name"),
        headings=headings,
        links=links,
        alt_texts=alt_texts,
        image_urls=image_urls,
        facts=facts,
        text=text,
        text_words=words.count(text),
        language=language,
        status_hints=hints,
        robots_meta=_robots(page, markup),
        refresh_url=refresh_url,
        frame_urls=frame_urls,
        charset=decoded.charset,
        body_sha256=_sha256(page),
        extractor=spoken.extractor,
        fetched_at=page.fetched_at,
        notes=(*page.notes, *decoded.notes, *cuts, *(("mixed_language",) if mixed else ())),
    )


def _plain(page: Page, decoded: Decoded, settings: Settings) -> Extract:
    """text/plain: lines for paragraphs, nothing else to read."""
    text = _clean_lines(decoded.text)[: settings.text_chars]
    language, mixed = languages.detect_page(text, (), declared="")
    return Extract(
        url=page.url,
        text=text,
        text_words=words.count(text),
        language=language,
        robots_meta=_robots(page, None),
        charset=decoded.charset,
        body_sha256=_sha256(page),
        extractor="plain" if text else "",
        fetched_at=page.fetched_at,
        notes=(*page.notes, *decoded.notes, *(("mixed_language",) if mixed else ())),
    )


def _bare(
    page: Page,
    decoded: Decoded,
    *,
    hints: tuple[StatusHint, ...] = (),
    notes: tuple[str, ...] = (),
) -> Extract:
    return Extract(
        url=page.url,
        status_hints=hints,
        robots_meta=_robots(page, None),
        charset=decoded.charset,
        body_sha256=_sha256(page),
        fetched_at=page.fetched_at,
        notes=(*page.notes, *decoded.notes, *notes),
    )


def _parse(html: str) -> Any:
    """The tree, or None for a page without an element.

    No entity is expanded and nothing is fetched (C07): libxml2's HTML parser knows no DTD.
    """
    # huge_tree raises the depth from 255, below which all text was lost, to 2,048 (C08).
    parser = lxml.html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        return lxml.html.document_fromstring(html.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError):
        return None


def _main_text(
    parsed: ParsedPage,
    ladder: Sequence[tuple[str, Extractor]],
    noscript: str,
    settings: Settings,
) -> Spoken:
    spoken = climb(parsed, ladder, settings.min_words)
    if spoken.words >= settings.min_words:
        return spoken
    if _is_too_deep(parsed.tree):
        text = stripped_text(parsed.html)
        found = words.count(text)
        if found > spoken.words:
            spoken = Spoken(text=text, extractor="stripped", words=found)
    found = words.count(noscript)
    if found >= settings.min_words > spoken.words:  # C12: all that is left to read
        spoken = Spoken(text=noscript, extractor="noscript", words=found)
    return spoken


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


def _noscript_text(tree: Any) -> str:
    """Text of noscript elements, without tracking pixels' markup and "enable JavaScript"."""
    texts = []
    for element in tree.iter("noscript"):
        text = tidy(" ".join(element.itertext()))
        if text and not signs.ASKS_FOR_JAVASCRIPT.search(text) and "<" not in text:
            texts.append(text)
    return "\n".join(texts)


def _clean_lines(text: str) -> str:
    """Lines without empty ones, double spaces, table frames and unfilled templates."""
    text = _TEMPLATE.sub(" ", storable(text)) if "{{" in text else storable(text)
    lines = (" ".join(line.split()).strip("|- ") for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _is_too_deep(tree: Any) -> bool:
    """True where the parser gave up at its depth, so that text below is missing."""
    depth = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth >= PARSER_DEPTH:
            return True
    return False


def _robots(page: Page, markup: Markup | None) -> tuple[str, ...]:
    """Words of meta robots and of X-Robots-Tag headers that are not for another agent."""
    found = list(markup.robots()) if markup else []
    for name, value in page.headers:
        if name == "x-robots-tag":
            agent, colon, rest = value.rpartition(":")
            if not colon or agent.strip().lower() in ("taxocrawl", "*"):
                found += [word.strip().lower() for word in rest.split(",")]
    return tuple(dict.fromkeys(word for word in found if word))


def _sha256(page: Page) -> str:
    return hashlib.sha256(page.body).hexdigest()
