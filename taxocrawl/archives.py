"""Pages and texts that are on disk already: HTML and text files, folders, JSON Lines.

Each becomes an `Item`; from there the way is that of a crawled page.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from taxocrawl import domains
from taxocrawl.errors import InputError
from taxocrawl.extraction import documents
from taxocrawl.extraction.decoding import storable
from taxocrawl.nearest import near_path
from taxocrawl.records import Document, Outcome, Page
from taxocrawl.workers import WorkerFailure, Workers

HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
TEXT_SUFFIXES = frozenset({".txt", ".md"})
LINE_SUFFIXES = frozenset({".jsonl", ".ndjson"})

TEXT_KEYS = ("text", "title", "description")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One input to classify. Exactly one of `page`, `document`, `fetch` and `problem` is set."""

    id: str
    page: Page | None = None
    document: Document | None = None
    fetch: str = ""
    problem: str = ""


def read(inputs: Iterable[str], *, stdin: IO[bytes] | None = None) -> Iterator[Item]:
    """Items of URLs, files, folders and `-` (JSON Lines on standard input), in order.

    InputError names a path that does not exist or a suffix that is not known.
    """
    for name in inputs:
        if name == "-":
            yield from json_lines(stdin or sys.stdin.buffer)
        elif name.startswith(("http://", "https://")):
            yield Item(id=name, fetch=name)
        else:
            yield from _path(Path(name))


def text_item(text: str, item_id: str) -> Item:
    """A bare text."""
    return Item(id=item_id, document=documents.from_text(item_id, text=text))


def _path(path: Path) -> Iterator[Item]:
    if path.is_dir():
        known = HTML_SUFFIXES | TEXT_SUFFIXES | LINE_SUFFIXES
        for child in sorted(path.rglob("*")):
            if child.suffix.lower() in known and child.is_file():
                yield from _path(child)
        return
    suffix = path.suffix.lower()
    try:
        if suffix in LINE_SUFFIXES:
            with path.open("rb") as lines:
                yield from json_lines(lines)
        elif suffix in TEXT_SUFFIXES:
            yield text_item(path.read_text(encoding="utf-8", errors="replace"), str(path))
        elif suffix in HTML_SUFFIXES:
            yield Item(id=str(path), page=html_page(path.read_bytes(), url=str(path)))
        else:
            raise InputError(
                f"{path}: not a URL, and not an HTML file (.html), text file (.txt), JSON Lines "
                "file (.jsonl) or folder; a bare text goes in --text, a domain list to `crawl`"
            )
    except OSError as error:
        near = "" if path.exists() else near_path(path)
        raise InputError(f"{path}: {error.strerror or error}{near}") from error


def html_page(body: bytes, *, url: str, origin: str = "file", charset: str = "") -> Page:
    """A page whose bytes did not come by HTTP."""
    content_type = "text/html" + (f"; charset={charset}" if charset else "")
    return Page(
        url=url,
        requested_url=url,
        status=200,
        headers=(("content-type", content_type),),
        body=body,
        fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        origin="api" if origin == "api" else "file",
    )


def json_lines(lines: Iterable[bytes]) -> Iterator[Item]:
    """One item a line that is not blank; a bad line is an item with its problem, never lost."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _json_item(number, line)


def _json_item(number: int, line: bytes) -> Item:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Item(id=str(number), problem=f"line {number}: not JSON: {error}")
    if not isinstance(row, dict):
        return Item(id=str(number), problem=f"line {number}: not a JSON object")
    # JSON may carry lone surrogates, which neither a store nor standard output can.
    row = {key: storable(text) if isinstance(text, str) else text for key, text in row.items()}
    item_id = str(row.get("id", number))
    wrong = [key for key in ("url", "html", *TEXT_KEYS) if not isinstance(row.get(key, ""), str)]
    if wrong:
        return Item(id=item_id, problem=f"line {number}: {wrong[0]!r} is no string")
    return _row_item(item_id, number, row)


def _row_item(item_id: str, number: int, row: dict[str, Any]) -> Item:
    url = row.get("url", "")
    if row.get("html"):
        body = row["html"].encode()
        page = html_page(body, url=url or item_id, origin="api", charset="utf-8")
        return Item(id=item_id, page=page)
    if any(row.get(key) for key in TEXT_KEYS):
        texts = {key: row.get(key, "") for key in TEXT_KEYS}
        return Item(id=item_id, document=documents.from_text(item_id, url=url, **texts))
    if url:
        return Item(id=item_id, fetch=url)
    return Item(id=item_id, problem=f"line {number}: none of url, html, text, title, description")


async def classify(items: Sequence[Item], workers: Workers, batch_size: int) -> list[Outcome]:
    """One outcome an item, in order. Items to be fetched are the crawler's, not ours."""
    ready = await asyncio.gather(*(_document(item, workers) for item in items))
    topical = [d for d in ready if isinstance(d, Document)]
    chunks = [topical[i : i + batch_size] for i in range(0, len(topical), batch_size)]
    done = await asyncio.gather(*(workers.categorize(chunk) for chunk in chunks))
    outcomes = iter([outcome for chunk in done for outcome in chunk])
    return [d if isinstance(d, Outcome) else next(outcomes) for d in ready]


async def _document(item: Item, workers: Workers) -> Document | Outcome:
    if item.document is not None:
        return item.document
    if item.page is None:
        return Outcome(domain="", kind="invalid_input", detail="line", message=item.problem)
    domain = ""
    with suppress(ValueError):
        domain = domains.canonical_host(item.page.url)
    try:
        extract = await workers.extract(item.page)
    except WorkerFailure as failure:
        return Outcome(
            domain=domain, kind="extractor_failed", detail=failure.reason, message=str(failure)
        )
    return documents.document(domain, [extract], id=item.id)
