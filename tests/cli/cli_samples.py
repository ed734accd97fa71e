"""A small store, and the command line run in this process: a real one costs two seconds a call."""

import io
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxocrawl.cli.main import main
from taxocrawl.domains import parse_line
from taxocrawl.records import (
    Document,
    Extract,
    Fields,
    InputLine,
    Outcome,
    PageText,
    Prediction,
    Site,
)
from taxocrawl.settings import Settings
from taxocrawl.store.writer import StoreWriter
from taxocrawl.taxonomies.tree import Node, Taxonomy

TOPICS = Taxonomy(
    "topics",
    [
        Node(id="1", parent_id=None, name="Sports", tier=1),
        Node(id="2", parent_id="1", name="Soccer", tier=2),
        Node(id="3", parent_id="2", name="Youth", tier=3),
        Node(id="4", parent_id=None, name="Food", tier=1),
        Node(id="5", parent_id="4", name="Baking", tier=2),
        Node(id="6", parent_id="4", name="Youth", tier=2),
    ],
)


@dataclass(frozen=True)
class Done:
    """What one command gave."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, given: str | bytes = "") -> Done:
        data = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        monkeypatch.setattr(sys, "argv", ["taxocrawl", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        # What it logged goes to streams that end with the test.
        logging.getLogger().handlers.clear()
        captured = capsys.readouterr()
        return Done(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return run


def prediction(node_id: str, confidence: float, rank: int | None, *, asserted: bool) -> Prediction:
    return Prediction(
        taxonomy="topics",
        node_id=node_id,
        tier=TOPICS[node_id].tier,
        confidence=confidence,
        rank=rank,
        classifier="ranker",
        model_id="model-1",
        asserted=asserted,
    )


def site(domain: str, *ranked: tuple[str, float], sure: bool = True, text: str = "") -> Outcome:
    """A site that was read, with its first choices; only the first is asserted, if `sure`."""
    url = f"https://{domain}/"
    extract = Extract(url=url, title=f"Welcome to {domain}", text=text, language="en")
    page = PageText(url=url, fields=Fields(title=extract.title, body=text))
    document = Document(id=domain, domain=domain, pages=(page,), extracts=(extract,), url=url)
    return Outcome(
        domain=domain,
        kind="classified" if sure else "uncertain",
        document=document,
        final_url=url,
        predictions=tuple(
            prediction(node, confidence, rank, asserted=sure and rank == 1)
            for rank, (node, confidence) in enumerate(ranked, 1)
        ),
    )


def failed(domain: str, kind: Any, detail: str = "") -> Outcome:
    return Outcome(domain=domain, kind=kind, detail=detail, message=f"{domain}: {kind}: {detail}")


def write_run(path: Path, *outcomes: Outcome, invalid: str = "") -> str:
    """One run with these outcomes, then a line that names no host; its id."""
    settings = Settings(flush_s=0.0, taxonomies=("topics",))
    with StoreWriter(path, settings=settings, command="crawl", taxonomies=[TOPICS]) as store:
        for number, outcome in enumerate(outcomes, 1):
            target = Site(domain=outcome.domain, url=f"https://{outcome.domain}/", line=number)
            store.add(outcome, InputLine(line=number, raw=outcome.domain, site=target))
        if invalid:
            store.add_line(parse_line(len(outcomes) + 1, invalid))
        return store.run_id
