"""The ranker's own choice of words, found by their tokens."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from taxocrawl import words
from taxocrawl.classifiers.encoders.static import MAX_TOKENS, StaticEncoder
from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.classifiers.telling_words import TellingWords
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.protocols import WordFinder
from taxocrawl.records import Document, Fields, PageText
from taxocrawl.settings import Settings


@pytest.fixture(scope="module")
def shipped() -> Ranker:
    classifier = loading.load(Settings()).classifier("ranker")
    assert isinstance(classifier, Ranker)
    return classifier


def site(*bodies: str, **fields: str) -> Document:
    pages = tuple(
        PageText(url=str(n), fields=Fields(body=b, **fields)) for n, b in enumerate(bodies)
    )
    return Document(id="x", domain="x", pages=pages)


def telling(ranker: Ranker, document: Document, most: int = 5) -> list[str]:
    [node, *_] = [p.node_id for p in ranker.classify([document])[0]]
    [[found]] = ranker.telling_words([(document, ranker.taxonomies[0], [node])], most=most)
    return found


SPORTS = "The football club won the league. Goals by two strikers and a happy coach."
TEXTS = {
    "plain": SPORTS,
    "capitals": SPORTS.upper(),
    "quotes": "«" + SPORTS.replace(" ", "» («") + "»)",
    "compounds": SPORTS.replace("football club", "football-club/team"),
    "chinese": "我们提供最新的足球比赛新闻和球队资料，欢迎球迷订阅。",
    "japanese": "新しいカメラのレンズと写真の撮り方を紹介しています。",
    "thai": "รีวิวโรงแรมและสถานที่ท่องเที่ยวทั่วประเทศไทย",
    "hindi": "विश्व कप में भारत की टीम ने फुटबॉल मैच जीता",
    "german": "Straßenfußball: die größte Fußballstraße der Stadt, Fußball für alle",
    "greek": "Η ομάδα ποδοσφαίρου κέρδισε το πρωτάθλημα με δύο τέρματα στον τελικό",
    "turkish": "İstanbul İzmir gezi rehberi, otel İstanbul oteller ve müzeler",
    "russian": "Ёлка и ещё ёлки: новогодние подарки для всей семьи",
    "slashes": "football/league/goals/cup/match,coach|players;stadium",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_is_found_are_words_of_the_page(shipped: Ranker, text: str) -> None:
    found = telling(shipped, from_text("x", text=text))
    assert len(found) >= 3
    assert set(found) <= set(words.words(text))
    assert len(set(found)) == len(found)


def test_words_that_punctuation_alone_parts_are_all_looked_at(shipped: Ranker) -> None:
    document = from_text("x", text=TEXTS["slashes"])
    assert set(telling(shipped, document, most=8)) == set(words.words(TEXTS["slashes"]))


def test_the_words_of_the_topic_come_first(shipped: Ranker) -> None:
    filler = "We are here for you every day of the week and look forward to your call. "
    document = from_text("x", text=filler + SPORTS)
    assert {"football", "league"} <= set(telling(shipped, document, most=5))


def test_a_document_gets_the_same_words_in_every_batch(shipped: Ranker) -> None:
    documents = [from_text(str(n), text=text) for n, text in enumerate(TEXTS.values())]
    targets = [[p.node_id for p in of][:2] for of in shipped.classify(documents)]
    asked = [(d, "iab-3.1", nodes) for d, nodes in zip(documents, targets, strict=True)]
    together = shipped.telling_words(asked, most=8)
    assert [len(of) for of in together] == [len(nodes) for nodes in targets]
    assert together == [shipped.telling_words([one], most=8)[0] for one in asked]
    assert together[::-1] == shipped.telling_words(asked[::-1], most=8)


def test_words_of_all_pages_and_fields_count(ranker: Ranker) -> None:
    document = site("the the", "soccer", title="ball", alt_texts="goal")
    assert set(telling(ranker, document, most=4)) == {"the", "soccer", "ball", "goal"}


@pytest.mark.parametrize(
    "text", ["", " ", "!!!", "a", "\ud800", "ﷺ" * 2000, "x" * 3000, "足" * 2000]
)
def test_hostile_text_is_no_trouble(shipped: Ranker, text: str) -> None:
    document = site(text, SPORTS)
    assert len(telling(shipped, document)) == 5


def test_a_text_cut_by_its_tokens_keeps_those_of_its_words_apart(shipped: Ranker) -> None:
    [(ids, by_word)] = shipped._encoder.tokens_by_word(["goal " + "ﷺ" * 2000 + " goal"])
    assert len(ids) == by_word.sum() <= MAX_TOKENS


def test_nothing_asked_is_nothing_found(ranker: Ranker) -> None:
    assert isinstance(ranker, WordFinder)
    assert ranker.telling_words([], most=3) == []


def test_a_tokenizer_that_joins_words_gets_them_one_by_one(tmp_path, shipped: Ranker) -> None:
    tokenizer = Tokenizer(models.BPE({"g": 0, "o": 1, "Ġ": 2, "c": 3}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    table = np.eye(4, shipped._encoder.dimension, dtype=np.float32)
    save_file({"embeddings": table}, tmp_path / "model.safetensors")
    encoder = StaticEncoder(tmp_path)
    assert not encoder.parts_at_spaces
    [page] = shipped._pages_read([from_text("x", text="go cog. Goo go").pages[0]])
    found = TellingWords(shipped._sources.linear, encoder)
    nodes = np.ones((1, len(shipped._nodes)), dtype=np.float32)
    [[names]] = found.find([[page]], [nodes], most=9)
    assert set(names) == {"go", "cog", "goo"}
