"""A user's own taxonomy: without labels, with some, and what may go wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from own_samples import MINE_CSV, make_base, texts

from taxocrawl.classifiers.model_catalogue import check
from taxocrawl.classifiers.model_folder import load_model
from taxocrawl.errors import InputError
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.taxonomies.user_file import read_csv, taxonomy_of_model
from taxocrawl.training import adaptation, own_fit, own_labels, own_package, search
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.transfer import Base

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    path = tmp_path_factory.mktemp("mine") / "mine.csv"
    path.write_text(MINE_CSV)
    return read_csv(path)


def pages(n: int, seed: int = 0, nodes: list[str] | None = None) -> list[LabelledPage]:
    rows = texts(n, seed)
    labels = nodes or [node for _, node in rows]
    return own_labels.own_pages([{"text": text} for text, _ in rows], [[i] for i in labels])


def quiet(line: str) -> None:
    """No talk."""


def quick(n_pages: int, tree: Taxonomy) -> own_fit.Plan:
    """Too little to learn well from, where what is learnt does not matter."""
    plan = own_fit.own_plan(n_pages, len(tree))
    return replace(plan, n_folds=2, linear=replace(plan.linear, epochs=3))


def right(trained: own_fit.Trained, base: Base, tree: Taxonomy) -> float:
    held_out = pages(60, seed=9)
    best = own_fit.best_of(own_fit.ranker_of(trained, base, tree), held_out)
    return float(np.mean([tree.ids[b] == p.primary for b, p in zip(best, held_out, strict=True)]))


def test_without_a_label_the_shipped_knowledge_answers(base: Base, tree: Taxonomy) -> None:
    trained = own_fit.train(base, tree, progress=quiet)
    assert trained.metrics == {}
    assert right(trained, base, tree) > 0.8


def test_labels_are_learnt_and_the_gain_is_measured(base: Base) -> None:
    # Names that say nothing: only the labels can tell what they mean.
    bare = Taxonomy(
        "bare", [Node(id=i, parent_id=None, name=f"class {i}", tier=1) for i in ("s", "b", "v")]
    )
    trained = own_fit.train(base, bare, pages(36), progress=quiet)
    assert trained.metrics["zero_shot_node_accepted"] < 0.6
    assert trained.metrics["node_accepted"] > 0.8
    assert trained.metrics["gain"] > 0.2
    assert trained.metrics["n_texts"] == 36


def test_labels_without_a_sense_are_not_kept(base: Base, tree: Taxonomy) -> None:
    rng = np.random.default_rng(3)
    odd = pages(36, nodes=rng.choice(["s", "b", "v"], 36).tolist())
    trained = own_fit.train(base, tree, odd, plan=quick(36, tree), progress=quiet)
    assert trained.metrics["node_accepted"] < 0.6


def test_the_folder_stands_alone_and_has_the_same_bytes_twice(
    base: Base, tree: Taxonomy, tmp_path: Path
) -> None:
    sums = []
    for name in ("a", "b"):
        trained = own_fit.train(base, tree, pages(24), plan=quick(24, tree), progress=quiet)
        own_package.write_folder(tmp_path / name, trained, base, tree, notes=("note",))
        sums.append((tmp_path / name / "SHA256SUMS").read_text())
    assert sums[0] == sums[1]
    address = taxonomy_of_model(tmp_path / "a")
    assert Path(address).read_text() == MINE_CSV
    assert load_model(tmp_path / "a", read_csv(Path(address))).manifest.taxonomy == "mine"
    assert check(tmp_path / "a") > 5


def test_a_folder_of_other_things_is_not_overwritten(
    base: Base, tree: Taxonomy, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds no model"):
        own_package.write_folder(tmp_path, own_fit.zero_shot(base, tree), base, tree)


def test_no_site_is_in_two_folds_and_every_fold_sees_every_node() -> None:
    of_sites = own_labels.own_pages(
        [{"text": f"text {i}", "domain": f"site{i // 2}.example"} for i in range(40)],
        [["s" if i < 20 else "b"] for i in range(40)],
    )
    folds = own_fit.own_folds(of_sites, 5, seed=0)
    assert (folds[::2] == folds[1::2]).all()
    for part in (folds[:20], folds[20:]):
        assert set(part.tolist()) == set(range(5))


@pytest.mark.parametrize(
    ("labels", "domains", "says"),
    [
        (["s", "s", "s"], ["", "", ""], "'Leisure > Soccer'"),
        (["s", "b", "v"], ["a.example"] * 3, "one site"),
    ],
    ids=["one class", "one site"],
)
def test_nothing_to_tell_apart_is_said(
    base: Base, tree: Taxonomy, labels: list[str], domains: list[str], says: str
) -> None:
    rows = [{"text": f"text {i}", "domain": domain} for i, domain in enumerate(domains)]
    given = own_labels.own_pages(rows, [[label] for label in labels])
    with pytest.raises(InputError, match=says):
        own_fit.train(base, tree, given, progress=quiet)


def test_two_texts_are_enough_to_start(base: Base, tree: Taxonomy) -> None:
    trained = own_fit.train(base, tree, pages(2), progress=quiet)
    assert right(trained, base, tree) > 0.6


def test_a_search_that_gains_nothing_is_not_kept(base: Base, tree: Taxonomy) -> None:
    def measured(plan: own_fit.Plan) -> own_fit.Measured:
        trainer = own_fit.own_trainer(base, tree, pages(24), plan=plan, seed=0, progress=quiet)
        return own_fit.measure(trainer, base)

    first = measured(quick(24, tree))
    found, said = search.search(first, measured, tries=1, cpu_seconds=60, seed=0, progress=quiet)
    assert found is first
    assert "1 of 1 tries" in said
    assert "not kept" in said
    _, said = search.search(first, measured, tries=3, cpu_seconds=0, seed=0, progress=quiet)
    assert "0 of 3 tries" in said


def test_adaptation_brings_together_what_stands_together(base: Base) -> None:
    encoder = base.encoder
    said = ["pizza oven pizza oven dough pizza"] * 200 + ["car engine brake gear tyre"] * 200
    table = adaptation.adapted(encoder, said, seed=0)
    pizza, oven = (int(ids[0]) for ids in encoder.tokenize(["pizza", "oven"]))

    def cosine(rows: np.ndarray) -> float:
        a, b = rows[pizza], rows[oven]
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(table) > cosine(encoder.token_vectors) + 0.1
    lengths = np.linalg.norm(encoder.token_vectors, axis=1)
    assert np.allclose(np.linalg.norm(table, axis=1), lengths, rtol=1e-4)
    (unseen,) = encoder.tokenize(["tooth"])
    assert np.allclose(table[unseen], encoder.token_vectors[unseen], atol=1e-5)
    assert (adaptation.adapted(encoder, said, seed=0) == table).all()


def test_too_little_to_adapt_to_is_said(base: Base) -> None:
    with pytest.raises(InputError, match="too few"):
        adaptation.adapted(base.encoder, ["pizza oven"])
