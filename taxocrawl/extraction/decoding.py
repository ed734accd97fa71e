"""Bytes to text: what kind of thing a body is, and in which charset it is written.

Kind by the WHATWG MIME Sniffing standard (signatures and binary data bytes within 1,445 bytes), not
by what the server claims. Charset in the order of the HTML standard: byte order mark, header, meta
element, guess. UTF-7 is never decoded.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Literal

BodyKind = Literal["html", "text", "other"]

SNIFFED_BYTES = 1445
META_BYTES = 1024
# Real pages put scripts above the meta element; browsers restart the parser then, we look further.
LATE_META_BYTES = 16 * 1024
GUESSED_BYTES = 32 * 1024

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"GIF8", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"BM", "image"),
    (b"\x00\x00\x01\x00", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"OggS\x00", "media"),
    (b"ID3", "media"),
    (b"fLaC", "media"),
    (b"\x1aE\xdf\xa3", "media"),
    (b"FLV\x01", "media"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"\x00\x01\x00\x00", "font"),
    (b"OTTO", "font"),
    (b"\x7fELF", "program"),
    (b"\x00asm", "program"),
    (b"%!PS-Adobe-", "postscript"),
    (b"{\\rtf", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
)
# A tag anywhere near the start: the standard asks for it at the very start, but comments, notices
# of PHP and stray characters stand before it on real pages.
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|title|meta|script|style|link|div|p|h1|h2|table|a|br|span|"
    rb"iframe|frameset|center|font|img|form|ul|section|main|article|header|nav)[\s>/]|<!--",
    re.IGNORECASE,
)
_BINARY_BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_DATA_TYPES = re.compile(r"(?:/|\+)(?:json|javascript|ecmascript|css|csv|wasm)$")
_BINARY_TYPES = re.compile(r"^(?:image/(?!svg)|audio/|video/|font/|application/(?:pdf|zip|gzip))")

_META_CHARSET = re.compile(
    rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]+)|"""
    rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9_:.\-]+)""",
    re.IGNORECASE,
)
_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Label -> Python codec, where the WHATWG Encoding standard reads a label as a superset of it.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "johab": "cp949",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "utf-16": "utf-16-le",
    "utf-8-sig": "utf-8",
}
_CODECS = frozenset(
    """utf-8 utf-16-le utf-16-be cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    cp866 cp874 cp932 cp949 big5hkscs gb18030 euc_jp iso2022_jp koi8-r koi8-u mac-roman mac-cyrillic
    iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13
    iso8859-14 iso8859-15 iso8859-16""".split()  # noqa: SIM905
)
_ALIASES = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "chinese": "gb18030",
    "iso-8859-8-i": "iso8859-8",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "x-euc-jp": "euc_jp",
    "x-user-defined": "cp1252",
    "utf8": "utf-8",
    "unicode": "utf-16-le",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body read as text. For the kind `other` the text is '' and `detail` says what it is."""

    kind: BodyKind
    text: str = ""
    charset: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()


def decode(body: bytes, content_type: str = "") -> Decoded:
    """The body as text, by its bytes first and by what `content_type` claims second (C01, C05)."""
    mime = content_type.split(";", 1)[0].strip().lower()
    kind, detail = sniff(body, mime)
    if kind == "other":
        return Decoded(kind=kind, detail=detail)
    charset, guessed = charset_of(body, content_type)
    text = storable(body.decode(charset, "replace").removeprefix("\ufeff"))
    notes = ("charset_guessed",) if guessed else ()
    return Decoded(kind=kind, text=text, charset=charset, notes=notes)


