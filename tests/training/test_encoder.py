"""The encoder's training, on a toy world of three languages."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.training import alignment, contexts, distil, encoder, vocabulary
from taxocrawl.training.alignment import Bags, Recipe
from taxocrawl.training.corpus import Corpus, Example, PageWords

pytestmark = pytest.mark.torch

TOPICS = {
    "soccer": {
        "en": "soccer match goal league striker",
        "de": "fußball spiel tor liga stürmer",
        "ru": "футболист матч гол лига нападающий",
        "zh": "足球比赛进球联赛",
    },
    "baking": {
        "en": "bread oven flour recipe dough",
        "de": "brot ofen mehl rezept teig",
        "ru": "хлеб печь мука рецепт тесто",
        "zh": "面包烤箱面粉食谱",
    },
    "banking": {
        "en": "bank loan interest account credit",
        "de": "bank kredit zinsen konto darlehen",
        "ru": "банк заём процент счёт кредит",
        "zh": "银行贷款利息账户",
    },
}
PAIRS = [("de", "rezepte", "recipe"), ("de", "kochen", "bread"), ("ru", "футболистка", "soccer")]


@pytest.fixture(scope="module")
def world():
    """A corpus, and what a teacher would say of its English texts: one axis a topic."""
    examples, meanings = [], {}
    for axis, texts in enumerate(TOPICS.values()):
        rng = np.random.default_rng(axis)
        meaning = np.eye(8, dtype=np.float32)[axis] + rng.normal(0, 0.05, 8).astype(np.float32)
        for english in (texts["en"], *texts["en"].split()):
            meanings[english] = meaning
        for language, text in texts.items():
            examples.append(Example(text, (texts["en"],), language))
            examples += [Example(text[:4], (texts["en"],), "zh")] * (language == "zh")
    for language, word, english in PAIRS:
        examples.append(Example(word, (english,), language, weight=0.3, is_word=True))
    pages = (PageWords("de", "Kochrezepte", "Die besten Rezepte. Rezepten, rezeptes"),)
    corpus = Corpus(examples=tuple(examples * 6), pages=pages, ranks={("de", "rezepte"): 900})
    return corpus, meanings


@pytest.fixture(scope="module")
def built(world):
    corpus, meanings = world
    before = encoder.N_DIMS
    encoder.N_DIMS = 3
    try:
        tokens = ["[PAD]", "soccer", "##ing", "bank"]
        return encoder.student(corpus, meanings, tokens, Recipe(epochs=8), 0, lambda _: None)
    finally:
        encoder.N_DIMS = before


@pytest.fixture
def saved(built, tmp_path):
    distil.save_encoder(tmp_path / "toy", *built, base_model="toy")
    return StaticEncoder(tmp_path / "toy")


@pytest.mark.parametrize("language", ["en", "de", "ru", "zh"])
def test_a_text_of_any_language_is_nearest_to_its_english(saved, language):
    texts = saved.encode([topic[language] for topic in TOPICS.values()])
    english = saved.encode([topic["en"] for topic in TOPICS.values()])
    assert (texts @ english.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_compound_has_its_parts(saved):
    ids = saved.tokenize(["Fußballrezepte"])[0]
    assert saved.tokens(ids) == ["fußball", "rezepte"]


def test_one_seed_gives_the_same_table(world, built, monkeypatch):
    corpus, meanings = world
    monkeypatch.setattr(encoder, "N_DIMS", 3)
    tokens = ["[PAD]", "soccer", "##ing", "bank"]
    again = encoder.student(corpus, meanings, tokens, Recipe(epochs=8), 0, lambda _: None)
    assert again[0].to_str() == built[0].to_str()
    assert np.array_equal(again[1], built[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße, 2 Häuser!", ["straße", "2", "häuser"]),
        ("ΕΛΛΆΔΑ Ελλάδα", ["ελλαδα", "ελλαδα"]),
        ("İstanbul ISTANBUL", ["istanbul", "istanbul"]),
        ("ёлка елка", ["елка", "елка"]),
        ("การท่องเที่ยว ราคา", ["การท่องเที่ยว", "ราคา"]),
        ("full－width ＡＢＣ snake_case", ["full", "width", "abc", "snake", "case"]),
        ("🙂 … ", []),
    ],
    ids=["german", "greek", "turkish", "russian", "thai", "width", "nothing"],
)
def test_words_are_lower_case_runs_of_letters(text, expected):
    assert vocabulary.words(text) == expected


def test_a_word_is_not_cut_where_it_is_known_whole():
    tokenizer = vocabulary.unigram({"rezept": 50.0, "en": 90_000.0, "rezepten": 1.0, "r": 1.0})
    assert tokenizer.encode("Rezepten").tokens == ["rezepten"]


def test_stems_are_beginnings_that_mean_one_thing():
    def unit(*values):
        return np.array(values, dtype=np.float32) / np.linalg.norm(values)

    known = {
        "wanderung": unit(1, 0, 0),
        "wanderer": unit(1, 0.2, 0),
        "überfall": unit(0, 1, 0),
        "überzug": unit(0, 0, 1),
    }
    use = {"wandern": 5.0, "wanderst": 5.0, "überfuhr": 9.0} | dict.fromkeys(known, 1.0)
    stems = vocabulary._stems(use, {}, known)
    assert "wander" in stems
    assert "über" not in stems


def test_bags_are_taken_in_the_order_asked_for():
    bags = Bags.of([[1, 2], [], [3], [4, 5, 6]])
    taken = bags.take(np.array([3, 1, 0]))
    assert (taken.ids.tolist(), taken.lengths.tolist()) == ([4, 5, 6, 1, 2], [3, 0, 2])


def test_the_first_row_of_a_token_is_the_mean_of_its_texts():
    bags = Bags.of([[0], [0], [1]])
    targets = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    table = alignment.first_table(bags, targets, np.array([0, 1e-4], dtype=np.float32))
    # Shrunk by 0.05 texts towards zero; a token with a share of 1e-4 weighs half.
    assert table == pytest.approx(np.array([[1, 1], [0, 1 / 1.05 / 2]]) / [[2.05], [1]])


def test_axes_are_the_strongest_and_point_the_same_way_each_time():
    rng = np.random.default_rng(1)
    points = (rng.normal(size=(200, 3)) * [5, 1, 0.1]).astype(np.float32)
    mean, axes = distil.principal_axes(points, 2)
    assert mean == pytest.approx(points.mean(axis=0), abs=1e-4)
    assert np.abs(axes[0, 0]) > 0.99
    assert axes[np.abs(axes).argmax(axis=0), [0, 1]].min() > 0


def test_a_word_without_translation_gets_the_topic_of_its_pages(built):
    tokenizer, table = built
    league, kitchen = "fußball tor stürmer", "brot mehl teig"
    pages = tuple(
        PageWords("de", text, name)
        for text, name in [(league, "dynamo"), (kitchen, "linzer"), (kitchen, "dynalinz")] * 4
    )
    counts = dict.fromkeys([*tokenizer.get_vocab(), "dynamo", "linzer", "rare"], 1.0)
    counts.pop("[UNK]")
    wider, rows = contexts.adopt_page_words(tokenizer, table, counts, pages)
    vocabulary_now = wider.get_vocab()
    assert "rare" not in vocabulary_now
    assert np.array_equal(rows[vocabulary_now["brot"]], table[tokenizer.get_vocab()["brot"]])
    names = np.stack([rows[vocabulary_now[name]] for name in ("dynamo", "linzer")])
    topics = np.stack([rows[vocabulary_now[name]] for name in ("tor", "mehl")])
    assert (names @ topics.T).argmax(axis=1).tolist() == [0, 1]
