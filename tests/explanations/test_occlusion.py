import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxocrawl.explanations.occlusion import WordOcclusion
from taxocrawl.records import Document, Fields, PageText


@pytest.fixture
def explain(taxonomy):
    def run(document, classifier):
        explainer = WordOcclusion(taxonomy=taxonomy)
        return explainer.explain(document, classifier.classify([document])[0], classifier)

    return run


def weights(explanation, kind="word"):
    return {a.name: a.weight for a in explanation.attributions if a.kind == kind}


def test_on_an_additive_model_the_weights_are_its_contributions(toys, document, explain):
    model = toys.screening({"goal": 0.2, "league": 0.3, "recipe": -0.15})
    [why] = explain(document("A goal, another goal in the league: no recipe here"), model)
    assert weights(why) == pytest.approx({"goal": 0.4, "league": 0.3, "recipe": -0.15})
    assert why.score == pytest.approx(0.1 + 0.4 + 0.3 - 0.15)
    assert why.base_value == pytest.approx(0.1)
    assert why.score == pytest.approx(why.base_value + sum(weights(why).values()))
    assert weights(why, "phrase") == {}
    assert (why.method, why.unit, why.node_id) == ("words", "probability", "2")


def test_fidelity_is_the_share_of_the_probability_that_rests_on_the_words(toys, document, explain):
    model = toys.screening({"goal": 0.4, "league": 0.4})
    [why] = explain(document("goal league of nothing else that weighs"), model)
    assert why.fidelity == pytest.approx(1 - 0.1 / 0.9)  # without both .1 of .9 is left


def test_without_an_opinion_of_single_words_the_same_comes_out(toys, document, explain):
    text = document("Nothing to see, but the league", title="A goal")
    known = {"goal": 0.3, "league": 0.4}
    [screened] = explain(text, toys.screening(known))
    [unscreened] = explain(text, toys.additive(known))
    assert weights(screened) == pytest.approx(weights(unscreened))


def test_words_come_strongest_first_and_those_against_last(toys, document, explain):
    model = toys.logistic({"a1": 2.0, "b1": 3.0, "c1": -1.0, "d1": -2.0})
    [why] = explain(document("c1 a1 d1 b1"), model)
    names = [a.name for a in why.attributions if a.kind == "word"]
    assert names == ["b1", "a1", "d1", "c1"]


def test_a_pair_that_only_works_together_is_a_phrase(toys, document, explain):
    # Each of two words is enough: leaving one out costs nothing, leaving both out costs all.
    model = toys.logistic({"ice": 1.0, "hockey": 1.0}, base=0)
    model.margin = lambda d: 0.9 if {"ice", "hockey"} & set(d.text.lower().split()) else 0.2
    [why] = explain(document("we love ice hockey a lot"), model)
    assert weights(why) == {}
    assert weights(why, "phrase") == pytest.approx({"ice hockey": 0.7})
    assert why.base_value == pytest.approx(0.2)


def test_of_a_conjunction_each_word_carries_the_whole_fall(toys, document, explain):
    [why] = explain(document("ice and then hockey"), toys.both({"ice": 1, "hockey": 1}))
    assert weights(why) == pytest.approx({"ice": 0.8, "hockey": 0.8})


def test_evidence_is_the_sentence_with_most_weight_and_its_page(toys, document, explain):
    model = toys.screening({"goal": 0.3, "league": 0.2, "cup": 0.1})
    site = document(
        "We talk. A goal in the league! The cup is here.",
        "Nothing. The league\nA goal in the league! And the goal goal goal",
    )
    [why] = explain(site, model)
    evidence = [(a.name, a.weight, a.url) for a in why.attributions if a.kind == "sentence"]
    goal, league, cup = (weights(why)[word] for word in ("goal", "league", "cup"))
    assert [name for name, _, _ in evidence] == [
        "A goal in the league",
        "The cup is here",
    ]
    assert [weight for _, weight, _ in evidence] == pytest.approx([goal + league, cup])
    # The first page that says it is its source. What says nothing new is left out.
    assert [url for _, _, url in evidence] == ["https://toy.example/"] * 2


def test_one_batch_for_the_words_and_their_check(toys, document, explain):
    model = toys.screening({f"w{n}x": 0.01 for n in range(100)}, base=0.0)
    [why] = explain(document(" ".join(f"w{n}x" for n in range(100))), model)
    classified, batch = model.calls
    assert classified == 1
    assert batch <= 1 + 10 + 2 + 1  # the page, words, phrases, without all of those words
    assert len(weights(why)) == 10


def test_only_the_deepest_asserted_node_is_explained(toys, document, explain):
    model = toys.screening({"goal": 0.8})
    assert [e.node_id for e in explain(document("goal"), model)] == ["2"]


def test_without_an_asserted_node_the_first_rank_is_explained(toys, document, explain):
    model = toys.screening({"goal": 0.2})
    [why] = explain(document("goal"), model)
    assert (why.node_id, why.score) == ("2", pytest.approx(0.3))


def test_every_deepest_asserted_node_is_explained(toys, document, taxonomy):
    model = toys.screening({"goal": 0.8})
    site = document("goal")
    soccer, sports = model.classify([site])[0]
    food = replace(soccer, node_id="3", tier=1, rank=2)
    explainer = WordOcclusion(taxonomy=taxonomy)
    explained = explainer.explain(site, (soccer, food, sports), model)
    assert [e.node_id for e in explained] == ["2", "3"]


