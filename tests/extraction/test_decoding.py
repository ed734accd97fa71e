"""Bytes to text (C01, C05, C06)."""

import codecs

import pytest

from taxocrawl.extraction.decoding import codec_of, decode, sniff, storable

GREEK = "Καλημέρα κόσμε, αυτή είναι μια σελίδα για ελιές και λάδι από την Κρήτη."
RUSSIAN = "Добрый день, это страница о рыбалке на озере и о лодках из дерева."
GERMAN = "Schöne Grüße aus Köln: über Äpfel, Öl und süße Möhren."
JAPANESE = "これは木製の船についてのページです。港の古い工房で修理しています。"


def html(text: str, meta: str = "") -> str:
    return (
        f"<!doctype html><html><head>{meta}<title>x</title></head><body><p>{text}</p></body></html>"
    )


@pytest.mark.parametrize(
    ("text", "written", "header", "meta", "charset"),
    [
        pytest.param(GERMAN, "utf-8", "utf-8", "", "utf-8", id="header"),
        pytest.param(GERMAN, "cp1252", "ISO-8859-1", "", "cp1252", id="latin-1-is-windows-1252"),
        pytest.param(GERMAN, "cp1252", "us-ascii", "", "cp1252", id="ascii-is-windows-1252"),
        pytest.param(RUSSIAN, "cp1251", "", '<meta charset="windows-1251">', "cp1251", id="meta"),
        pytest.param(
            RUSSIAN,
            "koi8-r",
            "",
            '<META http-equiv=Content-Type content="text/html; charset=KOI8-R">',
            "koi8-r",
            id="meta-http-equiv",
        ),
        pytest.param(
            RUSSIAN, "cp1251", "windows-1251", '<meta charset="utf-8">', "cp1251", id="header-first"
        ),
        pytest.param(JAPANESE, "cp932", "x-sjis", "", "cp932", id="shift-jis-label"),
        pytest.param(JAPANESE, "euc_jp", "EUC-JP", "", "euc_jp", id="euc-jp"),
        pytest.param("中文网站", "gb18030", "gb2312", "", "gb18030", id="gb2312-is-gb18030"),
        pytest.param("中文網站", "big5hkscs", "big5", "", "big5hkscs", id="big5"),
        pytest.param("한국어 뉴스", "cp949", "euc-kr", "", "cp949", id="euc-kr-is-cp949"),
        pytest.param(GREEK, "cp1253", '"windows-1253"', "", "cp1253", id="quoted-header"),
        pytest.param(GERMAN, "utf-16-le", "utf-16", "", "utf-16-le", id="utf-16-header"),
        pytest.param(
            GERMAN, "utf-8", "", '<meta charset="utf-16">', "utf-8", id="meta-cannot-say-utf-16"
        ),
    ],
)
def test_declared_charset_is_read(text, written, header, meta, charset):
    content_type = f"text/html; charset={header}" if header else "text/html"
    decoded = decode(html(text, meta).encode(written), content_type)
    assert text in decoded.text
    assert decoded.charset == charset
    assert decoded.notes == ()


@pytest.mark.parametrize(
    ("bom", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
    ids=["utf-8", "utf-16-le", "utf-16-be"],
)
def test_byte_order_mark_overrules_the_header(bom, codec):
    decoded = decode(bom + html(RUSSIAN).encode(codec), "text/html; charset=windows-1251")
    assert RUSSIAN in decoded.text
    assert decoded.charset == codec
    assert not decoded.text.startswith("\ufeff")


@pytest.mark.parametrize(
    ("text", "written"),
    [(RUSSIAN, "cp1251"), (GREEK, "cp1253"), (JAPANESE, "euc_jp"), (GERMAN, "cp1252")],
    ids=["russian", "greek", "japanese", "german"],
)
@pytest.mark.parametrize("header", ["", "utf-8"], ids=["missing", "wrong"])
def test_charset_is_guessed_where_none_or_a_wrong_one_is_declared(text, written, header):
    body = html(" ".join([text] * 8)).encode(written)
    decoded = decode(body, f"text/html; charset={header}" if header else "text/html")
    assert text in decoded.text
    assert decoded.notes == ("charset_guessed",)


def test_utf_8_under_an_old_server_default_is_read_as_utf_8():
    decoded = decode(html(GERMAN).encode(), "text/html; charset=iso-8859-1")
    assert GERMAN in decoded.text
    assert decoded.notes == ("charset_guessed",)


def test_a_character_cut_at_the_end_of_utf_8_is_no_other_charset():
    body = RUSSIAN.encode() + "Я".encode()[:1]
    assert decode(body, "text/html").charset == "utf-8"


@pytest.mark.parametrize("label", ["utf-7", "UTF7", "unicode-1-1-utf-7", "cp65000"])
def test_utf_7_is_never_decoded(label):
    body = html("+ADw-script+AD4-alert(1)+ADw-/script+AD4-").encode()
    decoded = decode(body, f"text/html; charset={label}")
    assert "+ADw-script" in decoded.text


@pytest.mark.parametrize(
    "label", ["base64", "rot13", "zlib", "idna", "punycode", "unicode_escape", "\0", "x" * 5000, ""]
)
def test_python_codecs_that_are_no_charsets_are_unknown(label):
    assert codec_of(label) == ""


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "pdf"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image"),
        (b"GIF89a\x01\0", "image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image"),
        (b"PK\x03\x04\x14\0\x06\0", "zip"),
        (b"\x1f\x8b\x08\0\0\0", "gzip"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "media"),
        (b"\0\0\0\x18ftypmp42", "media"),
        (b"wOF2\0\x01\0\0", "font"),
        (bytes(range(256)) * 8, "binary"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bytes_that_are_no_text_are_told_by_their_signature_not_by_the_header(body, detail):
    decoded = decode(body, "text/html; charset=utf-8")
    assert (decoded.kind, decoded.detail, decoded.text) == ("other", detail, "")


@pytest.mark.parametrize(
    "mime",
    ["application/octet-stream", "", "image/png", "application/json", "text/css", "nonsense"],
)
def test_html_under_a_wrong_type_is_html(mime):
    assert sniff(html(GERMAN).encode(), mime) == ("html", "")


@pytest.mark.parametrize(
    ("body", "mime", "kind"),
    [
        (b"Plain words, <b>no page</b>.", "text/plain", "text"),
        (b'{"a": 1}', "application/json", "other"),
        (b"body { color: red }", "text/css", "other"),
        (b"BMW dealer in town <p>hello", "text/html", "html"),
        (b"ID3 is a tag <div>format</div>", "text/html", "html"),
        (b"", "text/html", "html"),
        (b"<html>\0\0<p>text with stray bytes</p>", "text/html", "html"),
    ],
    ids=["plain", "json", "css", "begins-like-bmp", "begins-like-mp3", "empty", "stray-nul"],
)
def test_kind_of_a_body(body, mime, kind):
    assert sniff(body, mime)[0] == kind


def test_what_no_store_takes_becomes_the_replacement_character():
    assert storable("a\0b\ud800c\udfffd😀") == "a\ufffdb\ufffdc\ufffdd😀"


def test_invalid_bytes_become_the_replacement_character():
    decoded = decode(html("abc\0def").encode() + b"<p>\xff\xfe</p>", "text/html; charset=utf-8")
    assert "abc\ufffddef" in decoded.text
    decoded.text.encode()
