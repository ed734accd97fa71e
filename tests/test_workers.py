"""Bombs cost one worker and one retry, never the run (P02-P05, C09)."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxocrawl import workers as workers_module
from taxocrawl.extraction import documents
from taxocrawl.records import Outcome, Page
from taxocrawl.settings import Settings
from taxocrawl.workers import WorkerFailure, Workers

PLUGIN = '''
import ctypes, os, sys, time
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.records import Prediction

class Bomb:
    """Does what the text says."""
    taxonomies = ("iab-3.1",)
    model_id = "bomb-1"

    def classify(self, documents):
        for document in documents:
            if "exit" in document.text: os._exit(3)
            if "crash" in document.text: ctypes.string_at(0)
            if "sysexit" in document.text: sys.exit(4)
            if "hang" in document.text: time.sleep(60)
            if "memory" in document.text: bytearray(16 * 2**30)
            if "print" in document.text: print("a plugin talks")
        return [(Prediction(taxonomy="iab-3.1", node_id="483", tier=1, confidence=.9, rank=1,
            classifier="bomb", model_id=self.model_id, asserted=True),) for _ in documents]

class Steady(Bomb):
    """Answers whatever the text says."""
    def classify(self, documents):
        return [(Prediction(taxonomy="iab-3.1", node_id="483", tier=1, confidence=.8, rank=1,
            classifier="steady", model_id="steady-1", asserted=True),) for _ in documents]

class Explainer:
    def explain(self, document, predictions, classifier):
        if "inexplicable" in document.text: os._exit(5)
        return []

class Rung:
    def main_text(self, page):
        if "exit" in page.html: os._exit(3)
        if "hang" in page.html: time.sleep(60)
        if "memory" in page.html: bytearray(16 * 2**30)
        if "raise" in page.html: raise ValueError("told to raise")
        return "word " * 30

@hookimpl
def register_classifiers(): return {"bomb": lambda r: Bomb(), "steady": lambda r: Steady()}

@hookimpl
def register_explainers(): return {"abrupt": lambda r: Explainer()}

@hookimpl
def register_extractors(): return {"rung": lambda r: Rung()}
'''


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    settings = settings_of(tmp_path_factory.mktemp("plugins"), ("bomb",))
    with Workers(settings) as pool:
        yield pool


def settings_of(folder: Path, classifiers: tuple[str, ...], **more: object) -> Settings:
    (folder / "bomb.py").write_text(PLUGIN)
    values: dict[str, object] = {
        "plugins_dir": str(folder),
        "classifiers": classifiers,
        "extractors": ("rung",),
        "explain": (),
        "aspects": (),  # their model takes a second of a new worker's deadline
        "workers": 2,
        "extract_timeout_s": 3.0,
        "classify_timeout_s": 3.0,
    }
    return Settings(**(values | more))  # type: ignore[arg-type]


def categorize(workers: Workers, *texts: str) -> list[Outcome]:
    found = [documents.from_text(str(n), text=text) for n, text in enumerate(texts)]
    return asyncio.run(workers.categorize(found))


def page(body: str) -> Page:
    return Page(
        url="http://a.example/",
        requested_url="http://a.example/",
        status=200,
        headers=(("content-type", "text/html; charset=utf-8"),),
        body=f"<html><body><p>{body}</p></body></html>".encode(),
        fetched_at="2026-01-01T00:00:00+00:00",
    )


def test_documents_come_back_in_order_with_their_text(workers: Workers) -> None:
    outcomes = categorize(workers, "one", "two", "three")
    assert [o.document.text for o in outcomes if o.document] == ["one", "two", "three"]
    assert {o.kind for o in outcomes} == {"classified"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("exit", "died"), ("crash", "died"), ("hang", "timeout")],
)
def test_a_document_that_kills_its_worker_is_blamed_alone(
    workers: Workers, text: str, reason: str
) -> None:
    outcomes = categorize(workers, "before", text, "after")
    assert [o.kind for o in outcomes] == ["classified", "classifier_failed", "classified"]
    assert outcomes[1].detail == reason
    assert outcomes[1].plugin_failures[0].component == "bomb"


def test_what_hangs_or_dies_is_named_the_others_stand_and_in_the_end_it_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P03, P04: one document is forgiven, a row of them is not."""
    monkeypatch.setattr(workers_module, "FAILURES_IN_A_ROW", 2)
    settings = settings_of(
        tmp_path, ("bomb", "steady"), explain=("abrupt",), workers=1, classify_timeout_s=1.5
    )
    with Workers(settings) as pool:
        first, second = categorize(pool, "inexplicable", "fine")
        assert [f.component for f in first.plugin_failures] == ["abrupt"]
        assert {p.classifier for p in first.predictions} == {"bomb", "steady"}
        assert second.plugin_failures == ()

        once, twice, after = categorize(pool, "hang", "exit", "fine again")
    assert [o.kind for o in (once, twice, after)] == ["classified"] * 3
    assert {p.classifier for o in (once, twice, after) for p in o.predictions} == {"steady"}
    assert [f.component for o in (once, twice) for f in o.plugin_failures] == ["bomb", "bomb"]
    assert "the deadline passed" in once.plugin_failures[0].message
    assert "died (exit code 3)" in twice.plugin_failures[0].message
    assert "switched off after 2 documents in a row" in after.plugin_failures[0].message
    assert "classifier bomb switched off after 2 documents" in caplog.text


def test_a_memory_bomb_becomes_a_failure_of_its_plugin(workers: Workers) -> None:
    outcomes = categorize(workers, "before", "memory", "after")
    assert [o.kind for o in outcomes] == ["classified", "classifier_failed", "classified"]
    assert "MemoryError" in outcomes[1].message


def test_a_plugin_that_exits_by_exception_ends_no_worker_for_good(workers: Workers) -> None:
    outcomes = categorize(workers, "sysexit", "after")
    assert [o.kind for o in outcomes] == ["classifier_failed", "classified"]


def test_what_a_plugin_prints_never_reaches_standard_output(
    workers: Workers, capfd: pytest.CaptureFixture[str]
) -> None:
    assert categorize(workers, "print")[0].kind == "classified"
    assert "a plugin talks" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("body", "reason"),
    [("exit", "died"), ("hang", "timeout"), ("memory", "raised")],
)
def test_extraction_that_dies_is_a_failure_with_its_reason(
    workers: Workers, body: str, reason: str
) -> None:
    with pytest.raises(WorkerFailure) as caught:
        asyncio.run(workers.extract(page(body)))
    assert caught.value.reason == reason
    assert asyncio.run(workers.extract(page("fine"))).text_words == 30


def test_closing_leaves_no_process_behind() -> None:
    before = set(multiprocessing.active_children())
    with Workers(Settings(explain=(), workers=2)) as pool:
        assert asyncio.run(pool.extract(page("a short page"))).text == "a short page"
        assert len(set(multiprocessing.active_children()) - before) == 2
    assert set(multiprocessing.active_children()) == before
