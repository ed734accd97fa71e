"""Named features of a page's shape: what tells a shop from a newspaper whatever they are about.

Features of the address and the texts exist for every page; those of links and markup only where
HTML was read, and are NaN for a text, which XGBoost sends down its own branch.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES, Document, Extract, Link

# Shape is plain after so many; a page of a thousand links would take a millisecond, and so would
# all letters of a long text.
MAX_LINKS: Final = 50
TEXT_CHARS: Final = 1_000
READ_CHARS: Final = (200, 300, 400, TEXT_CHARS, 500, 100, 100, 0)
"""Letters of each field, in the order of FIELD_NAMES, in which prices and dates are looked for."""

_PRICE = re.compile(
    r"[$€£¥₽₹₴₩]\s?\d|\d\s?(?:[€£₽₹₴₩]|(?:eur|usd|gbp|chf|pln|zł|kč|руб|円|元|lei|kr|tl)\b)"
)
_DATE = re.compile(
    r"\b(?:19|20)\d\d[-/.年]\s?\d{1,2}|\b\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d\b"
    r"|\b\d{1,2}\.? (?:jan|feb|mar|m[aä]r|apr|ma[iyj]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}\b"
)
_NUMBER = re.compile(r"\d+")
_CONTACT = re.compile(r"@[a-z]|\d[\d ()/.-]{8}")
_URL_DATE = re.compile(r"/(?:19|20)\d\d/\d\d?\b|/(?:19|20)\d\d[01]\d")
_WORD = re.compile(r"[a-z]+")


_HOSTS: Final = {
    "host_blog": frozenset(
        ["blog", "blogs", "wordpress", "blogspot", "livejournal", "tumblr", "medium"]
    ),
    "host_forum": frozenset(["forum", "forums", "community", "board", "boards", "discuss", "bbs"]),
    "host_shop": frozenset(
        ["shop", "store", "shops", "boutique", "market", "online", "buy", "tienda", "loja"]
    ),
    "host_news": frozenset(
        ["news", "times", "post", "daily", "herald", "tribune", "gazette", "journal", "press"]
    ),
    "host_reference": frozenset(
        ["wiki", "docs", "doc", "dev", "developer", "help", "support", "api", "data"]
    ),
    "host_government": frozenset(
        ["gov", "gob", "gouv", "govt", "mil", "go", "gc", "gob", "city", "state"]
    ),
    "host_education": frozenset(
        ["edu", "ac", "school", "university", "uni", "college", "academy", "k"]
    ),
    "host_org": frozenset(["org", "ngo", "foundation"]),
    "host_media": frozenset(
        ["video", "videos", "tv", "radio", "music", "photo", "photos", "game", "games", "play"]
    ),
}
_PATHS: Final = {
    "path_article": frozenset(
        ["article", "articles", "story", "stories", "artikel", "noticia", "articolo"]
    ),
    "path_news": frozenset(
        ["news", "nachrichten", "noticias", "actualites", "aktuelles", "nyheter"]
    ),
    "path_blog": frozenset(["blog", "post", "posts", "tag", "author", "archives"]),
    "path_forum": frozenset(
        [
            "forum",
            "forums",
            "thread",
            "threads",
            "topic",
            "viewtopic",
            "showthread",
            "t",
            "questions",
            "q",
        ]
    ),
    "path_product": frozenset(
        ["product", "products", "produkt", "produit", "item", "dp", "p", "sku", "prod"]
    ),
    "path_list": frozenset(
        [
            "category",
            "categories",
            "search",
            "list",
            "listing",
            "directory",
            "jobs",
            "job",
            "browse",
            "results",
            "c",
        ]
    ),
    "path_reference": frozenset(
        ["wiki", "docs", "doc", "manual", "reference", "help", "faq", "guide", "kb"]
    ),
    "path_person": frozenset(["user", "users", "profile", "people", "member", "members"]),
    "path_media": frozenset(
        ["video", "videos", "watch", "photo", "photos", "gallery", "game", "play", "lyrics"]
    ),
    "path_event": frozenset(["event", "events", "conference", "agenda", "program"]),
    "path_about": frozenset(
        ["about", "services", "contact", "company", "ueber", "uber", "about-us"]
    ),
}
_ADDRESS: Final = (
    *("is_home", "path_depth", "path_letters", "path_digits", "path_date", "path_hyphens"),
    *("has_query", "host_labels"),
    *_HOSTS,
    *_PATHS,
)
_TEXTS: Final = (
    *(f"letters_{name}" for name in FIELD_NAMES),
    *("prices", "dates", "questions", "exclamations", "numbers", "contacts", "lines"),
    *("words_a_line", "title_parts"),
)
_LINKS: Final = (
    *("links", "links_outside", "links_of_headline", "links_deep", "links_dated", "link_words"),
    *("link_sections", "headings", "text_words", "words_a_link"),
)
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "type_article": frozenset({"Article", "TechArticle", "ScholarlyArticle"}),
    "type_news": frozenset({"NewsArticle", "NewsMediaOrganization", "ReportageNewsArticle"}),
    "type_blog": frozenset({"BlogPosting", "Blog"}),
    "type_product": frozenset({"Product", "ProductGroup"}),
    "type_offer": frozenset({"Offer", "AggregateOffer", "OfferCatalog"}),
    "type_shop": frozenset({"Store", "OnlineStore"}),
    "type_organization": frozenset({"Organization", "Corporation", "Brand"}),
    "type_local": frozenset({"LocalBusiness", "ProfessionalService", "PostalAddress", "Dentist"}),
    "type_nonprofit": frozenset({"NGO", "DonateAction"}),
    "type_education": frozenset(
        {"EducationalOrganization", "CollegeOrUniversity", "School", "Course"}
    ),
    "type_government": frozenset({"GovernmentOrganization", "GovernmentService"}),
    "type_forum": frozenset({"DiscussionForumPosting", "QAPage", "Question", "Comment"}),
    "type_media": frozenset(
        {"VideoObject", "MusicRecording", "ImageGallery", "VideoGame", "Movie"}
    ),
    "type_tool": frozenset({"SoftwareApplication", "WebApplication", "MobileApplication"}),
    "type_list": frozenset({"ItemList", "CollectionPage", "SearchResultsPage", "JobPosting"}),
    "type_event": frozenset({"Event", "BusinessEvent", "Festival", "MusicEvent"}),
    "type_person": frozenset({"Person", "ProfilePage"}),
    "type_search": frozenset({"SearchAction"}),
    "type_crumbs": frozenset({"BreadcrumbList"}),
}
_OG_TYPES: Final = ("article", "website", "product", "blog", "profile", "video", "business")
_GENERATORS: Final = (
    *("wordpress", "woocommerce", "joomla", "drupal", "wix", "shopify", "squarespace"),
    *("mediawiki", "vbulletin", "discourse", "blogger", "typo3", "hugo"),
)
_BODY: Final = (
    *("home", "single", "archive", "page-template", "woocommerce", "category", "article"),
    *("product", "front", "node-type", "elementor"),
)


def feature_names(counts: Sequence[str]) -> tuple[str, ...]:
    """Names in order, given the counts of `Structure` that are used."""
    return (
        *_ADDRESS,
        *_TEXTS,
        *_LINKS,
        *_TYPES,
        *(f"og_{name}" for name in _OG_TYPES),
        *(f"generator_{name}" for name in _GENERATORS),
        *(f"body_{name}" for name in _BODY),
        *(f"count_{name}" for name in counts),
    )


def features(document: Document, counts: Sequence[str]) -> list[float]:
    """Of the document's first page, in the order of `feature_names`."""
    page = document.pages[0]
    values = _of_address(page.url or document.url) + _of_texts(
        [text for _, text in page.fields.items()]
    )
    extract = document.extracts[0] if document.extracts else None
    if extract is None or extract.structure is None:
        return values + [math.nan] * (len(feature_names(counts)) - len(values))
    return values + _of_links(extract) + _of_markup(extract, counts)


