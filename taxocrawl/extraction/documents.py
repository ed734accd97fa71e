"""Extract to Document: which words of a page a classifier sees, field by field.

Every door (crawl, file, archive, API, training) comes through here, so a page has the same fields
whichever way it came.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from taxocrawl import words
from taxocrawl.extraction import language as languages
from taxocrawl.records import Document, Extract, Fact, Fields, PageText

# Ends of the fields beside the body, in characters. A home page says what it is about in its first
# links; the thousandth is a foot note that only costs time.
LINK_TEXTS_CHARS = 4_000
ALT_TEXTS_CHARS = 2_000
HEADINGS_CHARS = 4_000
FACTS_CHARS = 2_000
KEYWORDS_CHARS = 400

# C14: a word that stands more often than one in twenty, and more than ten times, is stuffed in.
STUFFED_SHARE = 0.05
STUFFED_COUNT = 10
# Shorter words are the grammar of the language (the, und, para), which no encoder weighs.
STUFFED_LENGTH = 5

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_URL_NOISE = frozenset(
    {"www", "http", "https", "html", "htm", "php", "asp", "aspx", "jsp", "cgi", "index", "default"}
    | {"home", "en", "de", "fr", "es", "it", "pt", "nl", "ru", "com", "net", "org", "info", "biz"}
    | {"co", "uk"}
)
_FACT_NAMES = re.compile(
    r"(?:^|[.:])(?:@type|type|name|alternateName|headline|description|category|genre|keywords|about|"
    r"articleSection|section|tag|servesCuisine|brand|sport|industry|knowsAbout|recipeCategory|"
    r"recipeCuisine|occupationalCategory|applicationCategory|slogan)$"
)


def fields(extract: Extract) -> Fields:
    """What one page says, by field, each cut to a fixed length."""
    site_name = extract.site_name
    if site_name and site_name.casefold() not in extract.title.casefold():
        title = f"{extract.title} | {site_name}" if extract.title else site_name
    else:
        title = extract.title
    return Fields(
        title=title,
        description=_lines((extract.description, extract.keywords[:KEYWORDS_CHARS])),
        headings=_distinct(extract.headings, HEADINGS_CHARS),
        body=without_stuffing(extract.text),
        link_texts=_distinct((link.text for link in extract.links), LINK_TEXTS_CHARS),
        alt_texts=_distinct(extract.alt_texts, ALT_TEXTS_CHARS),
        facts=_facts(extract.facts),
        url_words=url_words(extract.url),
        language=extract.language,
    )


def document(domain: str, extracts: Sequence[Extract], *, id: str = "") -> Document:  # noqa: A002
    """A document of these pages, the home page first; `id` is the domain unless given."""
    return Document(
        id=id or domain,
        domain=domain,
        pages=tuple(PageText(url=extract.url, fields=fields(extract)) for extract in extracts),
        extracts=tuple(extracts),
        url=extracts[0].url if extracts else "",
    )


def from_text(
    id: str,  # noqa: A002
    *,
    text: str = "",
    title: str = "",
    description: str = "",
    headings: str = "",
    link_texts: str = "",
    alt_texts: str = "",
    facts: str = "",
    url: str = "",
    domain: str = "",
    language: str = "",
) -> Document:
    """A document of one page whose fields are known already: stored text, JSON Lines, a label.

    The language is detected unless given.
    """
    page = Fields(
        title=title,
        description=description,
        headings=headings,
        body=without_stuffing(text),
        link_texts=link_texts,
        alt_texts=alt_texts,
        facts=facts,
        url_words=url_words(url or domain),
        language=language or languages.detect(_lines((title, description, text))),
    )
    return Document(id=id, domain=domain, pages=(PageText(url=url, fields=page),), url=url)


def url_words(url: str) -> str:
    """Words of host and path, without scheme, suffixes and file endings; '' for no URL.

    >>> url_words("https://www.garden-tools.example/shop/rakeAndHoe.html?id=7")
    'garden tools example shop rake and hoe'
    """
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = parts.hostname or ""
    except ValueError:  # "http://[": not an address at all
        return ""
    labels = [_unicode_label(label) for label in host.split(".")]
    path = _CAMEL.sub(" ", unquote(parts.path, errors="ignore")[:300])
    found = words.words(f"{' '.join(labels)} {path}")
    return " ".join(word for word in found if word not in _URL_NOISE and not word.isdecimal())


def without_stuffing(text: str) -> str:
    """The text with a stuffed word (C14) cut back to its share; nearly always the same object."""
    if len(text) < STUFFED_COUNT * STUFFED_LENGTH:
        return text
    found = words.words(text)
    limit = max(STUFFED_COUNT, int(len(found) * STUFFED_SHARE))
    stuffed = {
        word
        for word, number in Counter(found).most_common(20)
        if number > limit and len(word) >= STUFFED_LENGTH
    }
    if not stuffed:
        return text
    seen: Counter[str] = Counter()
    parts, end = [], 0
    for (start, stop), word in zip(words.spans(text), found, strict=True):
        if word in stuffed:
            seen[word] += 1
            if seen[word] > limit:
                parts.append(text[end:start])
                end = stop
    return "".join((*parts, text[end:]))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label


def _facts(facts: Iterable[Fact]) -> str:
    """Values of the facts that say a topic; class names as words (`LocalBusiness`: two words)."""
    values = (
        _CAMEL.sub(" ", fact.value) if fact.name.endswith("type") else fact.value
        for fact in facts
        if _FACT_NAMES.search(fact.name)
    )
    return _distinct(values, FACTS_CHARS)


def _distinct(texts: Iterable[str], chars: int) -> str:
    """Texts that differ, one a line, up to a number of characters; the last is kept whole or not
    at all.
    """
    kept: dict[str, str] = {}
    room = chars
    for text in texts:
        key = text.casefold()
        if not text or key in kept:
            continue
        room -= len(text) + 1
        if room < 0:
            break
        kept[key] = text
    return "\n".join(kept.values())


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(text for text in texts if text)
