from dataclasses import replace
from html.parser import HTMLParser

import pytest
from test_render import ANSWER, SHAP, WORDS

from taxocrawl.explanations.comparison import Comparison, MethodWords
from taxocrawl.explanations.html_page import fragment, page
from taxocrawl.explanations.interactions import Interaction, Interactions
from taxocrawl.explanations.render import CategoryLine
from taxocrawl.records import Agreement, Attribution, Form, Risk, Tag

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e&amp;'

RULE = replace(
    WORDS,
    method="anchors",
    attributions=(
        Attribution(kind="word", name="not", weight=0.2),
        Attribution(kind="word", name="bad", weight=0.5),
    ),
    figures=(("coverage", 0.25),),
)
COMPARISON = Comparison(
    taxonomy="IAB",
    node_id="2",
    methods=(
        MethodWords(
            method="words", words=("goal",), against=(), fidelity=0.9, gone=(0.8, 0.2), alone=(0.1,)
        ),
        MethodWords(method="lime", words=(), against=(), fidelity=None),
    ),
    agreements=(
        Agreement(
            taxonomy="IAB",
            node_id="2",
            method_a="words",
            method_b="lime",
            rank_correlation=0.5,
            overlap=None,
            top=5,
        ),
    ),
    random_gone=0.79,
    remarks=("They disagree.",),
)
FULL = replace(
    ANSWER,
    explanations=(WORDS, SHAP, RULE),
    comparisons=(COMPARISON,),
    interactions=(
        Interactions(
            taxonomy="IAB",
            node_id="2",
            pairs=(Interaction(first="linear", second="prior", weight=-0.2),),
            own=1.0,
            together=-0.2,
            base_value=0.0,
        ),
    ),
    form=Form(word="shop", confidence=0.9, vector_id="1005"),
    risks=(Risk(topic="gambling", confidence=0.7, reasons=("casino",)),),
    tags=(Tag(text="world cup", relevance=0.8),),
    remarks=("the stored answer is of another model",),
    texts=(("https://toy.example/", "One Goal,\nno recipe"),),
)


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def test_the_page_says_all_that_is_known():
    read = Reader(page(FULL))
    for said in (
        "toy.example",
        "classified",
        "the stored answer is of another model",
        "Form: shop (0.90, IAB 1005)",
        "Risk: gambling (0.70): casino",
        "world cup80%",
        "Soccer0.80",
        "not sure",
        "Why Soccer?",
        "probability 0.81",
        "recipe-0.100",
        "If not bad then Soccer",
        "The methods side by side",
        "They disagree.",
        "learned words for it",
        "Text of https://toy.example/",
    ):
        assert said in read.text, said
    assert {"table", "svg", "mark", "details"} <= read.tags


def test_words_are_marked_in_the_text_for_and_against():
    text = page(FULL)
    assert '<mark class=for title="+0.200">Goal</mark>,\nno ' in text
    assert '<mark class=against title="-0.100">recipe</mark>' in text


def test_the_file_stands_alone():
    text = page(FULL)
    read = Reader(text)
    assert text.startswith("<!doctype html>")
    assert not read.tags & {"script", "link", "img", "iframe", "object", "base", "a"}
    assert not read.attributes & {"src", "href", "srcset", "onerror", "action"}
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def evil(answer):
    """The answer with every text of a page, plugin or taxonomy turned hostile."""
    attribution = Attribution(kind="word", name=EVIL, weight=0.3)
    sentence = Attribution(
        kind="sentence", name=f"goal {EVIL}", weight=0.3, url=f"javascript:{EVIL}"
    )
    feature = Attribution(kind="feature", name=EVIL, weight=0.3, value=1.0)
    said = replace(WORDS, attributions=(attribution, sentence), method=EVIL)
    return replace(
        answer,
        title=EVIL,
        detail=EVIL,
        url=f"javascript:{EVIL}",
        about=(EVIL,),
        categories=(
            CategoryLine(taxonomy=EVIL, node_id="2", path=(EVIL, EVIL + "x"), confidence=0.5),
        ),
        explanations=(
            said,
            replace(SHAP, attributions=(feature,)),
            replace(RULE, attributions=(attribution,)),
        ),
        comparisons=(
            replace(
                COMPARISON,
                methods=(
                    MethodWords(method=EVIL, words=(EVIL,), against=(EVIL,), fidelity=float("nan")),
                ),
                remarks=(EVIL,),
            ),
        ),
        form=Form(word=EVIL, confidence=0.5, vector_id=EVIL),
        risks=(Risk(topic=EVIL, confidence=1.0, reasons=(EVIL,)),),
        tags=(Tag(text=EVIL, relevance=1.0),),
        remarks=(EVIL,),
        texts=((EVIL, EVIL + " goal"),),
    )


@pytest.mark.parametrize("write", [page, fragment])
def test_hostile_text_stays_text(write):
    text = write(evil(FULL))
    read = Reader(text)
    assert not read.tags & {"script", "img", "a"}
    assert not read.attributes & {"onerror", "src", "href"}
    assert "<script>alert(1)</script>" in read.text
    assert not {"\x1b", "\u202e"} & set(text)
    assert "\\x1b[31m\\u202e" in read.text
    text.encode("utf-8")


def test_a_lone_surrogate_can_still_be_written():
    page(replace(FULL, title="\ud800", texts=(("u", "\ud800 goal"),))).encode("utf-8")


def test_a_page_is_small_even_where_the_site_is_long():
    long = replace(FULL, texts=tuple((f"u{i}", "goal " * 100_000) for i in range(50)))
    assert len(page(long)) < 1_000_000


def test_a_site_that_failed_has_a_page_too():
    answer = replace(
        ANSWER, outcome="dns_failed", detail="nxdomain", categories=(), explanations=()
    )
    assert "dns_failed: nxdomain" in Reader(page(answer)).text