def matrix(documents: Sequence[Document], counts: Sequence[str]) -> Vectors:
    """(n_documents, n_features) float32."""
    rows = [features(document, counts) for document in documents]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(feature_names(counts)))


def _of_address(url: str) -> list[float]:
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host, path, query = (parts.hostname or "").lower(), parts.path.lower(), parts.query
    except ValueError:  # "http://[": not an address at all
        host, path, query = "", "", ""
    if not host:
        return [math.nan] * len(_ADDRESS)
    on_host, on_path = frozenset(_WORD.findall(host)), frozenset(_WORD.findall(path))
    steps = [step for step in path.split("/") if step]
    return [
        float(not steps and not query),
        float(len(steps)),
        math.log1p(len(path)),
        float(sum(map(len, _NUMBER.findall(path)))),
        float(bool(_URL_DATE.search(path))),
        float(max((step.count("-") for step in steps), default=0)),
        float(bool(query)),
        float(host.removeprefix("www.").count(".")),
        *(float(not on_host.isdisjoint(words)) for words in _HOSTS.values()),
        *(float(not on_path.isdisjoint(words)) for words in _PATHS.values()),
    ]


def _of_texts(texts: Sequence[str]) -> list[float]:
    read = "\n".join(text[:chars] for text, chars in zip(texts, READ_CHARS, strict=True)).lower()
    letters = max(len(read), 1)
    body = texts[FIELD_NAMES.index("body")][:TEXT_CHARS]
    lines = body.count("\n") + 1
    per_thousand = 1_000 / max(letters, 200)
    return [
        *(math.log1p(len(text)) for text in texts),
        len(_PRICE.findall(read)) * per_thousand,
        len(_DATE.findall(read)) * per_thousand,
        (read.count("?") + read.count("？")) * per_thousand,
        (read.count("!") + read.count("！")) * per_thousand,
        len(_NUMBER.findall(read)) * per_thousand,
        len(_CONTACT.findall(read)) * per_thousand,
        float(lines),
        body.count(" ") / lines,
        float(len(re.split(r" [-|–—:·»] ", texts[0]))),
    ]


