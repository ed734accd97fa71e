"""What passes between rooms: frozen records and the closed list of outcomes.

Everything here is a value. Tuples inside, so that no reader can change what the next one sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

OutcomeKind = Literal[
    "classified",
    "uncertain",
    "thin",
    "empty",
    "script_only",
    "not_html",
    "parked",
    "gated",
    "bot_check",
    "soft404",
    "robots_denied",
    "robots_unreachable",
    "dns_failed",
    "connect_failed",
    "tls_failed",
    "timeout",
    "bad_response",
    "http_error",
    "redirect_failed",
    "too_large",
    "blocked_address",
    "invalid_input",
    "duplicate",
    "extractor_failed",
    "classifier_failed",
    "interrupted",
]

Retry = Literal["never", "always", "once", "resume", "some"]
"""Whether a later attempt makes sense; `some` is decided by the detail (see `is_retryable`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRule:
    """One row of the closed list: what the outcome means and whether a retry makes sense."""

    meaning: str
    retry: Retry = "never"


OUTCOMES: Mapping[OutcomeKind, OutcomeRule] = MappingProxyType(
    {
        "classified": OutcomeRule(meaning="at least one label over its threshold"),
        "uncertain": OutcomeRule(meaning="enough text, no label over its threshold"),
        "thin": OutcomeRule(meaning="main text under 25 words after all pages tried"),
        "empty": OutcomeRule(meaning="2xx with no body or no visible text"),
        "script_only": OutcomeRule(meaning="thin, and scripts or an app root carry the page"),
        "not_html": OutcomeRule(meaning="the bytes are neither HTML nor text"),
        "parked": OutcomeRule(meaning="parked, for sale, under construction, default, suspended"),
        "gated": OutcomeRule(meaning="login, consent, age, paywall or cookies; no text behind it"),
        "bot_check": OutcomeRule(meaning="captcha or JavaScript challenge", retry="always"),
        "soft404": OutcomeRule(meaning="2xx whose text says not found or shows a server's error"),
        "robots_denied": OutcomeRule(meaning="robots.txt forbids every start URL"),
        "robots_unreachable": OutcomeRule(
            meaning="robots.txt gave 5xx, 429 or no answer", retry="always"
        ),
        "dns_failed": OutcomeRule(meaning="the name has no usable address", retry="some"),
        "connect_failed": OutcomeRule(
            meaning="no connection before a request was sent", retry="always"
        ),
        "tls_failed": OutcomeRule(meaning="TLS handshake or certificate", retry="some"),
        "timeout": OutcomeRule(meaning="a deadline passed", retry="always"),
        "bad_response": OutcomeRule(meaning="not valid HTTP", retry="always"),
        "http_error": OutcomeRule(meaning="final status 4xx or 5xx", retry="some"),
        "redirect_failed": OutcomeRule(meaning="loop, limit, scheme or location"),
        "too_large": OutcomeRule(meaning="a cap cannot be met by truncating"),
        "blocked_address": OutcomeRule(meaning="an address or port the guard refuses"),
        "invalid_input": OutcomeRule(meaning="no host can be read from the line"),
        "duplicate": OutcomeRule(meaning="same canonical host as an earlier line"),
        "extractor_failed": OutcomeRule(
            meaning="extraction raised, died or passed its deadline", retry="once"
        ),
        "classifier_failed": OutcomeRule(meaning="all classifiers failed", retry="once"),
        "interrupted": OutcomeRule(meaning="the run stopped first", retry="resume"),
    }
)

RETRYABLE_STATUSES = frozenset({408, 429, *range(500, 600)})


def is_retryable(kind: OutcomeKind, detail: str = "") -> bool:
    """True where fetching the site again later may end otherwise.

    `detail` is what the outcome carries: `nxdomain`, `handshake`, `503` and so on.
    """
    retry = OUTCOMES[kind].retry
    if retry != "some":
        return retry != "never"
    word = detail.split(":", 1)[0].split(" ", 1)[0]
    if kind == "dns_failed":
        return word != "nxdomain"
    if kind == "tls_failed":
        return word == "handshake"
    return word.isdecimal() and int(word) in RETRYABLE_STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One input line that names a host.

    `domain` is the canonical host (lower case, IDNA ASCII, one leading `www.` removed); `url` the
    address to start from; `line` counts from 1.
    """

    domain: str
    url: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLine:
    """Verdict on one line of a domain list: a site, or why it is none.

    Without an `outcome` the site is to be visited. `invalid_input` and `duplicate` have no `site`,
    `duplicate_of` is the earlier line; with both, the site keeps the outcome of an earlier run.
    """

    line: int
    raw: str
    site: Site | None = None
    outcome: OutcomeKind | None = None
    detail: str = ""
    duplicate_of: int | None = None


PageOrigin = Literal["crawl", "file", "text", "archive", "api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One fetched URL. `url` is where the bytes came from, `requested_url` what was asked for.

    `headers` in the order received, names in lower case; `body` decoded from its transfer and
    content coding, not from its charset; `fetched_at` UTC, ISO 8601.
    """

    url: str
    requested_url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: str
    origin: PageOrigin = "crawl"
    notes: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """Value of the first header of that name (lower case), or ''."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of a page: absolute URL without fragment, and its visible words."""

    url: str
    text: str
    nofollow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement of the page's own markup: (`json-ld`, `Product.name`, `Oak table`)."""

    source: Literal["json-ld", "opengraph", "meta", "microdata"]
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHint:
    """A sign that a page is no topical page: the outcome it speaks for, its detail, the rule."""

    kind: OutcomeKind
    detail: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a page is built of: (element or mark of the source, how often), JSON-LD types, the
    class names of its body. Made by `extraction.structure`.
    """

    counts: tuple[tuple[str, int], ...] = ()
    types: tuple[str, ...] = ()
    body_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What one page says, parsed once.

    `text` is the main text with paragraphs by newline, `text_words` its count with scripts without
    spaces counted right; `language` an ISO 639-1 code or '' when unknown; `extractor` the rung of
    the ladder that gave `text`; `body_sha256` hex of the bytes; `robots_meta` the words of
    `<meta name=robots>` and X-Robots-Tag; `structure` None where there was no HTML.
    """

    url: str
    title: str = ""
    description: str = ""
    keywords: str = ""
    site_name: str = ""
    headings: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    alt_texts: tuple[str, ...] = ()
    image_urls: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    text: str = ""
    text_words: int = 0
    language: str = ""
    status_hints: tuple[StatusHint, ...] = ()
    robots_meta: tuple[str, ...] = ()
    refresh_url: str = ""
    frame_urls: tuple[str, ...] = ()
    charset: str = ""
    body_sha256: str = ""
    extractor: str = ""
    fetched_at: str = ""
    notes: tuple[str, ...] = ()
    structure: Structure | None = None


FIELD_NAMES = (
    "title",
    "description",
    "headings",
    "body",
    "link_texts",
    "alt_texts",
    "facts",
    "url_words",
)
"""The fields of a document, in the order every table of features keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Text of one page by field; '' where the page has none. Made by `extraction.documents`."""

    title: str = ""
    description: str = ""
    headings: str = ""
    body: str = ""
    link_texts: str = ""
    alt_texts: str = ""
    facts: str = ""
    url_words: str = ""
    language: str = ""

    def items(self) -> tuple[tuple[str, str], ...]:
        """(name, text) of every field, in the order of `FIELD_NAMES`."""
        return tuple((name, getattr(self, name)) for name in FIELD_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """One page as a classifier sees it: its address and its fields."""

    url: str
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A site, or one page of it, ready to be classified.

    `pages` holds at least one page, the home page first. `id` is what the caller calls it (equal to
    `domain` for a crawled site). `extracts` are the parsed pages behind `pages`, for the store;
    empty where the text did not come from HTML.
    """

    id: str
    domain: str
    pages: tuple[PageText, ...]
    extracts: tuple[Extract, ...] = ()
    url: str = ""

    @property
    def text(self) -> str:
        """All fields of all pages, one per line: the simplest thing that a classifier can read."""
        return "\n".join(text for page in self.pages for _, text in page.fields.items() if text)

    @property
    def language(self) -> str:
        """Language of the first page that has one, or ''."""
        return next((p.fields.language for p in self.pages if p.fields.language), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One node that a classifier gives a document.

    `confidence` in [0, 1]: probability that the document is about this node or anything below it,
    so a parent's is at least its child's. `rank` counts from 1 the single nodes in order of
    preference (1 is the answer when only one is wanted); None on a row that stands there only as
    the ancestor of another. `asserted`: over the threshold of its tier. `tier` 1 is a root.
    `relation` is '' where the classifier knows the taxonomy, else what the node is to the one that
    was predicted, in another taxonomy: exact, broader, narrower, related.
    """

    taxonomy: str
    node_id: str
    tier: int
    confidence: float
    classifier: str
    model_id: str
    rank: int | None = None
    asserted: bool = False
    relation: str = ""


AttributionKind = Literal["word", "phrase", "feature", "field", "sentence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What one word, feature, field or sentence adds to a prediction's confidence.

    `weight` in the unit that the explanation states (for words: the fall of the probability when
    the word is left out). `value` is a feature's value, `url` the page of a sentence.
    """

    kind: AttributionKind
    name: str
    weight: float
    value: float | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a classifier gave a document one node, by one method.

    `base_value` is the score without what is attributed, `score` the score with all of it, both in
    `unit`. `fidelity` in [0, 1] says how well the method mirrors the classifier: its meaning is the
    method's own and stated in its documentation; None where not measured. `figures` are what else a
    reader of this method must know, by name: `samples`, `kernel_width`, `coverage`.
    """

    taxonomy: str
    node_id: str
    classifier: str
    method: str
    attributions: tuple[Attribution, ...]
    score: float
    base_value: float
    unit: Literal["probability", "margin", "log-odds"] = "probability"
    fidelity: float | None = None
    seconds: float = 0.0
    figures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two explanations of one prediction agree.

    `rank_correlation` in [-1, 1] over all words that either names; None where one of them gives
    every word the same weight. `overlap` in [0, 1]: share of the first `top` words for the node
    that both name; None where one of them names no word for it.
    """

    taxonomy: str
    node_id: str
    method_a: str
    method_b: str
    rank_correlation: float | None
    overlap: float | None
    top: int
    classifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What kind of site it is (shop, news, forum), whatever it is about.

    `vector_id` is the IAB descriptive vector that fits, or ''.
    """

    word: str
    confidence: float
    vector_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One thing that an advertiser or a filter may want to keep away from, and what speaks for it.

    `topic` is a word of our list (adult, gambling, piracy ...), `confidence` in [0, 1], `reasons`
    the words or nodes that decided, the strongest first. Only what is asserted is given.
    """

    topic: str
    confidence: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A free word or phrase beside the tree; `relevance` in (0, 1]."""

    text: str
    relevance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePredictions:
    """The predictions of one page of a site that has several."""

    url: str
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """A plugin that failed on a document while others did not."""

    plugin: str
    component: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The one end of one input: what happened and, where text was read, what it is about.

    `detail` refines `kind` (`nxdomain`, `for_sale`, `503`); `message` is one line for people;
    `notes` are facts that are no outcomes (`truncated`, `redirected_to:other.example`).
    """

    domain: str
    kind: OutcomeKind
    detail: str = ""
    message: str = ""
    document: Document | None = None
    predictions: tuple[Prediction, ...] = ()
    page_predictions: tuple[PagePredictions, ...] = ()
    form: Form | None = None
    risks: tuple[Risk, ...] = ()
    tags: tuple[Tag, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    notes: tuple[str, ...] = ()
    plugin_failures: tuple[PluginFailure, ...] = ()
    final_url: str = ""
    status: int | None = None
    attempts: int = 1
    started_at: str = ""
    seconds: float = 0.0
