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
from taxocrawl.extraction.structure import structure
from taxocrawl.extraction.structured import json_ld_facts, meta_facts
from taxocrawl.extraction.unseen import drop_unseen
from taxocrawl.protocols import Extractor, ParsedPage
from taxocrawl.records import Extract, Page, StatusHint
from taxocrawl.settings import Settings

_TEMPLATE = re.compile(r"\{\{[^{}]{0,500}\}\}")


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
    hints = signs.of_tree(page, tree)
    facts = json_ld_facts(markup.json_ld()) + meta_facts(markup.metas)
    built_of = structure(tree, html, markup.json_ld())
    noscript = _noscript_text(tree)
    frame_urls, refresh_url = markup.frames(), markup.refresh()
    drop_unseen(tree)
    title, description, headings = markup.title(), markup.description(), markup.headings()
    alt_texts, image_urls = markup.images()
    links = markup.links()
    parsed = ParsedPage(url=page.url, html=html, tree=tree)
    spoken = climb(parsed, ladder, settings.min_words)
    if spoken.words < settings.min_words:
        spoken = _last_resort(spoken, tree, decoded.text, noscript, settings)
    text = _clean_lines(spoken.text)
    text_words = words.count(text[: settings.text_chars])
    if text_words < signs.FEW_WORDS:
        hints += signs.of_markup(html)
    if len(text) > settings.text_chars:
        text = text[: settings.text_chars]
        cuts += ("text_cut",)
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
        text_words=text_words,
        language=language,
        status_hints=hints,
        robots_meta=_robots(page, markup),
        refresh_url=refresh_url,
        frame_urls=frame_urls,
        charset=decoded.charset,
        body_sha256=_sha256(page),
        extractor=spoken.extractor,
        fetched_at=page.fetched_at,
        notes=(*page.notes, *decoded.notes, *cuts, *spoken.notes, *_mixed(mixed)),
        structure=built_of,
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
        notes=(*page.notes, *decoded.notes, *_mixed(mixed)),
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


def _last_resort(spoken: Spoken, tree: Any, html: str, noscript: str, settings: Settings) -> Spoken:
    """What a page says below the parser's depth, or to readers without scripts."""
    if _is_too_deep(tree):
        text = stripped_text(html)
        found = words.count(text)
        if found > spoken.words:
            spoken = Spoken(text=text, extractor="stripped", words=found)
    found = words.count(noscript)
    if found >= settings.min_words > spoken.words:  # C12: all that is left to read
        spoken = Spoken(text=noscript, extractor="noscript", words=found)
    return spoken


def _noscript_text(tree: Any) -> str:
    """Text of noscript elements, without tracking pixels' markup and "enable JavaScript"."""
    texts = (t for t in signs.noscript_texts(tree) if "<" not in t)
    return "\n".join(t for t in texts if t and not signs.ASKS_FOR_JAVASCRIPT.search(t))


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


def _mixed(mixed: bool) -> tuple[str, ...]:
    return ("mixed_language",) if mixed else ()


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