def _of_links(extract: Extract) -> list[float]:
    links = extract.links[:MAX_LINKS]
    n = max(len(links), 1)
    host = _host(extract.url)
    paths = [_path(link) for link in links]
    words = [link.text.count(" ") + 1 for link in links]
    return [
        math.log1p(len(extract.links)),
        sum(_host(link.url) != host for link in links) / n,
        sum(count >= 5 for count in words) / n,
        sum(path.count("/") >= 3 for path in paths) / n,
        sum(bool(_URL_DATE.search(path)) for path in paths) / n,
        sum(words) / n,
        len({path.split("/", 2)[1] for path in paths if path.startswith("/")}) / n,
        math.log1p(len(extract.headings)),
        math.log1p(extract.text_words),
        math.log1p(extract.text_words / (len(extract.links) + 1)),
    ]


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].removeprefix("www.")


def _path(link: Link) -> str:
    return "/" + link.url.partition("://")[2].partition("/")[2]


def _of_markup(extract: Extract, counts: Sequence[str]) -> list[float]:
    assert extract.structure is not None  # noqa: S101 - the caller has just asked
    types = frozenset(extract.structure.types)
    facts = {fact.name: fact.value.lower() for fact in extract.facts if fact.source != "json-ld"}
    og_type, generator = facts.get("og:type", ""), facts.get("generator", "")
    body = extract.structure.body_class.lower()
    counted = dict(extract.structure.counts)
    return [
        *(float(not types.isdisjoint(group)) for group in _TYPES.values()),
        *(float(name in og_type) for name in _OG_TYPES),
        *(float(name in generator) for name in _GENERATORS),
        *(float(name in body) for name in _BODY),
        *(math.log1p(counted.get(name, 0)) for name in counts),
    ]
