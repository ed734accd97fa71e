"""What the encoder learns from: texts of 31 languages, each with English that says the same.

English texts stand for themselves. Page texts have no English; they say which words the web uses.
"""

import csv
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from taxocrawl.training.dataset import held_out_domains, without_domains

LANGUAGES = (
    *("de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr", "ja", "zh", "cs", "sv", "hu", "ro"),
    *("uk", "da", "fi", "el", "ko", "vi", "id", "ar", "fa", "no", "he", "th", "bg", "hr", "sk"),
)

# Running English with a host, so that pages of the gate can be left out, and how many letters of
# a text the teacher reads: its cost is the texts' length, and topics show early.
ENGLISH_SOURCES = {
    "reddit_topics": (18_000, 200),
    "yc_companies": (6_000, 200),
    "appstore_genres": (4_000, 250),
    "goodreads_titles": (4_000, 100),
    "medquad": (3_000, 250),
    "ted_talks_tags": (2_500, 250),
    "rss_feed_topics": (800, 200),
}
PAGE_LETTERS, BODY_LETTERS = 500, 380


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the English texts, any of which says the same.

    `is_word` for an entry of a dictionary, which weighs less than running text.
    """

    text: str
    english: tuple[str, ...]
    language: str
    weight: float = 1.0
    is_word: bool = False


@dataclass(frozen=True, slots=True)
class PageWords:
    """What a page says: title and description, and the text."""

    language: str
    head: str
    body: str

    @property
    def opening(self) -> str:
        """As much of the page as the teacher reads."""
        return folded(f"{self.head}. {self.body[:BODY_LETTERS]}")[:PAGE_LETTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """All examples, and the words' use: pages, and frequency ranks of (language, word)."""

    examples: tuple[Example, ...]
    pages: tuple[PageWords, ...]
    ranks: dict[tuple[str, str], int]


def read_corpus(data: Path, *, seed: int) -> Corpus:
    """Everything in a fixed order: the same seed gives the same corpus."""
    lexicon = pq.read_table(data / "bilingual" / "lexicon.parquet").to_pylist()
    examples = [
        *_sentences(data),
        *_glossary(data),
        *_google_names(data),
        *_words(lexicon),
        *(Example(t, (t,), "en") for t in _english(data, seed=seed)),
    ]
    pages = tuple(_pages(data))
    openings = dict.fromkeys(page.opening for page in pages if page.language == "en")
    examples += [Example(t, (t,), "en") for t in openings]
    return Corpus(
        examples=tuple(e for e in examples if e.text and all(e.english)),
        pages=pages,
        ranks={(row["lang"], row["word"]): row["freq_rank"] for row in lexicon},
    )


def folded(text: str) -> str:
    """The text with runs of white space as one space."""
    return re.sub(r"\s+", " ", text).strip()


def _sentences(data: Path) -> Iterator[Example]:
    rows = pq.read_table(data / "bilingual" / "sentences.parquet").to_pylist()
    for row in rows:
        yield Example(row["text"], (row["en"],), row["lang"])
    for english in dict.fromkeys(row["en"] for row in rows):
        yield Example(english, (english,), "en")


def _words(lexicon: list[dict[str, Any]]) -> Iterator[Example]:
    translations: dict[str, None] = {}
    for row in lexicon:
        # The first two translations: the third is more often wrong than helpful.
        english = tuple(row["en"].split("; ")[:2])
        translations |= dict.fromkeys(english)
        yield Example(row["word"], english, row["lang"], weight=0.3, is_word=True)
    for word in translations:
        yield Example(word, (word,), "en", weight=0.3, is_word=True)


def _glossary(data: Path) -> Iterator[Example]:
    for name in ("glossary_iab_3.1.jsonl", "glossary_google.jsonl"):
        for line in (data / "taxonomies" / name).read_text(encoding="utf-8").splitlines():
            node = json.loads(line)
            label = node["path"].split(" > ")[-1]
            keywords = node["keywords"]
            meaning = ", ".join([label, *keywords])
            texts = [node["path"], label, node["scope"], meaning, *keywords, node.get("shop", "")]
            for key in ("site_examples", "short_examples", "titles"):
                texts += node.get(key, [])
            yield from (Example(text, (text,), "en") for text in texts if text)
            for language, foreign in node["keywords_i18n"].items():
                # No keyword has its own translation: the node's meaning is the nearest thing.
                for text in (*foreign, ", ".join(foreign)):
                    yield Example(text, (meaning,), language)


def _google_names(data: Path) -> Iterator[Example]:
    folder = data / "taxonomies"
    with (folder / "google_product.tsv").open(encoding="utf-8", newline="") as file:
        english = {
            row["id"]: row["name"]
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        }
    yield from (Example(name, (name,), "en") for name in dict.fromkeys(english.values()))
    with gzip.open(folder / "google_product_names.tsv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            language = row["lang"][:2]
            if language in LANGUAGES and row["id"] in english:
                yield Example(row["name"], (english[row["id"]],), language, weight=0.5)


def _english(data: Path, *, seed: int) -> Iterator[str]:
    banned = held_out_domains(data)
    for name, (n_rows, n_letters) in ENGLISH_SOURCES.items():
        rows = pq.read_table(data / "sites" / f"{name}.parquet").to_pylist()
        rows = list(without_domains(rows, banned, "host"))
        order = np.random.default_rng(seed).permutation(len(rows))[:n_rows]
        for i in sorted(order):
            yield folded(f"{rows[i]['title']} {rows[i]['text']}")[:n_letters]


def _pages(data: Path) -> Iterator[PageWords]:
    """Texts of pages of the train split and of pages without labels; no label is read."""
    labels = data / "pages" / "labels.parquet"
    columns = ["lang", "title", "description", "main_text", "registered_domain"]
    rows = pq.read_table(labels, columns=columns, filters=[("split", "=", "train")]).to_pylist()
    for row in without_domains(rows, held_out_domains(data), "registered_domain"):
        head = f"{row['title']}. {row['description']}"
        yield PageWords(row["lang"], head, folded(row["main_text"]))
    for row in pq.read_table(data / "pages" / "unlabelled.parquet").to_pylist():
        yield PageWords(row["lang"], f"{row['title']}. {row['description']}", folded(row["text"]))
