import json
import math
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from taxocrawl.classifiers.encoders import pieces, static
from taxocrawl.classifiers.encoders import sentence_transformers as transformers
from taxocrawl.classifiers.encoders.static import MAX_TOKENS, StaticEncoder
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Encoder

WORDS = ["[UNK]", "goal", "match", "bread", "足球", "oven"]
TABLE = np.array(
    [[0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 2], [6, 0, 0], [0, 0, 1]], dtype=np.float32
)


def write_folder(folder, *, table=TABLE, name="embeddings", factors=None, modules=True):
    folder.mkdir(exist_ok=True)
    scored = [(word, -1.0) for word in WORDS]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    arrays = {name: table} if factors is None else {name: table, "weights": factors}
    save_file(arrays, folder / "model.safetensors")
    if modules:
        library = "sentence_transformers.sentence_transformer.modules"
        kinds = ["StaticEmbedding", "Normalize"]
        steps = [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{kind}" if i else "",
                "type": f"{library}.{kind}",
            }
            for i, kind in enumerate(kinds)
        ]
        (folder / "1_Normalize").mkdir(exist_ok=True)
        (folder / "modules.json").write_text(json.dumps(steps))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "encoder")


@pytest.fixture
def encoder(folder):
    return StaticEncoder(folder)


def test_fulfils_the_protocol(encoder):
    assert isinstance(encoder, Encoder)
    assert (encoder.name, encoder.dimension) == ("static", 3)


def test_a_vector_is_the_mean_of_its_tokens_at_unit_length(encoder):
    vectors = encoder.encode(["goal match", "bread"])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == pytest.approx(np.array([[0.6, 0.8, 0], [0, 0, 1]]))


def test_scripts_without_spaces_are_cut_into_known_words(encoder):
    assert encoder.tokens(encoder.tokenize(["足球足球"])[0]) == ["足球", "足球"]


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "🙂🙂", "\x00"], ids=ascii)
def test_a_text_without_known_tokens_is_a_zero_vector(encoder, text):
    assert encoder.encode([text]).tolist() == [[0, 0, 0]]


TEXTS = [
    "goal  match,\nbread!",
    "x足球 goal",
    "goal\tgoal\u3000match\u00a0oven",
    "bread" * 9 + " goal",
]


