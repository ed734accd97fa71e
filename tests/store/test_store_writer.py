import dataclasses
import re
import threading
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from store_samples import (
    QUICK,
    ask,
    baking,
    classified,
    explanation,
    failed,
    full_outcome,
    leftovers,
    line,
    open_writer,
    soccer,
    write,
)

from taxocrawl.records import Agreement, Attribution, Document, Fields, InputLine, Outcome, PageText
from taxocrawl.settings import Settings
from taxocrawl.store import writer
from taxocrawl.store.reader import StoreReader
from taxocrawl.store.spool import Spool
from taxocrawl.store.writer import StoredPlugin, StoreWriter
from taxocrawl.taxonomies.tree import Node, Taxonomy

HOSTILE = [
    "'); DROP TABLE sites; --",
    "\"; ATTACH '/etc/passwd' AS x; --",
    "a\0b",
    "\ud83d",
    "a\ud800b",
    "\u202ereversed",
    "\x1b]0;title\x07",
    "😀" * 50,
    "x" * 100_000,
    "",
    "$$; SELECT 1 $$",
    "\\'; --",
]


def test_everything_of_an_outcome_is_stored(path: Path) -> None:
    run_id = write(path, full_outcome("club.example"))
    assert ask(
        path,
        "SELECT run_id, line, outcome, notes, final_url, status, language, n_pages, n_words, "
        "attempts, started_at, seconds, plugin_errors FROM sites",
    ) == [
        (
            run_id,
            1,
            "classified",
            ["redirected_to:other.example"],
            "https://club.example/",
            200,
            "en",
            1,
            10,
            2,
            datetime(2026, 11, 21, 9),
            1.25,
            [{"plugin": "mine", "component": "classifier:x", "message": "no"}],
        )
    ]
    assert ask(
        path,
        "SELECT url, position, title, description, headings, text, link_texts, words, language, "
        "extractor, charset, noindex, notes, body_sha256, fetched_at FROM pages",
    ) == [
        (
            "https://club.example/",
            0,
            "Our club",
            "A club of the town",
            "Fixtures\nResults",
            "The match was lost.\nThe next one will be won.",
            "",
            10,
            "en",
            "trafilatura",
            "utf-8",
            True,
            ["charset_guessed"],
            "ab" * 32,
            datetime(2026, 11, 21, 9),
        )
    ]
    assert ask(
        path,
        "SELECT url, node_id, tier, confidence, rank, asserted, decides, classifier, model_id "
        "FROM predictions ORDER BY confidence DESC",
    ) == [
        (None, "1", 1, 0.9, None, True, True, "ranker", "model-1"),
        (None, "2", 2, 0.8, 1, True, True, "ranker", "model-1"),
        ("https://club.example/", "4", 1, 0.75, None, True, True, "ranker", "model-1"),
        ("https://club.example/", "5", 2, 0.7, 1, True, True, "ranker", "model-1"),
    ]
    assert ask(
        path, "SELECT method, score, base_value, unit, fidelity FROM explanations ORDER BY method"
    ) == [("shap", 0.8, 0.3, "margin", 0.9), ("words", 0.8, 0.3, "probability", 0.9)]
    assert ask(path, "SELECT name, weight, value FROM attributions WHERE kind = 'feature'") == [
        ("similarity", 1.5, 0.75)
    ]
    assert ask(path, "SELECT model_id, classifier, taxonomies, first_run_id FROM models") == [
        ("model-1", "ranker", ["topics"], run_id)
    ]


def test_ten_words_for_five_against_three_sentences_and_ten_features_with_the_rest_are_kept(
    path: Path,
) -> None:
    words = [Attribution(kind="word", name=f"w{i}", weight=(i - 15) / 10) for i in range(40)]
    sentences = [Attribution(kind="sentence", name=f"s{i}", weight=i / 10) for i in range(6)]
    features = [Attribution(kind="feature", name=f"f{i}", weight=-i / 10) for i in range(20)]
    attributions = (*words, *sentences, *features)
    site = dataclasses.replace(
        full_outcome("a.example"), explanations=(explanation("words", attributions),)
    )
    write(path, site)
    kept = ask(path, "SELECT kind, name FROM attributions ORDER BY position")
    assert kept == [
        *(("word", f"w{i}") for i in range(5)),
        *(("word", f"w{i}") for i in range(30, 40)),
        *(("sentence", f"s{i}") for i in range(3, 6)),
        *(("feature", f"f{i}") for i in range(9, 20)),
    ]


