"""How right the product model is on what it was not trained on; `python quality/products.py`.

- `titles`: the model is trained again without each set of titles in turn and answers that set;
  names of nodes in three languages are left out of the same trainings and answered too.
- `gate`: the shipped model on the gate pages, from raw HTML: those with a product label, and those
  that sell nothing.
- `zero_shot`: hierarchical F1 of the same items against all-MiniLM-L6-v2 and the nodes' names.
- `cost`: microseconds a page of 300 words.

With `--write` the figures of the parts that ran go into quality/products.json. The labels of pages
were made by a large language model, those of titles are a shop's own categories mapped to nodes.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.product_names import NearestNames, ShortTexts
from taxocrawl.classifiers.products import Products, ranked
from taxocrawl.plugins import loading
from taxocrawl.records import Document
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset, distil, product_pages, product_texts, product_train
from taxocrawl.training.product_texts import TITLE_SOURCES, ProductText
from taxocrawl.training.product_train import ProductData

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "products.json"
HELD_OUT_LANGUAGES = ("de", "ja", "pl")
PARTS = ("titles", "gate", "zero_shot", "cost")
SAMPLE = 4000
ZERO_SHOT_SAMPLE = 500

Figures = dict[str, object]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class Gauge:
    """What all parts need."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.taxonomy = formats.load("google")
        self.nodes = NodeArrays(self.taxonomy)
        self.lineage = product_train.lineages(self.nodes, 7)
        settings = Settings(taxonomies=("google",))
        self.registry = loading.load(settings)
        self.encoder_model = self.registry.model_folder("default")
        self.encoder = StaticEncoder(self.encoder_model / "encoder")
        self.items: list[tuple[str, list[str], Ints, Ints]] = []
        self.names = NearestNames(
            ShortTexts.of([], []), self.encoder.token_vectors, len(self.nodes)
        )

    def titles(self) -> Figures:
        """Each set of titles, and the names in three languages, by heads that saw neither."""
        texts = tuple(product_texts.read_texts(self.taxonomy, without=HELD_OUT_LANGUAGES))
        sets = {s: product_texts.read_titles(self.data, self.taxonomy, s) for s in TITLE_SOURCES}
        pages = tuple(
            product_pages.read_product_pages(
                self.data, self.taxonomy, split="train", nth_other=10**6
            )
        )
        pages = tuple(page for page in pages if page.node is not None)
        names = [
            text
            for text in product_texts.read_texts(self.taxonomy)
            if text.source == "name" and text.language in HELD_OUT_LANGUAGES
        ]
        figures: Figures = {}
        for i, held in enumerate(TITLE_SOURCES):
            rest = [t for s in TITLE_SOURCES if s != held for t in product_texts.trusted(sets[s])]
            fitted = product_train.fit(
                ProductData(texts=texts, titles=tuple(rest), pages=pages),
                self.encoder,
                self.nodes,
                seed=0,
                progress=say,
                folds=False,
            )
            head = LinearHead(fitted.head)
            self.names = NearestNames(fitted.names, self.encoder.token_vectors, len(self.nodes))
            clean = _sample(product_texts.trusted(sets[held]), SAMPLE)
            figures[held] = self._answered(head, clean)
            figures[f"{held}_with_mixed_classes"] = self._answered(
                head, _sample(sets[held], SAMPLE)
            )
            language = HELD_OUT_LANGUAGES[i]
            spoken = [name for name in names if name.language == language]
            figures[f"names_{language}"] = self._answered(head, _sample(spoken, SAMPLE))
            self._keep(held, head, clean[:ZERO_SHOT_SAMPLE])
            say(f"{held}: {figures[held]}")
        return figures

    def _answered(self, head: LinearHead, items: Sequence[ProductText]) -> Figures:
        shares = self._shares(head, [item.text for item in items])
        truth = np.array([item.node for item in items], dtype=np.int64)
        found = product_train.depths(shares, truth, self.nodes, 3)
        return {"n": len(items), **{k: round(v, 4) for k, v in found.items()}}

    def _keep(self, name: str, head: LinearHead, items: Sequence[ProductText]) -> None:
        texts = [item.text for item in items]
        shares = self._shares(head, texts)
        given = np.array([next(iter(ranked(row, self.nodes)), -1) for row in shares])
        truth = np.array([item.node for item in items], dtype=np.int64)
        self.items.append((name, texts, truth, given))

    def _shares(self, head: LinearHead, texts: Sequence[str]) -> Floats:
        return product_train.title_shares_of(head, self.names, texts, self.encoder)

    def gate(self) -> Figures:
        """The shipped model on the gate pages, as a crawl reads them."""
        pages = product_pages.read_product_pages(self.data, self.taxonomy, split="gate")
        classifier = self.registry.classifier("products")
        answers = [classifier.classify([page.document])[0] for page in pages]
        truth = product_pages.nodes_of(pages)
        index = self.taxonomy.index
        given = np.array([next((index[p.node_id] for p in a if p.rank == 1), -1) for a in answers])
        asserted = np.array([any(p.asserted for p in a) for a in answers])
        roots = [{index[p.node_id] for p in a if p.asserted and p.tier == 1} for a in answers]
        deepest = [max([0, *(p.tier for p in a if p.asserted)]) for a in answers]
        sells = truth >= 0
        rows = np.flatnonzero(sells)
        right = np.array([self.lineage[truth[i], 0] == self.lineage[given[i], 0] for i in rows])
        two = np.array([i for i in rows if self.nodes.tier[truth[i]] >= 2])
        right_two = self.lineage[truth[two], 1] == self.lineage[given[two], 1]
        told = [self.lineage[truth[i], 0] in roots[i] for i in rows if roots[i]]
        texts = [_words(page.document) for page in pages if page.node is not None]
        self.items.append(("gate", texts, truth[rows], given[rows]))
        return {
            "n": len(rows),
            "depth1": round(float(right.mean()), 4),
            "depth2": round(float(right_two.mean()), 4),
            "asserted": round(float(asserted[sells].mean()), 4),
            "right_of_asserted": round(float(np.mean(told)), 4),
            "asserted_right": round(float(sum(told) / len(rows)), 4),
            "mean_asserted_tier": round(float(np.mean([deepest[i] for i in rows])), 2),
            "n_selling_nothing": int((~sells).sum()),
            "asserted_of_selling_nothing": round(float(asserted[~sells].mean()), 4),
        }

    def zero_shot(self) -> Figures:
        """Hierarchical F1 of ours and of the teacher's nearest name, on the same items."""
        teacher = distil.load_teacher(distil.teacher_folder())
        names = [node.name for node in self.taxonomy]
        paths = [self.taxonomy.path(i).replace(" > ", ", ") for i in self.taxonomy.ids]
        vectors = {
            "names": teacher.encode(names, normalize_embeddings=True),
            "paths": teacher.encode(paths, normalize_embeddings=True),
        }
        figures: Figures = {}
        for name, texts, truth, given in self.items:
            queries = teacher.encode(texts, normalize_embeddings=True)
            row = {"n": len(texts), "ours": self._f1(truth, given)}
            for kind, of in vectors.items():
                row[f"minilm_{kind}"] = self._f1(truth, (queries @ of.T).argmax(axis=1))
            row["times"] = round(row["ours"] / max(row["minilm_names"], 1e-9), 2)
            figures[name] = row
            say(f"{name}: {row}")
        return figures

    def _f1(self, truth: Ints, given: Ints) -> float:
        """Over the nodes of both lineages, all items together (Kiritchenko et al. 2005)."""
        common = both = 0
        for t, g in zip(truth, given, strict=True):
            wanted = set(self.lineage[t].tolist()) - {-1}
            found = set(self.lineage[g].tolist()) - {-1}
            common += len(wanted & found)
            both += len(wanted) + len(found)
        return round(2 * common / both, 4)

    def cost(self) -> Figures:
        """Microseconds of CPU a page of 300 words, in batches of 16, tokens known and not."""
        rows = dataset.read_pages(self.data, formats.load("iab-3.1"), split="gate")[:320]
        documents = [Document(id=row.page_id, domain=row.domain, pages=(row.page,)) for row in rows]
        classifier = self.registry.classifier("products")
        assert isinstance(classifier, Products)
        classifier.classify(documents[:16])
        taken = []
        for _ in range(2):  # the second time every word has been met
            started = time.process_time()
            for i in range(0, len(documents), 16):
                classifier.classify(documents[i : i + 16])
            taken.append((time.process_time() - started) / len(documents) * 1e6)
        return {
            "n": len(rows),
            "microseconds_fresh": round(taken[0]),
            "microseconds": round(taken[1]),
        }


def say(text: str) -> None:
    """Progress."""
    print(text, flush=True)


def _sample(items: Sequence[ProductText], n: int) -> list[ProductText]:
    if len(items) <= n:
        return list(items)
    chosen = np.random.default_rng(0).choice(len(items), n, replace=False)
    return [items[i] for i in chosen]


def _words(document: Document) -> str:
    fields = document.pages[0].fields
    return f"{fields.title}. {fields.description}. {fields.body}"[:1500]


def main() -> None:
    """Measure and print; keep with --write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(PARTS)}; all if none")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    gauge = Gauge(dataset.data_folder())
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    for part in options.parts or PARTS:
        kept[part] = getattr(gauge, part)()
        print(part, json.dumps(kept[part], indent=1))
    kept["model_id"] = gauge.registry.classifier("products").model_id
    if options.write:
        RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
