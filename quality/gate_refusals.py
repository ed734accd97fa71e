"""What has no topic must get none: how often each kind is refused, by the product's own rules.

Noise and shells are made here; the labelled pages without a node are the gate's own, and are
reported apart: they are few, and to some of them a careless reader would give a node.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from taxocrawl import pipeline
from taxocrawl.extraction import documents, html
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Document, Outcome, Page
from taxocrawl.training import dataset

NOISE_TEXTS = 100
BATCH = 16
SEED = 0

MENU = (
    "Home,Log in,Sign up,Contact us,Privacy policy,Terms,Cookies,Next,Previous,Page 2,Search,Menu,"
    "Close,Read more,Share,Back to top"
)
COOKIES = (
    "We use cookies. Accept all. Reject all. Manage settings. Strictly necessary. Always active. "
    "Your choice is kept for six months. All rights reserved. Terms apply. Imprint."
)
EVERYDAY = (
    "the of and a to in is it that was for on are with as his they be at one have this from by not "
    "but what all were when we there can an your which their if do will each how them then she many"
)


def _letters(rng: np.random.Generator) -> str:
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return " ".join("".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(60))


def _code(rng: np.random.Generator) -> str:
    return "\n".join(
        f"    x{rng.integers(99)} = f{rng.integers(9)}(y[{rng.integers(99)}]) or {rng.integers(9)}"
        for _ in range(25)
    )


def _script(first: int, last: int) -> Callable[[np.random.Generator], str]:
    def text(rng: np.random.Generator) -> str:
        words = (rng.integers(first, last, rng.integers(2, 7)) for _ in range(50))
        return " ".join("".join(chr(int(letter)) for letter in word) for word in words)

    return text


NOISE: Mapping[str, Callable[[np.random.Generator], str]] = {
    "random letters": _letters,
    "everyday words": lambda rng: " ".join(rng.permutation(EVERYDAY.split())),
    "code": _code,
    "menus": lambda rng: " ".join(rng.permutation(MENU.split(","))),
    "boilerplate": lambda rng: " ".join(rng.permutation(COOKIES.split(". "))),
    "numbers": lambda rng: " ".join(map(str, rng.integers(0, 99999, 80))),
    "Ethiopic letters": _script(0x1200, 0x1340),
    "Cherokee letters": _script(0x13A0, 0x13F0),
}

SHELL = (
    "<!doctype html><html><head><title>{title}</title></head><body>{body}"
    '<div id="{root}"></div><script src="/app.{number}.js"></script></body></html>'
)
NOSCRIPT = "<noscript>You need to enable JavaScript to run this app.</noscript>"


def noise(kind: str, *, n: int = NOISE_TEXTS) -> list[Document]:
    """Texts of one kind of noise."""
    rng = np.random.default_rng(SEED)
    return [documents.from_text(f"{kind}-{i}", text=NOISE[kind](rng)) for i in range(n)]


def shells(registry: Registry, *, n: int = NOISE_TEXTS) -> list[Document]:
    """Pages that a script would fill, read as a crawl reads them."""
    rng = np.random.default_rng(SEED)
    settings = registry.settings
    ladder = [(name, registry.extractor(name)) for name in settings.extractors]
    found = []
    for i in range(n):
        url = f"https://shell{i}.example/"
        body = SHELL.format(
            title=rng.choice(["", "App", "Loading...", "Untitled"]),
            body=rng.choice(["", NOSCRIPT]),
            root=rng.choice(["root", "app", "__next"]),
            number=rng.integers(10**6),
        )
        page = Page(
            url=url,
            requested_url=url,
            status=200,
            headers=(("content-type", "text/html; charset=utf-8"),),
            body=body.encode(),
            fetched_at="",
            origin="file",
        )
        extract = html.extract(page, ladder=ladder, settings=settings)
        found.append(documents.document(f"shell{i}.example", [extract]))
    return found


def without_node(data: Path) -> Mapping[str, list[Document]]:
    """The gate's labelled pages without a node: with a topic of none (`ok`), and with no topic."""
    table = parquet.read_table(
        data / "pages" / "labels.parquet", filters=[("split", "=", "gate"), ("primary", "=", "")]
    )
    rows = table.to_pylist()
    parsed = dataset.html_documents(data, {row["page_id"] for row in rows if row["has_html"]})
    found: dict[str, list[Document]] = {"pages of no node": [], "pages without a topic": []}
    for row in rows:
        group = "pages of no node" if row["status"] == "ok" else "pages without a topic"
        found[group].append(parsed.get(row["page_id"]) or dataset.text_document(row))
    return found


def outcomes(registry: Registry, classifier: str, found: Sequence[Document]) -> list[Outcome]:
    """What the product says of the documents with that classifier."""
    settings = replace(registry.settings, classifiers=(classifier,), explain=())
    return [
        outcome
        for start in range(0, len(found), BATCH)
        for outcome in pipeline.categorize(found[start : start + BATCH], registry, settings)
    ]


def refused(registry: Registry, classifier: str, found: Sequence[Document]) -> float:
    """Share of the documents that get no category."""
    said = outcomes(registry, classifier, found)
    return round(float(np.mean([outcome.kind != "classified" for outcome in said])), 4)


def surest(outcome: Outcome) -> float:
    """Confidence of the surest root."""
    return max((p.confidence for p in outcome.predictions if p.tier == 1), default=0.0)


def measured(
    registry: Registry, classifier: str, real: Sequence[Document], data: Path
) -> dict[str, float]:
    """Share refused of each kind of text without a topic and of the real pages, and the AUROC of
    the surest root's confidence between real pages and noise.
    """
    from sklearn.metrics import roc_auc_score

    of_kinds = {kind: noise(kind) for kind in NOISE}
    table = {kind: refused(registry, classifier, found) for kind, found in of_kinds.items()}
    table["empty shells"] = refused(registry, classifier, shells(registry))
    table["all noise"] = round(float(np.mean(list(table.values()))), 4)
    for group, found in without_node(data).items():
        table[group] = refused(registry, classifier, found)
        table[f"{group}, n"] = len(found)
    said = outcomes(registry, classifier, real)
    table["real pages"] = round(float(np.mean([o.kind != "classified" for o in said])), 4)
    noisy = [document for found in of_kinds.values() for document in found]
    unreal = [surest(outcome) for outcome in outcomes(registry, classifier, noisy)]
    sure = [surest(outcome) for outcome in said]
    labels = [1] * len(sure) + [0] * len(unreal)
    table["AUROC, real against noise"] = round(float(roc_auc_score(labels, sure + unreal)), 4)
    return table
