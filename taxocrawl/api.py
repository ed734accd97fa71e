"""The Python interface: `taxocrawl.crawl`, `taxocrawl.classify`, `taxocrawl.open`.

All three import what they need when they are called, and the long two work in a process of their
own (`apart`), so that they may be called from a notebook, and as often as one likes.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxocrawl.errors import InputError

if TYPE_CHECKING:
    from taxocrawl.apart import Say
    from taxocrawl.explanations import render
    from taxocrawl.records import Explanation, Outcome
    from taxocrawl.settings import Settings
    from taxocrawl.store.relations import Store

TOP = 5
"""Ranked nodes that `classify` gives beside the asserted ones."""

Input = str | Path | Mapping[str, object]

_HTML = re.compile(r"\s*<(!doctype|!--|\?xml|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE)
_LIST_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".list"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One node of an answer. `confidence` is the probability of it or anything below it.

    `parent_id` is None at a root; `relation` is '' except where the node comes by crosswalk.
    """

    taxonomy: str
    id: str
    name: str
    path: str
    tier: int
    confidence: float
    parent_id: str | None = None
    relation: str = ""

    def __str__(self) -> str:
        return f"{self.path} ({self.confidence:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word or phrase, and what the probability of the answer loses without it."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one input is about. `categories` are asserted, `candidates` ranked, best first.

    `outcome` is one of the closed list, `detail` and `message` say more about it.
    """

    id: str
    domain: str
    url: str
    outcome: str
    detail: str
    message: str
    language: str
    categories: tuple[Category, ...]
    candidates: tuple[Category, ...]
    words: tuple[Word, ...]
    _json: str = field(repr=False)
    _explanations: str = field(repr=False, default="[]")

    def as_dict(self) -> dict[str, Any]:
        """The answer as `taxocrawl classify` prints it, with keys that have no attribute here."""
        answer: dict[str, Any] = json.loads(self._json)
        return answer

    def __str__(self) -> str:
        said = ", ".join(str(category) for category in self.categories)
        return f"{self.id}: {said or self.outcome}"

    def _repr_html_(self) -> str:
        from taxocrawl.explanations.html_page import fragment

        return fragment(_shown(self))


class Answers(tuple[Answer, ...]):
    """Answers in the order of the inputs; a table in a notebook."""

    __slots__ = ()

    def as_dicts(self) -> list[dict[str, Any]]:
        """One dictionary an answer, for `pandas.DataFrame` and `json.dump`."""
        return [answer.as_dict() for answer in self]

    def _repr_html_(self) -> str:
        return _table(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlResult:
    """What a crawl came to. `outcomes` counts lines by how they ended, most frequent first."""

    run_id: str
    store: Path
    lines: int
    pages: int
    seconds: float
    interrupted: bool
    outcomes: Mapping[str, int]

    def open(self) -> "Store":
        """The store that was written."""
        return open(self.store)

    def _repr_html_(self) -> str:
        rows = ((escape(kind), f"{n:,}") for kind, n in self.outcomes.items())
        title = f"{self.lines:,} lines in {self.seconds:.1f} s: {escape(str(self.store))}"
        return f"<p>{title}</p>{_html(('outcome', 'sites'), rows)}"


def crawl(
    domains: str | Path | Iterable[str],
    store: str | Path = "sites.duckdb",
    *,
    new_run: bool = False,
    on_outcome: "Callable[[Outcome], None] | None" = None,
    **settings: Any,
) -> CrawlResult:
    """Crawl domains into a store and say how it went.

    `domains` is a file with one domain a line, one domain, or any number of them. Called again with
    the same list and settings it goes on with an unfinished run, unless `new_run`. `on_outcome` is
    called with each site as it ends. SettingsError and InputError name what is wrong and the cure.
    """
    from taxocrawl import apart

    lines = _domain_lines(domains)
    loaded = _settings(settings)
    path = Path(store).absolute()
    job = apart.stream(_crawl, path, lines, loaded, new_run, on_outcome is not None)
    with closing(job):  # also where on_outcome raises, which interrupts the crawl
        for said in job:
            if isinstance(said, CrawlResult):
                return said
            if on_outcome is not None:
                on_outcome(said)
    raise AssertionError("a crawl that raises nothing says what it came to")


def classify(
    inputs: Input | Iterable[Input], *, top: int = TOP, explain_all: bool = False, **settings: Any
) -> Answers:
    """What texts, pages and URLs are about, in their order.

    An input is a URL (it is fetched), HTML, any other text, the path of a file or folder
    (`pathlib.Path`), or a mapping with any of `id, url, html, text, title, description`. `top` is
    the number of ranked `candidates`; with `explain_all` the dictionaries hold whole explanations.
    """
    from taxocrawl import apart

    rows = list(_rows([inputs] if isinstance(inputs, str | Path | Mapping) else inputs))
    loaded = _settings(settings)
    said = apart.stream(_classify, rows, loaded, top)
    return Answers(_answer(answer, explain_all) for answer in said)


def open(path: str | Path = "sites.duckdb") -> "Store":  # noqa: A001 - as gzip.open and others
    """A store for reading: its tables as DuckDB relations, for pandas, polars and Arrow."""
    from taxocrawl.store.relations import Store

    return Store(path, reasons_as_html=_reasons)


def _settings(given: Mapping[str, object]) -> "Settings":
    from taxocrawl import settings

    return settings.load(environ=os.environ, overrides=given, overrides_from="argument")


def _domain_lines(domains: str | Path | Iterable[str]) -> list[str]:
    from taxocrawl.domains import lines_of
    from taxocrawl.nearest import near_path

    if not isinstance(domains, str | Path):
        return [str(domain) for domain in domains]
    path = Path(domains)
    if path.is_file():
        with path.open("rb") as file:
            return list(lines_of(file))
    if isinstance(domains, Path) or path.suffix in _LIST_SUFFIXES:
        raise InputError(f"there is no file {path}{near_path(path)}")
    return [domains]


def _rows(inputs: Iterable[Input]) -> Iterator[Path | bytes]:
    """Each input as a path, or as the line of JSON that says the same."""
    for number, given in enumerate(inputs, start=1):
        if isinstance(given, Path):
            yield given
            continue
        row: Mapping[str, object]
        if isinstance(given, Mapping):
            row = given
        elif isinstance(given, str):
            row = {_kind(given): given}
        else:
            raise InputError(
                f"input {number} is {type(given).__name__}; give a URL, HTML, a text, a "
                "pathlib.Path or a mapping"
            )
        try:
            yield json.dumps({"id": row.get("url", str(number)), **row}).encode("ascii")
        except TypeError as error:
            raise InputError(f"input {number}: {error}") from None


def _kind(text: str) -> str:
    if text.startswith(("http://", "https://")) and len(text.split()) == 1:
        return "url"
    return "html" if _HTML.match(text) else "text"


def _answer(answer: dict[str, Any], explain_all: bool) -> Answer:
    explanations = json.dumps(answer["explanations"])
    if not explain_all:
        del answer["explanations"]
    plain = ("id", "domain", "url", "outcome", "detail", "language")
    return Answer(
        **{name: answer[name] for name in plain},
        message=answer.get("message", ""),
        categories=tuple(Category(**row) for row in answer["categories"]),
        candidates=tuple(Category(**row) for row in answer["candidates"]),
        words=tuple(Word(**row) for row in answer["words"]),
        _json=json.dumps(answer),
        _explanations=explanations,
    )


def _reasons(path: Path, domain: str) -> str | None:
    """A stored site's reasons as a notebook shows them; None where there is no such site."""
    from taxocrawl import domains, reasons
    from taxocrawl.explanations.html_page import fragment

    found = reasons.stored(path, domains.canonical_host(domain) or domain)
    return None if found is None else fragment(reasons.shown(found))


