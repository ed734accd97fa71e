"""Whether a page sells things: signs of a shop that anybody can read, and what it is about."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ahocorasick_rs
import numpy as np

from taxocrawl.classifiers.reading import Reading, well_formed
from taxocrawl.classifiers.sources import page_vectors
from taxocrawl.protocols import Vectors
from taxocrawl.records import Extract, PageText

# Marks that `extraction.structure` counts in the source of a page.
_MARKS: Final = (
    *("~cart", "~checkout", "~add-to", "~price", "~product", "~sku", "~shipping", "~wishlist"),
    *("~discount", "~woocommerce", "~shopify", "~magento", "~prestashop", "~filter"),
)
_PRICE = re.compile(
    r"[$€£¥₹₽₩]\s?\d|\d[\d.,]{0,12}\s?(?:€|£|¥|₹|₽|zł|kr\b|руб|грн|円|元|원|Kč|Ft\b|lei\b|лв|TL\b|USD|EUR|GBP|CHF|R\$)"
)
# Words with which a shop asks to buy, as buttons and menus of many languages have them, and how
# they begin: an automaton finds that in a fifteenth of the time. No beginning may hold the first
# word of another.
_BUY = re.compile(
    r"\b(?:add to (?:cart|bag|basket)|(?:shopping )?cart|basket|checkout|buy now|shop now|"
    r"free shipping|"
    r"in stock|out of stock|sale|new arrivals|best ?sellers|wish ?list|gift cards?|returns?|"
    r"warenkorb|versand|kasse|in den warenkorb|lieferzeit|angebote|panier|livraison|"
    r"ajouter au panier|"
    r"promo|carrito|cesta|comprar|envío|carrello|acquista|spedizione|winkelwagen|winkelmand|bestellen|"
    r"koszyk|dodaj do koszyka|wysyłka|košík|do košíku|kosár|coș|sepet\w*|carrinho|frete|"
    r"indkøbskurv|"
    r"varukorg|handlekurv|ostoskori|корзин\w+|купить|доставк\w+|кошик|кошница)\b"
    r"|カート|購入|送料|通販|购物车|購物車|加入购物车|장바구니|구매|ตะกร้า|giỏ hàng"
)
_BEGINNINGS: Final = ahocorasick_rs.AhoCorasick(
    (
        *("add to", "shopping", "cart", "basket", "checkout", "buy now", "shop now"),
        *("free shipping", "in stock", "out of stock", "sale", "new arrivals", "best", "wish"),
        *("gift card", "return", "warenkorb", "versand", "kasse", "in den", "lieferzeit"),
        *("angebote", "panier", "livraison", "ajouter au", "promo", "carrito", "cesta", "comprar"),
        *("envío", "carrello", "acquista", "spedizione", "winkel", "bestellen", "koszyk", "dodaj"),
        *("wysyłka", "košík", "do ", "kosár", "coș", "sepet", "carrinho", "frete", "indkøbskurv"),
        *("varukorg", "handlekurv", "ostoskori", "корзин", "купить", "доставк", "кошик"),
        *("кошница", "カート", "購入", "送料", "通販", "购物车", "購物車", "장바구니", "구매"),
        *("ตะกร้า", "giỏ hàng"),
    )
)
_NUMBERS: Final = (
    *("prices", "buy_links", "buy_words", "buy_title", "product_types", "offer_types"),
    *("og_product", "has_source", "has_links", "words"),
)
SIGNAL_NAMES: Final = (*_NUMBERS, *(mark[1:] for mark in _MARKS), "head_share", "head_entropy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Logistic regression over standardised signals and the page's vector.

    `weights` (n_signals + dimension,), `means` and `scales` (n_signals,).
    """

    weights: Vectors
    bias: float
    means: Vectors
    scales: Vectors

    def probabilities(self, table: Vectors, vectors: Vectors) -> Vectors:
        """That each page sells something, (n_pages,); `table` (n_pages, n_signals)."""
        x = np.concatenate([(table - self.means) / self.scales, vectors], axis=1)
        result: Vectors = 1 / (1 + np.exp(-(x @ self.weights + self.bias)))
        return result.astype(np.float32)


def signals(
    pages: Sequence[PageText],
    extracts: Mapping[str, Extract],
    shares: Vectors,
) -> Vectors:
    """(n_pages, n_signals) in the order of SIGNAL_NAMES.

    `extracts` by URL, for the pages that came from HTML; `shares` (n_pages, n_roots) of the roots.
    """
    rows = [[*_counts(page, extracts.get(page.url))] for page in pages]
    table = np.log1p(np.array(rows, dtype=np.float32).reshape(len(pages), -1))
    entropy = -(shares * np.log(shares + 1e-9)).sum(axis=1)
    return np.column_stack([table, shares.max(axis=1, initial=0), entropy]).astype(np.float32)


def gate_vectors(reading: Reading) -> Vectors:
    """The page's meaning, (n_pages, dimension)."""
    return page_vectors(reading)


def _counts(page: PageText, extract: Extract | None) -> list[float]:
    fields = page.fields
    structure = extract.structure if extract else None
    counts = dict(structure.counts) if structure else {}
    types = structure.types if structure else ()
    facts = extract.facts if extract else ()
    title = fields.title[:300]
    text = f"{title}\n{fields.description[:700]}\n{fields.headings[:1000]}\n{fields.body[:2000]}"
    return [
        float(len(_PRICE.findall(text + fields.link_texts[:1000]))),
        *(float(_asks_to_buy(part)) for part in (fields.link_texts[:2000], text, title)),
        float(any(kind in ("Product", "ProductGroup", "ItemList") for kind in types)),
        float(any(kind in ("Offer", "AggregateOffer", "Store", "OnlineStore") for kind in types)),
        float(any(f.name == "og:type" and "product" in f.value.lower() for f in facts)),
        float(structure is not None),
        float(bool(fields.link_texts)),
        float(len(text) / 100),
        *(float(counts.get(mark, 0)) for mark in _MARKS),
    ]


def _asks_to_buy(text: str) -> int:
    """How often a text says one of the words of `_BUY`."""
    lower = well_formed(text).replace("İ", "i").lower()  # alone it becomes two letters
    found = end = 0
    for _, start, _ in _BEGINNINGS.find_matches_as_indexes(lower):
        if start >= end and (words := _BUY.match(lower, start)):
            found, end = found + 1, words.end()
    return found
