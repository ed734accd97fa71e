"""Page to Extract: what is read, what is left out, what hostile pages do."""

import hashlib
import time

import pytest
from extraction_pages import SENTENCES, page

from taxocrawl.extraction.html import extract as extract_page
from taxocrawl.settings import Settings

ARTICLE = f"""<!doctype html><html lang="en"><head><title>Boats | Old Harbour</title>
<meta name="description" content="Wooden boats, repaired and built">
<meta name="keywords" content="boats, oak"><meta property="og:site_name" content="Old Harbour">
<script type="application/ld+json">{{"@type": "LocalBusiness", "name": "Old Harbour"}}</script>
</head><body><nav><a href="/about">About us</a></nav>
<main><h1>Wooden boats</h1><p>{SENTENCES}</p><img src="/oar.png" alt="An oar"></main></body>"""


def test_everything_is_read_from_one_page(extract):
    found = extract(ARTICLE, headers=(("x-robots-tag", "noarchive"),))
    assert found.title == "Boats | Old Harbour"
    assert found.description == "Wooden boats, repaired and built"
    assert found.keywords == "boats, oak"
    assert found.site_name == "Old Harbour"
    assert found.headings == ("Wooden boats",)
    assert [link.url for link in found.links] == ["https://boats.example/about"]
    assert found.alt_texts == ("An oar",)
    assert found.image_urls == ("https://boats.example/oar.png",)
    assert ("LocalBusiness.name", "Old Harbour") in {(f.name, f.value) for f in found.facts}
    assert "repairs wooden boats" in found.text
    assert found.text_words > 40
    assert found.language == "en"
    assert found.robots_meta == ("noarchive",)
    assert found.charset == "utf-8"
    assert found.body_sha256 == hashlib.sha256(ARTICLE.encode()).hexdigest()
    assert found.extractor == "trafilatura"
    assert found.fetched_at == "2026-01-02T03:04:05Z"
    assert found.notes == ()


def test_the_same_page_gives_the_same_extract(extract):
    assert extract(ARTICLE) == extract(ARTICLE)


def test_robots_header_for_another_agent_is_not_ours(extract):
    headers = (("x-robots-tag", "otherbot: noindex"), ("x-robots-tag", "taxocrawl: nofollow"))
    assert extract(ARTICLE, headers=headers).robots_meta == ("nofollow",)


def test_plain_text_is_a_page_of_lines(extract):
    found = extract(f"{SENTENCES}\n\n  <b>not</b>  markup \n", content_type="text/plain")
    assert found.extractor == "plain"
    assert found.text.endswith("\n<b>not</b> markup")
    assert found.language == "en"


def test_other_kinds_of_bytes_say_what_they_are(extract):
    found = extract(b"%PDF-1.7 ...")
    assert [(h.kind, h.detail) for h in found.status_hints] == [("not_html", "pdf")]
    assert found.text == ""


@pytest.mark.parametrize(
    "body", ["", " \n ", "<", "<!-- -->", "<html></html>", "\0", "&#0;", "</p>"]
)
def test_a_page_of_nothing_is_an_extract_of_nothing(extract, body):
    found = extract(body)
    assert found.text in {"", "<", "\ufffd"}
    assert found.links == ()


HIDDEN = [
    '<div style="display:none">{}</div>',
    '<div style="DISPLAY : None !important">{}</div>',
    '<p style="visibility:hidden">{}</p>',
    "<div hidden>{}</div>",
    '<p style="font-size:0px">{}</p>',
    '<p style="color:#fff; background-color:#FFF">{}</p>',
    "<template><p>{}</p></template>",
    "<!-- {} -->",
    "<script>var x = '{}'</script>",
    "<style>/* {} */</style>",
    "<noscript><p>{}</p></noscript>",
    "<iframe>{}</iframe>",
]


@pytest.mark.parametrize("around", HIDDEN, ids=lambda around: around[:28])
def test_hidden_text_is_not_read(extract, around):  # C14
    stuffing = "casino roulette jackpot " * 30
    found = extract(f"<body><h1>Boats</h1><p>{SENTENCES}</p>{around.format(stuffing)}</body>")
    assert "casino" not in found.text
    assert "wooden boats" in found.text


def test_a_hidden_body_is_waiting_for_its_script_and_is_read(extract):
    assert "wooden boats" in extract(f'<body style="display:none"><p>{SENTENCES}</p>').text


def test_a_consent_banner_is_no_part_of_the_page(extract):  # C23
    banner = (
        "<p>We use cookies to improve your experience. Accept all cookies or read our policy.</p>"
    )
    found = extract(
        f'<div id="cookie-banner"><h2>Cookies</h2>{banner}</div><h1>Boats</h1><p>{SENTENCES}</p>'
    )
    assert "cookies" not in found.text
    assert found.headings == ("Boats",)