def _shown(answer: Answer) -> "render.Answer":
    """An answer as the page shows it."""
    from taxocrawl.explanations import render
    from taxocrawl.records import Form, Risk, Tag
    from taxocrawl.taxonomies.tree import PATH_SEPARATOR

    said = answer.as_dict()
    form = Form(
        word=said.get("form") or "",
        confidence=said.get("form_confidence") or 0.0,
        vector_id=said.get("form_vector_id") or "",
    )
    asserted = {(category.taxonomy, category.id) for category in answer.categories}
    known = {(c.taxonomy, c.id): c for c in (*answer.candidates, *answer.categories)}
    return render.Answer(
        title=answer.id,
        outcome=answer.outcome,
        detail=answer.detail,
        url=answer.url,
        about=tuple(part for part in (answer.language, answer.message) if part),
        categories=tuple(
            render.CategoryLine(
                taxonomy=category.taxonomy,
                node_id=category.id,
                path=tuple(category.path.split(PATH_SEPARATOR)),
                confidence=category.confidence,
                asserted=key in asserted,
            )
            for key, category in known.items()
        ),
        explanations=tuple(_explanation(row) for row in json.loads(answer._explanations)),
        form=form if form.word else None,
        risks=tuple(
            Risk(**(row | {"reasons": tuple(row["reasons"])})) for row in said.get("risk", ())
        ),
        tags=tuple(
            Tag(text=row["text"], relevance=row["relevance"] / 100) for row in said.get("tags", ())
        ),
    )