@pytest.mark.parametrize(
    ("keep", "stored"),
    [
        ("none", ("", "", "", 0)),
        ("main", ("Our club", "The match was lost.\nThe next one will be won.", "", 1)),
        ("all", ("Our club", "The match was lost.\nThe next one will be won.", "tickets", 1)),
    ],
)
def test_only_the_text_that_was_asked_for_is_kept(
    path: Path, keep: str, stored: tuple[object, ...]
) -> None:
    settings = dataclasses.replace(QUICK, keep_text=keep)  # type: ignore[arg-type]
    write(path, full_outcome("a.example"), settings=settings)
    sentences = "(SELECT count(*) FROM attributions WHERE kind = 'sentence')"
    assert ask(path, f"SELECT title, text, link_texts, {sentences} FROM pages") == [stored]


def test_long_text_is_cut_and_its_words_are_counted_whole(path: Path) -> None:
    page = PageText(url="", fields=Fields(body="word " * 10_000))
    text = Outcome(
        domain="", kind="classified", document=Document(id="doc-1", domain="", pages=(page,))
    )
    with open_writer(path) as store:
        store.add(text, InputLine(line=1, raw="doc-1"))
    assert ask(path, "SELECT domain, length(text), words FROM pages") == [("doc-1", 20_000, 10_000)]


def evil(text: str, number: int) -> Outcome:
    """A site that says `text` wherever a site can say something."""
    site = full_outcome(f"s{number}.example")
    assert site.document is not None
    extract = dataclasses.replace(site.document.extracts[0], title=text, text=text, notes=(text,))
    (page,) = site.document.pages
    page = dataclasses.replace(page, fields=Fields(title=text, body=text))
    return dataclasses.replace(
        site,
        detail=text,
        notes=(text, text),
        document=dataclasses.replace(site.document, pages=(page,), extracts=(extract,)),
        explanations=(explanation("words", (Attribution(kind="word", name=text, weight=1.0),)),),
    )


def test_no_text_costs_a_row(path: Path) -> None:
    """C06, D11."""
    stored = [re.sub("[\0\ud83d\ud800]", "\ufffd", text) for text in HOSTILE]
    with open_writer(path) as store:
        for number, text in enumerate(HOSTILE, 1):
            given = dataclasses.replace(line(number, f"s{number}.example"), raw=text)
            store.add(evil(text, number), given)
        for number, text in enumerate(HOSTILE, len(HOSTILE) + 1):
            verdict = InputLine(line=number, raw=text, outcome="invalid_input", detail=text)
            store.add_line(verdict)
    assert ask(path, "SELECT raw FROM inputs ORDER BY line") == [
        (text[:4096],) for text in stored * 2
    ]
    assert ask(path, "SELECT detail, notes FROM sites ORDER BY line") == [
        (text, [text, text]) for text in stored
    ]
    by_line = "JOIN sites USING (run_id, domain) ORDER BY line"
    assert ask(path, f"SELECT title, text FROM pages {by_line}") == [
        (text[:20_000],) * 2 for text in stored
    ]
    assert ask(path, f"SELECT name FROM attributions {by_line}") == [
        (text[:1000],) for text in stored
    ]


def test_numbers_that_are_none_are_stored_as_null(path: Path) -> None:
    """P06: DuckDB would sort NaN above everything."""
    bad = explanation("words", (Attribution(kind="word", name="x", weight=float("nan")),))
    bad = dataclasses.replace(bad, fidelity=float("inf"))
    write(path, dataclasses.replace(classified("a.example"), explanations=(bad,)))
    assert ask(path, "SELECT weight FROM attributions") == [(None,)]
    assert ask(path, "SELECT fidelity FROM explanations") == [(None,)]


def test_of_several_classifiers_the_first_decides(path: Path) -> None:
    other = [dataclasses.replace(p, classifier="nearest") for p in baking()]
    write(path, classified("a.example", (*soccer(), *other)))
    assert ask(path, "SELECT DISTINCT classifier, decides FROM predictions ORDER BY 1") == [
        ("nearest", False),
        ("ranker", True),
    ]


def test_an_unknown_outcome_is_refused_at_once(path: Path) -> None:
    with open_writer(path) as store, pytest.raises(ValueError, match="'broken' is none of"):
        store.add(failed("a.example", kind="broken"), line(1, "a.example"))


