"""Texts without a topic, and the line between them and pages."""

import numpy as np
import pytest

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.menu_words import menu_phrases
from taxocrawl.classifiers.reading import N_FIELDS, read
from taxocrawl.classifiers.scope import SIGNALS, Scope, menu_tokens, signals
from taxocrawl.protocols import Vectors
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.noise import noise
from taxocrawl.training.scope_fit import fit_scope, noise_pages


def signals_of(texts: list[str], encoder: StaticEncoder) -> dict[str, Vectors]:
    pages = [(text, *[""] * (N_FIELDS - 1)) for text in texts]
    features = np.full((len(pages), 3, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    margins = np.zeros((len(pages), 3), dtype=np.float32)
    found = signals(read(pages, encoder), features, margins, menu_tokens(encoder))
    return dict(zip(SIGNALS, found.T, strict=True))


def test_a_page_says_how_much_of_it_is_known(encoder: StaticEncoder) -> None:
    found = signals_of(["soccer ball", "soccer qzx", "qzx", ""], encoder)
    assert found["known"].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found["letters"][1] == 5.0
    assert all(np.isfinite(values).all() for values in found.values())


def test_words_of_menus_are_counted(encoder: StaticEncoder) -> None:
    assert "home" in menu_phrases()
    assert len(set(menu_phrases())) == len(menu_phrases())
    # Of the little encoder's words only "the" is one of a menu ("this is the default page").
    assert signals_of(["the the soccer ball"], encoder)["menu"][0] == 0.5


def test_noise_is_of_every_kind_and_the_same_every_time() -> None:
    texts = noise(["soccer", "cake"], per_kind=3, seed=1)
    assert texts == noise(["soccer", "cake"], per_kind=3, seed=1)
    assert texts != noise(["soccer", "cake"], per_kind=3, seed=2)
    assert len(texts) % 3 == 0
    assert all(texts)


def test_noise_stands_in_titles_and_bodies(tree: Taxonomy) -> None:
    pages = noise_pages(tree, seed=0)
    assert {len(page) for page in pages} == {N_FIELDS}
    assert any(page[0] for page in pages)
    assert not all(page[0] for page in pages)


@pytest.fixture(scope="module")
def clouds() -> tuple[Vectors, Vectors]:
    """Signals of 500 pages and of 200 noises, three deviations apart."""
    rng = np.random.default_rng(0)
    pages = rng.normal(3, 1, (500, len(SIGNALS)))
    return pages.astype(np.float32), rng.normal(0, 1, (200, len(SIGNALS))).astype(np.float32)


def test_the_line_keeps_pages_and_refuses_noise(clouds: tuple[Vectors, Vectors]) -> None:
    pages, noises = clouds
    scope = fit_scope(pages, pages[:0], noises)
    assert (scope.probabilities(pages) >= scope.least).mean() == pytest.approx(0.98, abs=0.005)
    assert (scope.probabilities(noises) < scope.least).mean() > 0.95


def test_a_signal_beyond_measure_decides_no_more_than_a_strong_one(
    clouds: tuple[Vectors, Vectors],
) -> None:
    pages, noises = clouds
    scope = fit_scope(pages, pages[:0], noises)
    odd = np.tile(pages.mean(axis=0), (2, 1))
    odd[:, 0] = (1e3, 1e9)
    first, second = scope.probabilities(odd)
    assert first == second


def test_a_model_without_a_line_answers_everything() -> None:
    scope = Scope()
    assert (scope.probabilities(np.zeros((3, len(SIGNALS)), np.float32)) >= scope.least).all()