def sniff(body: bytes, mime: str) -> tuple[BodyKind, str]:
    """Kind of the body and, for `other`, what it is instead."""
    head = body[:SNIFFED_BYTES]
    if any(head.startswith(bom) for bom, _ in _BOMS):
        return ("text" if mime == "text/plain" else "html"), ""
    for signature, name in _SIGNATURES:
        if head.startswith(signature) and not (len(signature) < 4 and _HTML.search(head)):
            return "other", name
    if head[4:8] == b"ftyp" or head[:4] == b"RIFF":
        return "other", "media"
    tagged = _HTML.search(head.replace(b"\0", b"")) is not None
    # A stray NUL does not make a page binary (C06); UTF-16 without a mark is full of them.
    binary = len(_BINARY_BYTES.findall(head))
    if binary > (len(head) * 5 // 8 if tagged else len(head) // 100):
        return "other", "binary"
    if tagged:
        return ("text" if mime == "text/plain" else "html"), ""
    if _DATA_TYPES.search(mime):
        return "other", mime.rsplit("/", 1)[-1]
    if _BINARY_TYPES.search(mime) and binary:
        return "other", "binary"
    return ("text" if mime == "text/plain" else "html"), ""


def charset_of(body: bytes, content_type: str = "") -> tuple[str, bool]:
    """Python codec of the body, and whether it had to be guessed."""
    for bom, codec in _BOMS:
        if body.startswith(bom):
            return codec, False
    match = _HEADER_CHARSET.search(content_type)
    declared = codec_of(match[1]) if match else ""
    if not declared:
        meta = _META_CHARSET.search(body, 0, META_BYTES) or _META_CHARSET.search(
            body, 0, LATE_META_BYTES
        )
        # A meta element that could be read is no UTF-16 (HTML standard 13.2.3.2).
        declared = codec_of((meta[1] or meta[2]).decode("ascii")) if meta else ""
        declared = "utf-8" if declared.startswith("utf-16") else declared
    if declared and not _is_wrong(body, declared):
        return declared, False
    if _is_utf8(body):
        return "utf-8", bool(declared) or not body.isascii()
    return _guess(body), True


def codec_of(label: str) -> str:
    """Python codec for a charset label, or '' for one that the web does not know (UTF-7 too)."""
    label = label.strip().lower()
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
    except (LookupError, ValueError):  # ValueError: a NUL in the label
        return ""
    name = _SUPERSETS.get(name, name)
    return name if name in _CODECS else ""


def storable(text: str) -> str:
    """The text without what no store takes: NUL and lone surrogates become U+FFFD (C06)."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


_SURROGATES = re.compile("[\ud800-\udfff]")


def _is_wrong(body: bytes, declared: str) -> bool:
    """True where the bytes say plainly that the declared charset is not theirs.

    Two cases, both common and both shown as rubbish by browsers: UTF-8 declared over an older
    charset, and an older one declared (by the server's default) over UTF-8.
    """
    if body.isascii():
        return declared.startswith("utf-16")
    if declared == "utf-8":
        text = body[:GUESSED_BYTES].decode("utf-8", "replace")
        foreign = len(text) - len(text.encode("ascii", "ignore"))
        return text.count("\ufffd") > max(3, foreign // 4)
    # Three characters of several bytes, all well formed, are no accident.
    return (
        declared.startswith(("cp125", "iso8859"))
        and len(_MULTIBYTE.findall(body)) > 2
        and _is_utf8(body)
    )


# charset_normalizer takes EUC-JP for Korean or Chinese; no other text turns into hiragana.
_JAPANESE = ("euc_jp", "cp932", "iso2022_jp")
_HIRAGANA = re.compile("[\u3041-\u3096]")


def _has_hiragana(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, "replace")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return len(_HIRAGANA.findall(text)) > max(3, foreign // 8) and text.count("\ufffd") < 5


_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def _is_utf8(body: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # a cut last character is no error
    except UnicodeDecodeError:
        return False
    return True


def _guess(body: bytes) -> str:
    """Codec by statistics over the part that is not ASCII; windows-1252 where they say nothing."""
    from charset_normalizer import from_bytes

    first = re.search(rb"[\x80-\xff]", body)
    start = max(0, first.start() - 200) if first else 0
    sample = re.sub(rb"<[^>]{0,2000}>|[\x00-\x08]", b" ", body[start : start + GUESSED_BYTES])
    japanese = next((codec for codec in _JAPANESE if _has_hiragana(sample, codec)), "")
    if japanese:
        return japanese
    best = from_bytes(sample[: GUESSED_BYTES // 2], steps=4, chunk_size=512).best()
    return (codec_of(best.encoding) if best else "") or "cp1252"
