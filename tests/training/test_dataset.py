from pathlib import Path

import pytest

from taxocrawl.errors import InputError
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import dataset


@pytest.fixture(scope="module")
def iab() -> Taxonomy:
    return formats.load("iab-3.1")


def test_missing_data_names_the_variable_to_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TAXOCRAWL_DATA"):
        dataset.data_folder(tmp_path)


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("gate.example", False),
        ("www.gate.example", False),
        ("deep.sub.gate.example", False),
        ("GATE.example", False),
        ("notgate.example", True),
        ("", True),
    ],
)
def test_rows_of_held_out_domains_are_dropped(host: str, kept: bool) -> None:
    rows = dataset.without_domains([{"host": host}], frozenset({"gate.example"}), "host")
    assert bool(rows) == kept


def test_glossary_texts_cover_every_node(iab: Taxonomy) -> None:
    covered = {node for text in dataset.read_glossary(iab) for node in text.node_ids}
    assert covered == set(iab.ids)


@pytest.mark.data
def test_no_training_row_comes_from_gate_or_blind(data: Path, iab: Taxonomy) -> None:
    banned = dataset.held_out_domains(data)
    assert len(banned) > 1_000
    labels = dataset.pq.read_table(
        data / "pages" / "labels.parquet", columns=["registered_domain", "split"]
    ).to_pylist()
    train = {row["registered_domain"] for row in labels if row["split"] == "train"}
    assert not train & banned
    for source in ("companies_linkedin_industry", "medquad", "rss_feed_topics"):
        rows = dataset.pq.read_table(data / "sites" / f"{source}.parquet").to_pylist()
        kept = dataset.without_domains(rows, banned, "host")
        assert not {row["host"].removeprefix("www.") for row in kept} & banned


@pytest.mark.data
def test_sets_that_are_tests_or_not_free_are_not_trained_on(data: Path, iab: Taxonomy) -> None:
    forbidden = {"gnad10_german_news", "bbc_news", "ag_news", "huffpost_news", "masakhanews"}
    forbidden |= {"medical_abstracts", "topics_hosts", "ut1_hosts", "mozilla_interest_hosts"}
    assert not forbidden & set(dataset.WEAK_SOURCES)


@pytest.mark.data
def test_weak_rows_have_nodes_and_weights(data: Path, iab: Taxonomy) -> None:
    rows = dataset.read_weak(data, iab)
    assert len(rows) > 50_000
    assert all(row.node_ids and 0 < row.weight <= 1 for row in rows)
    assert {node for row in rows for node in row.node_ids} <= set(iab.ids)


def test_a_page_without_html_has_the_fields_that_are_kept() -> None:
    row = {
        "page_id": "1",
        "url": "http://garden.example/rakes",
        "lang": "en",
        "title": "Rakes",
        "site_name": "Garden",
        "description": "All rakes",
        "keywords": "rake, hoe",
        "headings": "One | Two",
        "main_text": "short",
        "all_text": "the whole visible text",
    }
    fields = dataset.text_document(row).pages[0].fields
    assert fields.title == "Rakes | Garden"
    assert fields.headings == "One\nTwo"
    assert fields.body == "the whole visible text"
    assert fields.description == "All rakes\nrake, hoe"
    assert (fields.link_texts, fields.facts) == ("", "")
