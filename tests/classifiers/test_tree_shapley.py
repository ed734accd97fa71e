"""Held to what xgboost works out itself, by `pred_contribs`."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

import taxocrawl
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.model_folder import RANKER
from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.classifiers.tree_shapley import tables_of
from taxocrawl.extraction.documents import from_text
from taxocrawl.taxonomies.tree import Taxonomy

N_FEATURES = 5


def rows_of(n_rows: int, n_features: int = N_FEATURES, *, seed: int = 0) -> NDArray[np.float32]:
    """A fifth of the values is missing."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 2, (n_rows, n_features)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    return rows


def trained(*, rounds: int = 20, n_features: int = N_FEATURES, **parameters) -> xgboost.Booster:
    x = rows_of(600, n_features)
    filled = np.nan_to_num(x)
    y = filled[:, 0] + filled[:, 1 % n_features] * filled[:, 2 % n_features]
    if str(parameters.get("objective")).startswith(("binary", "multi")):
        y = (y > 0).astype(float)
    return xgboost.train({"nthread": 1, "seed": 0, **parameters}, xgboost.DMatrix(x, y), rounds)


def paths(tree: dict, node: int = 0, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Features asked on the way to each leaf."""
    if tree["left_children"][node] < 0:
        yield path
        return
    for side in ("left_children", "right_children"):
        yield from paths(tree, tree[side][node], (*path, tree["split_indices"][node]))


def paths_of(booster: xgboost.Booster) -> list[tuple[int, ...]]:
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    return [path for tree in model["trees"] for path in paths(tree)]


def check(booster: xgboost.Booster, rows: NDArray[np.float32]) -> None:
    tables = tables_of(booster)
    assert tables is not None
    found = tables.contributions(rows)
    matrix = xgboost.DMatrix(rows, nthread=1)
    assert found == pytest.approx(booster.predict(matrix, pred_contribs=True), abs=2e-5)
    assert found.sum(axis=1) == pytest.approx(booster.predict(matrix, output_margin=True), abs=5e-5)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["hist", "exact"])
def test_trees_of_each_depth(depth: int, method: str) -> None:
    booster = trained(max_depth=depth, tree_method=method)
    assert max(map(len, paths_of(booster))) == depth
    check(booster, rows_of(200, seed=1))


def test_features_that_are_asked_again_on_a_path() -> None:
    booster = trained(max_depth=4, n_features=2)
    repeated = {len(path) - len(set(path)) for path in paths_of(booster)}
    assert repeated >= {0, 1, 2}
    check(booster, rows_of(200, 2, seed=1))
    check(trained(max_depth=4, n_features=1), rows_of(200, 1, seed=1))


@pytest.mark.parametrize("method", ["hist", "exact"])
def test_leaves_of_every_depth_and_pruned_nodes(method: str) -> None:
    booster = trained(max_depth=4, gamma=40, tree_method=method, min_child_weight=20)
    assert {len(path) for path in paths_of(booster)} >= {1, 2, 3, 4}
    check(booster, rows_of(200, seed=1))


def test_trees_that_are_one_leaf() -> None:
    booster = trained(gamma=1e9, rounds=3)
    assert paths_of(booster) == [(), (), ()]
    check(booster, rows_of(3))


@pytest.mark.parametrize(
    "objective", ["reg:squarederror", "binary:logistic", "rank:pairwise", "count:poisson"]
)
def test_base_score_is_a_margin_whatever_the_objective(objective: str) -> None:
    x = rows_of(300)
    y = (np.nan_to_num(x[:, 0]) > 0).astype(int)
    matrix = xgboost.DMatrix(x, y, qid=np.arange(300) // 10 if "rank" in objective else None)
    parameters = {"max_depth": 3, "objective": objective, "base_score": 0.7, "nthread": 1}
    check(xgboost.train(parameters, matrix, 10), rows_of(50, seed=1))


def test_values_at_a_threshold_and_missing_ones_go_where_the_booster_sends_them() -> None:
    booster = trained(max_depth=4)
    tables = tables_of(booster)
    assert tables is not None
    thresholds = np.unique(tables.thresholds[np.isfinite(tables.thresholds)])
    check(booster, np.random.default_rng(0).choice(thresholds, (200, N_FEATURES)))
    check(booster, np.full((1, N_FEATURES), np.nan, dtype=np.float32))


def test_names_of_features_and_parallel_trees_change_nothing() -> None:
    x = rows_of(300)
    names = [f"feature {i}" for i in range(N_FEATURES)]
    matrix = xgboost.DMatrix(x, np.nan_to_num(x[:, 0]), feature_names=names)
    parameters = {"max_depth": 3, "num_parallel_tree": 3, "subsample": 0.5, "nthread": 1, "seed": 0}
    booster = xgboost.train(parameters, matrix, 5)
    tables = tables_of(booster)
    assert tables is not None
    assert tables.contributions(x) == pytest.approx(
        booster.predict(matrix, pred_contribs=True), abs=2e-5
    )


def test_a_row_has_the_same_bytes_alone_and_in_every_batch() -> None:
    tables = tables_of(trained(max_depth=4))
    assert tables is not None
    rows = rows_of(33)
    together = tables.contributions(rows)
    alone = [tables.contributions(row[None])[0] for row in rows]
    assert np.array_equal(np.stack(alone), together)
    assert np.array_equal(tables.contributions(rows[::-1]), together[::-1])
    assert np.array_equal(tables.contributions(np.asfortranarray(rows)), together)
    assert tables.contributions(rows[:0]).shape == (0, N_FEATURES + 1)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_depth": 5},
        {"booster": "dart", "rate_drop": 0.5},
        {"booster": "gblinear"},
        {"objective": "multi:softprob", "num_class": 2, "max_depth": 2},
        {"rounds": 0},
    ],
    ids=["deep", "dart", "linear", "classes", "none"],
)
def test_other_boosters_have_no_tables(parameters: dict) -> None:
    assert tables_of(trained(**parameters)) is None


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_targets_have_no_tables(strategy: str) -> None:
    x = np.nan_to_num(rows_of(100))
    parameters = {"max_depth": 2, "multi_strategy": strategy, "nthread": 1}
    assert tables_of(xgboost.train(parameters, xgboost.DMatrix(x, x[:, :2]), 2)) is None


def test_categories_have_no_tables() -> None:
    x = np.arange(90)[:, None] % 3
    matrix = xgboost.DMatrix(x, x[:, 0] == 1, feature_types=["c"], enable_categorical=True)
    assert tables_of(xgboost.train({"max_depth": 2, "nthread": 1}, matrix, 2)) is None


def test_the_shipped_ranker() -> None:
    folder = Path(taxocrawl.__file__).parent / "models" / "default"
    booster = xgboost.Booster({"nthread": 1}, model_file=folder / RANKER)
    check(booster, rows_of(100, booster.num_features()))


@pytest.mark.parametrize("depth", [3, 5])
def test_a_ranker_explains_by_trees_with_tables_and_without(
    ranker: Ranker, tree: Taxonomy, depth: int
) -> None:
    booster = trained(max_depth=depth, n_features=len(FEATURE_NAMES))
    by_these = Ranker(
        taxonomy=tree,
        manifest=ranker.manifest,
        encoder=ranker._encoder,
        sources=ranker._sources,
        booster=booster,
    )
    document = from_text("x", text="soccer ball goal", title="", language="en")
    contributions, base_value = by_these.feature_contributions(document, "toy", "11")
    names, values, weights = zip(*contributions, strict=True)
    assert names == FEATURE_NAMES
    row = xgboost.DMatrix(np.array([values], dtype=np.float32), nthread=1)
    [expected] = booster.predict(row, pred_contribs=True).tolist()
    assert [*weights, base_value] == pytest.approx(expected, abs=2e-5)
