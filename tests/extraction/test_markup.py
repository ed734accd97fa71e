"""Links, heads, images and frames of a page."""

import lxml.html
import pytest

from taxocrawl.extraction.markup import MAX_LINKS, Markup


def markup(body: str, url: str = "https://boats.example/shop/list.html") -> Markup:
    return Markup(lxml.html.document_fromstring(body), url, url_chars=2083)


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("about.html", "https://boats.example/shop/about.html"),
        ("/about", "https://boats.example/about"),
        ("../x", "https://boats.example/x"),
        ("/a/../b", "https://boats.example/b"),
        ("//cdn.example/y", "https://cdn.example/y"),
        ("?page=2", "https://boats.example/shop/list.html?page=2"),
        ("HTTP://Other.Example/Z#part", "HTTP://Other.Example/Z"),
        (" https://other.example/a b ", "https://other.example/a%20b"),
        ("#top", ""),
        ("", ""),
        ("javascript:alert(1)", ""),
        ("mailto:me@boats.example", ""),
        ("file:///etc/passwd", ""),
        ("data:text/html,x", ""),
        ("http://", ""),
        ("http://[", ""),
        ("//[", ""),
        ("https:///path", ""),
        ("/" + "x" * 3000, ""),
    ],
)
def test_addresses_are_absolute_web_addresses_or_nothing(href, expected):
    assert markup("<p>x</p>").address(href) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://cdn.example/root/", "https://cdn.example/root/a"),
        ("/other/", "https://boats.example/other/a"),
        ("file:///etc/", "https://boats.example/shop/a"),
        ("http://[", "https://boats.example/shop/a"),
        ("javascript:1", "https://boats.example/shop/a"),
        ("", "https://boats.example/shop/a"),
    ],
    ids=["other-host", "relative", "file", "broken", "script", "empty"],
)
def test_base_element_is_resolved_and_a_bad_one_ignored(base, expected):  # C13
    page = markup(f'<head><base href="{base}"></head><body><a href="a">x</a>')
    assert [link.url for link in page.links()] == [expected]


def test_links_carry_their_words_and_nofollow():
    page = markup(
        '<a href="/a">  Wooden\n boats </a><a href="/b" rel="external NoFollow">Ads</a>'
        '<a href="/c"><img src="i.png" alt="Sails"></a><a href="/d" aria-label="Oars"></a>'
        '<area href="/e" alt="Map"><a>no address</a>'
    )
    assert [(link.text, link.nofollow) for link in page.links()] == [
        ("Wooden boats", False),
        ("Ads", True),
        ("Sails", False),
        ("Oars", False),
        ("Map", False),
    ]


def test_meta_robots_nofollow_holds_for_every_link():
    page = markup('<meta name="ROBOTS" content="NoIndex, NOFOLLOW"><a href="/a">x</a>')
    assert page.robots() == ("noindex", "nofollow")
    assert page.links()[0].nofollow


def test_only_the_first_thousand_links_are_read():  # S02
    assert len(markup("<a href=/x>y</a>" * 1500).links()) == MAX_LINKS


@pytest.mark.parametrize(
    ("head", "title", "description"),
    [
        ("<title> Boats \n and oars </title>", "Boats and oars", ""),
        ('<meta property="og:title" content="Shared">', "Shared", ""),
        ('<title></title><meta name="twitter:title" content="T">', "T", ""),
        ('<title>B</title><meta NAME=Description content=" Says  it ">', "B", "Says it"),
        ('<meta property="og:description" content="Shared words">', "", "Shared words"),
        ("<title>&lt;script&gt;x&lt;/script&gt;</title>", "<script>x</script>", ""),
    ],
)
def test_title_and_description(head, title, description):
    page = markup(f"<head>{head}</head><body><svg><title>icon</title></svg>")
    assert (page.title(), page.description()) == (title, description)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0; url=/new", "https://boats.example/new"),
        ("5;URL='https://other.example/'", "https://other.example/"),
        ("0, /comma", "https://boats.example/comma"),
        ("3600; url=/later", ""),
        ("0; url=javascript:alert(1)", ""),
        ("30", ""),
        ("nonsense", ""),
        ("..; url=/dots", "https://boats.example/dots"),
    ],
)
def test_meta_refresh(content, expected):  # N31
    assert markup(f'<meta http-equiv="Refresh" content="{content}">').refresh() == expected


def test_meta_refresh_in_noscript_is_not_for_us():
    body = "<body><noscript><meta http-equiv=refresh content='0; url=/nojs'></noscript><p>x"
    assert markup(body).refresh() == ""


def test_frames_and_images():
    page = markup(
        '<iframe src="/f"></iframe><img src="a.png" alt="An oar"><img data-src="/b.png">'
        '<img src="data:image/png;base64,xx" alt="An oar">'
    )
    assert page.frames() == ("https://boats.example/f",)
    assert page.images() == (
        ("An oar",),
        ("https://boats.example/shop/a.png", "https://boats.example/b.png"),
    )


def test_headings_in_order_without_repeats():
    page = markup("<h1>One</h1><h2>Two <b>bold</b></h2><h1>One</h1><h5>Five</h5><h3> </h3>")
    assert page.headings() == ("One", "Two bold")
