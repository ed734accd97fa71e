import numpy as np
import pytest

from taxocrawl.explanations.permutation import (
    correlated_groups,
    feature_importance,
    field_importance,
    permutations,
)
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText


def test_the_fall_is_derived_by_hand():
    # y = 2a, rated by minus the squared error: swapping the two rows of a costs (2*2)**2.
    table = np.array([[1.0, 7.0], [3.0, 9.0]])
    swap = np.array([[1, 0]])
    [a, b] = feature_importance(
        lambda x: -float(np.mean((2 * x[:, 0] - np.array([2.0, 6.0])) ** 2)),
        table,
        ["a", "b"],
        orders=swap,
    )
    assert (a.name, a.mean, a.falls) == ("a", 16.0, (16.0,))
    assert (b.name, b.mean, b.spread) == ("b", 0.0, 0.0)


def test_repeats_give_a_spread_and_a_seed_gives_the_same_again():
    generator = np.random.default_rng(1)
    table = generator.normal(size=(50, 3))
    names = ["x", "y", "z"]

    def run(seed):
        return feature_importance(
            lambda x: -float(np.mean((x @ [1.0, 2.0, 0.0] - table @ [1.0, 2.0, 0.0]) ** 2)),
            table,
            names,
            orders=permutations(50, repeats=8, seed=seed),
        )

    first = run(0)
    assert [i.name for i in first] == ["y", "x", "z"]
    assert first[0].spread > 0
    assert len(first[0].falls) == 8
    assert run(0) == first
    assert run(1) != first


def test_the_table_is_left_as_it_was():
    table = np.arange(12.0).reshape(6, 2)
    before = table.copy()
    feature_importance(
        lambda x: float(x[0, 0]), table, ["a", "b"], orders=permutations(6, repeats=3, seed=0)
    )
    assert (table == before).all()


def test_a_table_with_other_columns_than_names_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) for 1 feature names"):
        feature_importance(
            lambda x: 0.0, np.zeros((2, 3)), ["a"], orders=permutations(2, repeats=1, seed=0)
        )


@pytest.mark.slow
def test_equals_scikit_learn_when_the_shuffles_are_the_same():
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LinearRegression

    generator = np.random.default_rng(2)
    table = generator.normal(size=(80, 4))
    target = table @ [3.0, -1.0, 0.0, 0.5] + generator.normal(size=80)
    model = LinearRegression().fit(table, target)
    theirs = permutation_importance(model, table, target, n_repeats=5, random_state=7)
    # scikit-learn shuffles a shuffled order again, for every column from the same seed.
    random_state = np.random.RandomState(np.random.RandomState(7).randint(2**31 - 1))
    order, at, orders = np.arange(80), np.arange(80), []
    for _ in range(5):
        random_state.shuffle(order)
        at = at[order]
        orders.append(at)
    ours = feature_importance(
        lambda x: float(model.score(x, target)), table, list("abcd"), orders=np.array(orders)
    )
    by_name = {importance.name: importance for importance in ours}
    for column, name in enumerate("abcd"):
        assert by_name[name].falls == pytest.approx(theirs.importances[column], abs=1e-12)
        assert by_name[name].mean == pytest.approx(theirs.importances_mean[column], abs=1e-12)
        assert by_name[name].spread == pytest.approx(theirs.importances_std[column], abs=1e-12)


def test_twins_hide_each_other_but_not_their_group():
    generator = np.random.default_rng(3)
    signal, noise = generator.normal(size=(2, 500))
    table = np.stack([signal, signal, noise], axis=1)

    def right(x):
        # Believes the two copies that agree with the truth better: either one is enough.
        guess = np.where(np.abs(x[:, 0]) > np.abs(x[:, 1]), x[:, 0], x[:, 1])
        return float(np.mean((guess > 0) == (signal > 0)))

    names = ["copy 1", "copy 2", "noise"]
    groups = correlated_groups(table, names)
    assert groups == {"copy 1 + 1": ("copy 1", "copy 2")}
    orders = permutations(500, repeats=5, seed=0)
    ours = {
        i.name: i for i in feature_importance(right, table, names, groups=groups, orders=orders)
    }
    group = ours["copy 1 + 1"]
    assert (group.kind, group.members) == ("group", ("copy 1", "copy 2"))
    assert group.mean > 1.5 * max(ours["copy 1"].mean, ours["copy 2"].mean)
    assert ours["noise"].mean == 0


def test_groups_join_by_rank_whatever_the_sign_and_leave_constants_alone():
    x = np.linspace(1, 2, 20)
    wave = np.sin(np.arange(20) * 2.0)
    table = np.stack([x, -(x**9), wave, np.ones(20), np.exp(x)], axis=1)
    assert correlated_groups(table, ["x", "minus", "wave", "one", "exp"]) == {
        "x + 2": ("x", "minus", "exp")
    }


@pytest.mark.slow
def test_gain_misleads_where_permutation_does_not():
    import xgboost

    generator = np.random.default_rng(4)
    flag = generator.integers(0, 2, size=1200)
    random_id = generator.permutation(1200)  # many-valued and means nothing
    truth = np.where(generator.random(1200) < 0.35, 1 - flag, flag)
    table = np.stack([flag, random_id], axis=1).astype(np.float64)
    train, held_out = slice(0, 800), slice(800, None)
    names = ["flag", "random_id"]
    trees = xgboost.train(
        {"max_depth": 6, "objective": "binary:logistic", "nthread": 1},
        xgboost.DMatrix(table[train], truth[train], feature_names=names),
        100,
    )

    def accuracy(x):
        answer = trees.predict(xgboost.DMatrix(x, feature_names=names)) > 0.5
        return float(np.mean(answer == truth[held_out]))

    gain = trees.get_score(importance_type="total_gain")
    importance = {
        i.name: i.mean
        for i in feature_importance(
            accuracy, table[held_out], names, orders=permutations(400, repeats=10, seed=0)
        )
    }
    assert gain["random_id"] > gain["flag"]  # the tree learned its rows by heart
    assert importance["flag"] > 0.08
    assert abs(importance["random_id"]) < 0.02


def site(number, **fields):
    pages = (PageText(url=f"https://s{number}.example/", fields=Fields(**fields)),)
    return Document(id=str(number), domain=f"s{number}.example", pages=pages)


def test_a_field_that_decides_has_importance_and_the_others_none():
    sites = [site(n, title=f"topic{n % 2}", body=f"body {n}") for n in range(20)]

    def accuracy(documents):
        right = [d.pages[0].fields.title == f"topic{n % 2}" for n, d in enumerate(documents)]
        return float(np.mean(right))

    ours = field_importance(accuracy, sites, orders=permutations(20, repeats=4, seed=0))
    assert {i.name for i in ours} == set(FIELD_NAMES)
    assert (ours[0].name, ours[0].kind) == ("title", "field")
    assert 0.2 < ours[0].mean < 0.8
    assert all(i.mean == 0 for i in ours[1:])


def test_pages_get_the_field_of_the_page_at_their_place():
    one = site(1, body="home one")
    two = Document(
        id="2",
        domain="s2.example",
        pages=tuple(
            PageText(url=f"u{n}", fields=Fields(body=f"page {n}", title="t")) for n in range(3)
        ),
    )
    seen = []

    def remember(documents):
        seen.append([[p.fields.body for p in d.pages] for d in documents])
        return 0.0

    field_importance(remember, [one, two], fields=("body",), orders=np.array([[1, 0]]))
    assert seen[1] == [["page 0"], ["home one", "home one", "home one"]]