def test_words_met_before_give_the_tokens_that_the_whole_text_gives(folder, encoder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    expected = [tokenizer.encode(text).ids for text in TEXTS]
    for _ in range(2):
        assert [ids.tolist() for ids in encoder.tokenize(TEXTS)] == expected


def test_a_tokenizer_that_reads_spaces_gets_whole_texts(folder):
    tokenizer = Tokenizer(models.BPE(dict.fromkeys("aĠb", 0) | {"a": 0, "Ġ": 1, "b": 2}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": TABLE[:3]}, folder / "model.safetensors")
    assert StaticEncoder(folder).tokenize(["a b"])[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "kind",
    [
        lambda scored: models.Unigram(scored, unk_id=0),
        lambda scored: models.Unigram([*scored[:-1], ("looks like a score,5]", -9.0)], unk_id=0),
        lambda scored: models.WordPiece(
            {word: i for i, (word, _) in enumerate(scored)}, unk_token="[UNK]"
        ),
    ],
    ids=["unigram", "unigram with an odd token", "wordpiece"],
)
def test_pieces_of_words_get_the_tokens_that_the_tokenizer_gives(folder, kind):
    scored = [
        ("[UNK]", -20.0),
        ("goal", -2.0),
        ("match", -2.0),
        ("oven", -3.9),
        ("goalmatch", -9.0),
    ]
    tokenizer = Tokenizer(kind([*scored, ("##match", -2.0)]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\w]+|_+"), "removed")
    tokenizer.save(str(folder / "tokenizer.json"))
    text = "Goal! goalmatch_OVEN matchgoal qq, go4l été Goalmatch"
    encoder = StaticEncoder(folder)
    assert encoder._pieces is not None
    for _ in range(2):
        assert encoder.tokenize([text])[0].tolist() == tokenizer.encode(text).ids


def test_kept_words_are_few_and_short(encoder, monkeypatch):
    monkeypatch.setattr(static, "MAX_KEPT_WORDS", 50)
    texts = [f"goal{number} {'x' * 40}{number}" for number in range(200)]
    assert [len(encoder.tokenize([text])[0]) > 0 for text in texts] == [True] * 200
    assert len(encoder._kept) <= 50
    assert max(map(len, encoder._kept)) <= pieces.MAX_KEPT_LETTERS


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 3)


def test_lone_surrogates_do_not_stop_a_batch(encoder):
    assert encoder.encode(["\ud800 goal"])[0].tolist() == [1, 0, 0]


def test_an_endless_text_is_cut(encoder):
    assert len(encoder.tokenize(["goal " * 100_000])[0]) == MAX_TOKENS
    assert len(encoder.tokenize(["goal" * 1_000_000])[0]) == MAX_TOKENS


def test_a_batch_gives_what_single_texts_give(encoder):
    texts = ["goal", "bread match", "", "goal goal bread"]
    assert np.array_equal(encoder.encode(texts), np.vstack([encoder.encode([t]) for t in texts]))


def test_token_vectors_explain_a_text(encoder):
    ids = encoder.tokenize(["goal match"])[0]
    assert encoder.token_vectors[ids].tolist() == [[3, 0, 0], [0, 4, 0]]
    assert np.array_equal(encoder.pool([ids]), encoder.encode(["goal match"]))


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize("name", ["embeddings", "embedding.weight"])
def test_reads_what_sentence_transformers_and_model2vec_write(tmp_path, name, kind):
    folder = write_folder(tmp_path / "e", table=TABLE.astype(kind), name=name, modules=False)
    assert StaticEncoder(folder).encode(["bread"]).tolist() == [[0, 0, 1]]


def test_int8_rows_are_multiplied_by_their_factors(tmp_path):
    factors = np.array([1, 0.5, 2, 1, 1, 1], dtype=np.float32)
    folder = write_folder(tmp_path / "e", table=TABLE.astype(np.int8), factors=factors)
    assert StaticEncoder(folder).token_vectors[1:3].tolist() == [[1.5, 0, 0], [0, 8, 0]]


def break_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")


def break_table(folder):
    (folder / "model.safetensors").write_bytes(b"\x00" * 20)


def drop_table(folder):
    (folder / "model.safetensors").unlink()


def drop_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


def too_few_rows(folder):
    save_file({"embeddings": TABLE[:4]}, folder / "model.safetensors")


def not_finite(folder):
    save_file({"embeddings": TABLE * np.inf}, folder / "model.safetensors")


def other_name(folder):
    save_file({"weights": TABLE}, folder / "model.safetensors")


def wrong_factors(folder):
    arrays = {"embeddings": TABLE, "weights": np.ones(2, dtype=np.float32)}
    save_file(arrays, folder / "model.safetensors")


def a_transformer(folder):
    (folder / "modules.json").write_text('[{"type": "sentence_transformers.models.Transformer"}]')


def bad_modules(folder):
    (folder / "modules.json").write_text("[]")


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_tokenizer, "tokenizer.json cannot be read"),
        (drop_tokenizer, "is no encoder folder"),
        (break_table, "model.safetensors cannot be read"),
        (drop_table, "model.safetensors cannot be read"),
        (too_few_rows, "4 vectors for 6 tokens"),
        (not_finite, "not finite"),
        (other_name, "no table named embeddings"),
        (wrong_factors, "factors for 6 vectors"),
        (a_transformer, r"taxocrawl\[transformers\]"),
        (bad_modules, "modules.json cannot be read"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_reason(folder, damage, said):
    damage(folder)
    with pytest.raises(ModelError, match=said):
        StaticEncoder(folder)


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'taxocrawl\[transformers\]'"):
        transformers.load("all-MiniLM-L6-v2")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestSentenceTransformers:
    @pytest.fixture(autouse=True)
    def library(self, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        pytest.importorskip("sentence_transformers")

    @pytest.mark.parametrize("factors", [None, np.linspace(0.1, 2, 6, dtype=np.float32)])
    def test_both_runtimes_give_equal_vectors(self, tmp_path, factors):
        rng = np.random.default_rng(3)
        kind = np.float16 if factors is None else np.int8
        table = rng.integers(-100, 100, (6, 16)).astype(kind)
        folder = write_folder(tmp_path / "e", table=table, factors=factors)
        texts = ["goal match", "bread", "", "足球goal 足球", "oven oven nothing", "  "]
        ours, theirs = StaticEncoder(folder), transformers.load(str(folder))
        assert isinstance(theirs, Encoder)
        assert theirs.dimension == ours.dimension == 16
        np.testing.assert_allclose(theirs.encode(texts), ours.encode(texts), atol=1e-3)

    def test_an_unknown_model_is_named(self, tmp_path):
        with pytest.raises(ModelError, match="nowhere"):
            transformers.load(str(tmp_path / "nowhere"))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_saved_encoder_is_read_back(tmp_path):
    pytest.importorskip("sentence_transformers")
    from taxocrawl.training.distil import save_encoder

    tokenizer = Tokenizer.from_file(str(write_folder(tmp_path / "e") / "tokenizer.json"))
    save_encoder(tmp_path / "saved", tokenizer, TABLE, base_model="teacher")
    np.testing.assert_allclose(StaticEncoder(tmp_path / "saved").token_vectors, TABLE, rtol=0.01)
    theirs = transformers.load(str(tmp_path / "saved")).encode(["goal match"])
    np.testing.assert_allclose(theirs, [[0.6, 0.8, 0]], atol=1e-3)
    for file in (tmp_path / "saved").glob("*.json"):
        assert str(tmp_path) not in file.read_text()
    assert math.isclose(np.linalg.norm(theirs), 1, rel_tol=1e-5)