def _explanation(row: Mapping[str, Any]) -> "Explanation":
    from taxocrawl.records import Attribution, Explanation

    plain = ("taxonomy", "classifier", "method", "unit", "score", "base_value", "fidelity")
    return Explanation(
        node_id=row["id"],
        attributions=tuple(Attribution(**attribution) for attribution in row["attributions"]),
        figures=tuple(row.get("figures", {}).items()),
        **{name: row[name] for name in plain},
    )


def _table(answers: Iterable[Answer]) -> str:
    rows = (
        (
            escape(answer.id),
            escape(answer.outcome + (f" ({answer.detail})" if answer.detail else "")),
            "<br>".join(escape(str(category)) for category in answer.categories),
            escape(", ".join(word.text for word in answer.words if word.weight > 0)),
        )
        for answer in answers
    )
    return _html(("id", "outcome", "categories", "words for it"), rows)


def _html(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


# What runs in the other process.


def _crawl(
    say: "Say", store: Path, lines: list[str], settings: "Settings", new_run: bool, talks: bool
) -> None:
    from taxocrawl import domains, jobs
    from taxocrawl.store.writer import fingerprint

    summary = jobs.crawl_into(
        store,
        domains.read_sites(iter(lines)),
        settings=settings,
        list_sha256=fingerprint(lines),
        new_run=new_run,
        on_outcome=say if talks else None,
    )
    outcomes = sorted(summary.outcomes.items(), key=lambda item: (-item[1], item[0]))
    say(
        CrawlResult(
            run_id=summary.run_id,
            store=store,
            lines=summary.lines,
            pages=summary.pages,
            seconds=summary.seconds,
            interrupted=summary.interrupted,
            outcomes=dict(outcomes),
        )
    )


def _classify(say: "Say", rows: list[Path | bytes], settings: "Settings", top: int) -> None:
    from taxocrawl import answers, archives, jobs
    from taxocrawl.plugins import loading

    def items() -> Iterator[archives.Item]:
        for row in rows:
            yield from (
                archives.read([str(row)]) if isinstance(row, Path) else archives.json_lines([row])
            )

    registry = loading.load(settings)
    shown = answers.AnswerOptions(top=top, explained=True)
    for item, outcome in jobs.classify(items(), settings):
        say(answers.as_json(outcome, answer_id=item.id, taxonomy=registry.taxonomy, options=shown))
