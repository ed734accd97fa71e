"""Useful things, each unlike those before it."""

import time

import numpy as np
import pytest

from taxocrawl.store.diverse import choose


def chosen(usefulness, vectors, *, n=10, seen=()):
    table = np.array(vectors, dtype=float)
    rows, features = np.nonzero(table)
    return choose(
        np.array(usefulness, dtype=float),
        rows,
        features,
        table[rows, features],
        n=n,
        seen=np.isin(np.arange(len(table)), list(seen)),
    )


def test_usefulness_times_distance_decides_by_hand():
    # After 0, thing 1 is at distance 1 - 0.8 and thing 2 at 1 - 0: 0.9 * 0.2 < 0.5 * 1.
    assert chosen([1, 0.9, 0.5], [[1, 0], [0.8, 0.6], [0, 1]]) == [0, 2, 1]


def test_twins_come_last_in_their_own_order():
    assert chosen([0.9, 0.9, 0.9, 0.1], [[1, 0], [2, 0], [3, 0], [0, 1]]) == [0, 3, 1, 2]


def test_what_was_seen_is_kept_away_from_and_not_chosen():
    assert chosen([1, 0.5, 0.1], [[1, 0], [0, 1], [1, 0]], seen=[2]) == [1, 0]


def test_no_more_than_asked_for_and_none_of_nothing():
    assert chosen([1, 0.5], [[1, 0], [0, 1]], n=1) == [0]
    nothing = np.zeros(0)
    none = nothing.astype(np.int64)
    assert choose(nothing, none, none, nothing, n=5, seen=nothing.astype(bool)) == []


@pytest.mark.slow
def test_a_thousand_of_twenty_thousand_take_seconds_and_see_more_kinds():
    rng = np.random.default_rng(0)
    kinds = np.minimum(rng.geometric(0.05, 20_000), 100)  # a few kinds are most of them
    rows = np.repeat(np.arange(20_000), 8)
    features = np.sort(rng.integers(0, 40, (20_000, 8)) + 40 * kinds[:, None]).ravel()
    usefulness = rng.random(20_000)
    started = time.process_time()
    found = choose(
        usefulness,
        rows,
        features,
        rng.random(len(rows)) + 0.1,
        n=1000,
        seen=np.zeros(20_000, dtype=bool),
    )
    assert time.process_time() - started < 20
    assert len(set(found)) == 1000
    most_useful = np.argsort(-usefulness)[:200]
    assert len(set(kinds[found[:200]])) > 1.2 * len(set(kinds[most_useful]))