def test_several_nodes_share_their_variants_where_the_classifier_can(toys, document, taxonomy):
    class Shared(toys.screening):
        def score_nodes(self, documents, taxonomy, node_ids):
            return np.stack([self.score(documents, taxonomy, n) for n in node_ids], axis=1) / [1, 2]

    site = document("goal and cup")
    alone, together = (kind({"goal": 0.5, "cup": 0.2}) for kind in (toys.screening, Shared))
    soccer, _ = alone.classify([site])[0]
    targets = (soccer, replace(soccer, node_id="3", tier=1, rank=2))
    explainer = WordOcclusion(taxonomy=taxonomy)
    apart = explainer.explain(site, targets, alone)
    first, second = explainer.explain(site, targets, together)
    assert weights(first) == weights(apart[0])
    assert weights(second) == pytest.approx({"goal": 0.25, "cup": 0.1})
    assert second.score == pytest.approx(first.score / 2)


def test_a_classifier_that_cannot_score_gets_no_explanation(toys, document, taxonomy):
    class Mute:
        taxonomies = ("toy",)
        model_id = "mute"

        def classify(self, documents):
            return toys.additive({}).classify(documents)

    site = document("goal")
    explainer = WordOcclusion(taxonomy=taxonomy)
    assert explainer.explain(site, Mute().classify([site])[0], Mute()) == []


@pytest.mark.parametrize(
    "answer", [[float("nan")] * 2, [[0.5]], [0.5] * 3], ids=["nan", "two axes", "too many"]
)
def test_a_score_that_breaks_its_protocol_is_refused(toys, document, taxonomy, answer):
    model = toys.screening({"goal": 0.8})
    site = document("")
    predictions = model.classify([site])[0]
    model.score = lambda *_: np.array(answer)
    with pytest.raises(ValueError, match="score of 2 documents"):
        WordOcclusion(taxonomy=taxonomy).explain(site, predictions, model)


def test_a_page_without_words_has_an_empty_explanation(toys, document, explain):
    [why] = explain(document("", "!!!"), toys.screening({"goal": 0.8}))
    assert (why.attributions, why.fidelity) == ((), None)
    assert why.score == why.base_value == pytest.approx(0.1)


def test_a_page_of_one_word_rests_on_it(toys, document, explain):
    [why] = explain(document("goal"), toys.screening({"goal": 0.4}))
    assert weights(why) == pytest.approx({"goal": 0.4})
    assert why.fidelity == pytest.approx(0.8)
    assert weights(why, "sentence") == pytest.approx({"goal": 0.4})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("我们喜欢 足球 比赛", "足球"),
        ("ロンドンのサッカーです", "サッカー"),
        ("ฟุตบอล สนุก", "ฟุต"),
        ("विश्व फुटबॉल कप", "फुटबॉल"),
    ],
    ids=["chinese", "japanese", "thai", "hindi"],
)
def test_words_of_every_script_are_found(toys, document, explain, text, word):
    [why] = explain(document(text), toys.screening({word: 0.5}))
    assert weights(why) == pytest.approx({word: 0.5})
    assert why.attributions[-1].kind == "sentence"


def test_hostile_text_goes_through_unchanged(toys, document, explain):
    text = "\x1b[31mgoal\x1b[0m [bold]goal[/bold] \u202egoal\u202c \x00 \ud800 goal"
    [why] = explain(document(text), toys.screening({"goal": 0.1, "31mgoal": 0.1}))
    assert weights(why) == pytest.approx({"goal": 0.3, "31mgoal": 0.1})


def test_a_sentence_is_never_longer_than_a_screen_holds(toys, document, explain):
    [why] = explain(document("goal " + "x" * 5000 + " y" * 500), toys.screening({"goal": 0.5}))
    [sentence] = [a.name for a in why.attributions if a.kind == "sentence"]
    assert len(sentence) <= 320


def test_a_hundred_thousand_words_take_seconds_not_minutes(toys, taxonomy):
    body = ". ".join(f"word{number % 30_000} goal" for number in range(50_000))
    site = Document(
        id="x", domain="x", pages=(PageText(url="u", fields=Fields(title="goal", body=body)),)
    )

    class Cheap(toys.screening):
        def margin(self, document):
            return 0.8 if "goal" in document.pages[0].fields.title else 0.2

    model = Cheap({"goal": 1.0, **{f"word{n}": 0.1 - n / 1e5 for n in range(30_000)}})
    predictions = model.classify([site])[0]
    started = time.process_time()
    [why] = WordOcclusion(taxonomy=taxonomy).explain(site, predictions, model)
    assert time.process_time() - started < 4
    assert weights(why) == pytest.approx({"goal": 0.6})


def test_two_runs_give_the_same_explanation(toys, document, explain):
    model = toys.logistic({"goal": 2.0, "cup": 0.5, "one": 0.4, "two": -0.3})
    text = document("goal one two three four five six seven eight cup nine")
    first, second = (replace(explain(text, model)[0], seconds=0.0) for _ in range(2))
    assert first == second


WORDS = [f"{letter}{letter}" for letter in "abcdefgh"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(WORDS), st.floats(-0.1, 0.1), max_size=5),
    st.lists(st.sampled_from(WORDS), max_size=12),
)
def test_attributions_of_an_additive_model_sum_to_score_minus_base(toys, taxonomy, known, text):
    model = toys.screening(known, base=1.0)
    site = Document(
        id="x", domain="x", pages=(PageText(url="u", fields=Fields(body=" ".join(text))),)
    )
    explainer = WordOcclusion(taxonomy=taxonomy)
    [why] = explainer.explain(site, model.classify([site])[0], model)
    kept = sum(weights(why).values())
    # Crumbs beside the strongest word are not shown, but go with the others.
    strongest = max(map(abs, weights(why).values()), default=0)
    crumbs = len(known) * max(1e-4 * why.score, 0.02 * strongest)
    assert kept == pytest.approx(why.score - why.base_value, abs=1e-6 + crumbs)
    assert why.fidelity is None or 0 <= why.fidelity <= 1