def test_a_recipe_in_a_box_named_cookies_stays(extract):
    recipe = "<h2>Oat cookies</h2><p>Bake the cookies until they are golden.</p>"
    found = extract(f'<div class="cookies">{recipe}</div><p>{SENTENCES}</p>')
    assert found.headings == ("Oat cookies",)


def test_unfilled_templates_are_no_words(extract):
    found = extract("<p>{{ page.title }} Boats {{#if x}}</p>")
    assert found.text == "Boats"


def test_noscript_text_is_read_where_there_is_no_other(extract):  # C12
    shell = f'<body><div id="root"></div><noscript><p>{SENTENCES}</p></noscript></body>'
    found = extract(shell)
    assert found.extractor == "noscript"
    assert "wooden boats" in found.text
    assert "app_root" in {hint.rule for hint in found.status_hints}


def test_enable_javascript_is_no_text_but_a_sign(extract):
    words = "You need to enable JavaScript to run this app. " * 6
    found = extract(f'<body><div id="root"></div><noscript>{words}</noscript></body>')
    assert found.text_words == 0
    assert "asks_for_javascript" in {hint.rule for hint in found.status_hints}


def test_frames_are_listed(extract):  # C11
    found = extract('<html><frameset><frame src="/menu"><frame src="/main"></frameset></html>')
    assert found.frame_urls == ("https://boats.example/menu", "https://boats.example/main")


def test_text_is_cut_at_its_cap(rungs):  # C21
    settings = Settings(text_chars=1_000)
    body = f"<body><p>{SENTENCES * 50}</p></body>"
    found = extract_page(page(body), ladder=rungs, settings=settings)
    assert len(found.text) == 1_000
    assert "text_cut" in found.notes


NESTED = ["div", "b", "span", "blockquote", "ul><li", "font><i", "table><tr><td"]


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("tag", NESTED)
def test_text_below_any_depth_of_tags_is_found(extract, tag, depth):  # C08
    depth = min(depth, 20_000) if "table" in tag else depth
    found = extract(f"<html><title>Deep</title><body>{f'<{tag}>' * depth}<p>{SENTENCES}</p>")
    assert "wooden boats" in found.text


def many_attributes(number: int) -> str:
    return " ".join(f"a{index}=1" for index in range(number))


HOSTILE = {
    "attributes": f"<p {many_attributes(1_000_000)}>{SENTENCES}</p>",  # C09
    "many-long-tags": f"<p {many_attributes(7_000)}>x</p>" * 40 + f"<p>{SENTENCES}</p>",
    "attribute-of-1-mb": f'<p data-x="{"y > " * 250_000}">{SENTENCES}</p>',
    "inline-image": f'<img src="data:image/png;base64,{"A" * 500_000}"><p>{SENTENCES}</p>',
    "table": f"<p>{SENTENCES}</p><table>{'<tr><td>1<td>2' * 100_000}</table>",  # C10
    "paragraphs": f"<p>{SENTENCES}</p>{'<p>x</p>' * 50_000}",
    "colspan": f"<table><tr><td colspan=9007199254740992>{SENTENCES}</table>",
    "entities": f'<!DOCTYPE l [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><p>&c; {SENTENCES}</p>',  # C07
    "external": f'<!DOCTYPE l SYSTEM "http://127.0.0.1:1/x.dtd"><p>{SENTENCES}</p>',
    "json-ld": f'<script type="application/ld+json">{"[" * 100_000}</script><p>{SENTENCES}</p>',
    "surrogates": f"<p>&#xD800; &#55555; \ud800 {SENTENCES}</p>",  # C06
    "nul": f"<p>a\0b {SENTENCES}</p>",
    "links": f"<p>{SENTENCES}</p>{'<a href=/x>y</a> ' * 100_000}",
    "headings": f"<p>{SENTENCES}</p>{'<h1>x' * 20_000}",
    "noscripts": f"<p>{SENTENCES}</p>{'<noscript><p>' * 20_000}",
    "metas": f"<meta name=a content=b>{'<meta name=c content=d>' * 50_000}<p>{SENTENCES}</p>",
    "controls": f"<p>\x1b]0;x\x07\u202e {SENTENCES}</p>",  # C16
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_are_read_in_time(extract, body):
    started = time.process_time()
    found = extract(body)
    assert time.process_time() - started < 5  # of the deadline of 10 s, on a busy machine
    assert "wooden boats" in found.text
    assert len(found.text) <= Settings().text_chars
    repr(found).encode("utf-8")  # no lone surrogate anywhere
    assert "\0" not in repr(found).replace("\\x00", "\0")


@pytest.mark.parametrize(
    "body",
    ["<" * 2_000_000, "<a " * 500_000, "<a \"'" * 300_000, "<script>" * 200_000, "&amp;" * 300_000],
    ids=["brackets", "open-tags", "quotes", "scripts", "ampersands"],
)
def test_rubbish_is_read_in_time(extract, body):
    started = time.process_time()
    extract(body)
    assert time.process_time() - started < 5