def test_plugins_taxonomies_and_settings_of_the_run_are_stored(path: Path) -> None:
    plugins = [
        StoredPlugin(plugin="mine", version="1.2", components=("classifier:x",)),
        StoredPlugin(plugin="theirs", problem="ImportError: no module"),
    ]
    write(path, classified("a.example"), plugins=plugins)
    write(path, classified("a.example"))
    assert ask(path, "SELECT plugin, version, components, problem FROM plugins ORDER BY 1") == [
        ("mine", "1.2", ["classifier:x"], ""),
        ("theirs", "", [], "ImportError: no module"),
    ]
    assert ask(path, "SELECT taxonomy, cattax, n_nodes, depth FROM taxonomies") == [
        ("topics", 500, 5, 3)
    ]
    assert ask(path, "SELECT path, path_ids FROM nodes WHERE node_id = '3'") == [
        ("Sports > Soccer > Youth Soccer", ["1", "2", "3"])
    ]
    assert ask(
        path, "SELECT sequence, state, command, settings->>'flush_s', classifiers FROM runs"
    ) == [(1, "finished", "crawl", "0.0", ["ranker"]), (2, "finished", "crawl", "0.0", ["ranker"])]


def test_a_new_version_of_a_taxonomy_keeps_categories_that_it_dropped(path: Path) -> None:
    write(path, classified("a.example"))
    newer = Taxonomy("topics", [Node(id="1", parent_id=None, name="Sport", tier=1)])
    with open_writer(path, taxonomies=[newer]):
        pass
    assert ask(path, "SELECT node_id, name FROM nodes ORDER BY node_id LIMIT 2") == [
        ("1", "Sport"),
        ("2", "Soccer"),
    ]
    assert ask(path, "SELECT count(*), count(DISTINCT sha256) FROM taxonomies") == [(2, 2)]


def test_many_threads_may_add(path: Path) -> None:
    def add(store: StoreWriter, first: int) -> None:
        for number in range(first, first + 50):
            store.add(classified(f"s{number}.example"), line(number, f"s{number}.example"))

    with open_writer(path, settings=Settings(flush_sites=50, flush_s=0.01)) as store:
        threads = [threading.Thread(target=add, args=(store, n * 100)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ask(path, "SELECT count(*), count(DISTINCT line) FROM inputs") == [(200, 200)]
    assert ask(path, "SELECT count(*) FROM predictions") == [(400,)]


def test_a_finished_site_can_be_read_while_the_run_goes_on(path: Path) -> None:
    with open_writer(path) as store:
        store.add(classified("a.example"), line(1, "a.example"))
        store.flush()
        assert ask(path, "SELECT state, (SELECT domain FROM sites) FROM runs") == [
            ("running", "a.example")
        ]


def test_what_comes_while_a_reader_holds_the_store_is_written_later(path: Path) -> None:
    with open_writer(path) as store:
        with duckdb.connect(str(path), read_only=True):
            store.add(classified("a.example"), line(1, "a.example"))
            store.flush()
            assert Spool(path).pending()
        store.add(classified("b.example"), line(2, "b.example"))
    assert ask(path, "SELECT domain FROM sites ORDER BY 1") == [("a.example",), ("b.example",)]
    assert leftovers(path) == []


def test_a_reader_that_never_lets_go_leaves_the_end_in_the_spool(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "FINISH_WAIT_S", 0.01)
    store = open_writer(path)
    with duckdb.connect(str(path), read_only=True):
        store.add(classified("a.example"), line(1, "a.example"))
        store.finish()
    assert "wait in" in caplog.text
    assert writer.recover(path) == 1
    assert ask(path, "SELECT state, (SELECT domain FROM sites) FROM runs") == [
        ("finished", "a.example")
    ]


def test_a_finished_run_leaves_nothing_but_the_store(path: Path) -> None:
    write(path, full_outcome("a.example"))
    assert leftovers(path) == []


def test_figures_and_agreements_of_explanations_are_kept(path: Path) -> None:
    outcome = full_outcome("example.com")
    lime = dataclasses.replace(
        explanation("lime", ()), figures=(("samples", 600.0), ("kernel_width", 0.25))
    )
    found = Agreement(
        taxonomy="topics",
        node_id="2",
        classifier="ranker",
        method_a="words",
        method_b="lime",
        rank_correlation=None,
        overlap=0.6,
        top=5,
    )
    explanations = (*outcome.explanations, lime)
    write(path, dataclasses.replace(outcome, explanations=explanations, agreements=(found,)))
    assert ask(path, "SELECT method, figures->>'samples' FROM explanations ORDER BY method") == [
        ("lime", "600.0"),
        ("shap", None),
        ("words", None),
    ]
    assert ask(
        path, "SELECT domain, method_a, method_b, rank_correlation, overlap, top FROM agreements"
    ) == [("example.com", "words", "lime", None, 0.6, 5)]
    site = StoreReader(path).site("example.com")
    assert site is not None
    assert [e.figures for e in site.explanations if e.method == "lime"] == [lime.figures]
