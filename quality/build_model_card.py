"""`docs/model-card.md`, from the shipped model's own files and `quality/results.json`.

What the model is, its data and its cross-validation stand in `MODEL_CARD.md` of its folder, which
training wrote; the card holds that page whole and adds what was measured since, and the licences.
`python quality/build_model_card.py` writes it, `--check` fails if it is stale; `gate.py --write`
writes it too.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from taxocrawl.classifiers.model_folder import MANIFEST, read_importances
from taxocrawl.training.dataset import WEAK_SOURCES

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "taxocrawl" / "models" / "default"
RESULTS = ROOT / "quality" / "results.json"
HELD_OUT_ROOTS = ROOT / "quality" / "held_out_roots.json"
SELECTION = ROOT / "quality" / "feature_selection.json"
IMPORTANCES = ROOT / "quality" / "importances.json"
CARD = ROOT / "docs" / "model-card.md"
PICTURES = ("reliability", "coverage", "confusion")

DEFAULT = "ranker"
MEASURES = {
    "tier1_primary": "tier 1",
    "tier1_accepted": "tier 1, accepted",
    "node_primary": "node",
    "node_accepted": "node, accepted",
}
OTHERS = {
    "tier1_accepted_at_80": "accepted at 80 %",
    "ece_tier1": "calibration error",
    "macro_f1": "macro-F1",
    "answered": "answered",
}
FEATURES_SHOWN = 12
LEAST_PAGES_OF_TIER = 100

LICENCES = {
    "reddit_topics": ("umbrae/reddit-top-2.5-million", "PDDL 1.0"),
    "medquad": ("abachaa/MedQuAD", "CC BY 4.0"),
    "appstore_genres": ("varun-desu-yo/apple_store_data_analysis", "not stated"),
    "yc_companies": ("willcagas/ycdle", "MIT (the repository)"),
    "kickstarter_names": ("rgiuffre90/dash-template", "MIT (the repository)"),
    "rss_feed_topics": ("plenaryapp/awesome-rss-feeds", "CC0 1.0"),
    "ted_talks_tags": ("algolia/datasets", "not stated"),
    "companies_linkedin_industry": (
        "JMarcosStgo/Programas-de-la-materia-de-programaci-n-funcional-con-python",
        "not stated",
    ),
    "goodreads_titles": ("misxbee/LIBRO", "not stated"),
}
"""Where each set of texts comes from, and the licence that its repository states."""

Row = Mapping[str, float]


def main() -> int:
    """1 where the card is stale and `--check` was given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if stale")
    if parser.parse_args().check:
        return int(CARD.read_text("utf-8") != card())
    CARD.write_text(card(), encoding="utf-8")
    return 0


def card() -> str:
    """The whole page."""
    results = json.loads(RESULTS.read_text("utf-8"))
    parts = (_own(), _licences(), _measured(results), _features(), _sources(), _identity(results))
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _own() -> Iterator[str]:
    """What training wrote, without its long tables of importances."""
    text = (MODEL / "MODEL_CARD.md").read_text("utf-8")
    yield text.split("## Features by permutation importance")[0].rstrip()
    yield ""


def _licences() -> Iterator[str]:
    yield from (
        "## Where the data comes from, and on what terms",
        "",
        "Taxonomies and their texts: "
        "[SOURCES.md](https://github.com/taxocrawl/taxocrawl/blob/main/taxocrawl/taxonomies/data/"
        "SOURCES.md)",
        "(IAB Tech Lab CC BY 3.0; glossary of this project). Labelled pages: public repositories",
        "of test pages; the pages belong to their owners, and no text of them is in the model.",
        "Sentence pairs and word lists: permissive or attribution, part of the words CC BY-SA",
        "(Wiktionary). Teacher of the encoder: all-MiniLM-L6-v2, Apache-2.0. Sets under a",
        "non-commercial licence were not trained on.",
        "",
    )
    rows = [(name, *LICENCES[name]) for name in WEAK_SOURCES]
    yield from _table(("texts with other labels", "repository", "licence it states"), rows)
    yield ""


def _measured(results: Mapping[str, object]) -> Iterator[str]:
    gate: Mapping[str, Mapping[str, Row]] = results["gate"]  # type: ignore[assignment]
    yield from (
        "## Measured on the gate",
        "",
        f"{results['gate_pages']:,} pages that nothing was trained or tuned on, read from their",
        "HTML as a crawl reads them. In brackets the 95 % interval (bootstrap over pages). Their",
        "labels were made by a large language model: two passes over such pages agree on tier 1 in",
        "94 %, on the node in 87 %, on primary or alternative in 99 %.",
        "",
        "### Every classifier",
        "",
    )
    names = sorted(gate, key=lambda name: -gate[name]["all"]["tier1_accepted"])
    for group, title in (("en", "English"), ("other", "other languages")):
        rows = [_row(f"`{name}`", gate[name][group]) for name in names]
        yield from _table((f"{title}", "n", *MEASURES.values(), *OTHERS.values()), rows)
        yield ""
    yield "### The default classifier by language, form and source"
    yield ""
    parts = [_row(name, row) for name, row in gate[DEFAULT].items() if name not in {"en", "other"}]
    yield from _table(("pages", "n", *MEASURES.values(), *OTHERS.values()), parts)
    yield from (
        "",
        "`accepted at 80 %`: tier 1 of the four fifths of the pages that it is surest of.",
        "`calibration error`: expected, of tier 1. `macro-F1`: mean over nodes of five gate pages",
        "or more. `answered`: share of pages that get any category. `text only`: the same pages",
        "without their HTML, from the few text fields that the training pages without HTML have.",
        "",
    )
    yield from (f"![{name}](pictures/{name}.svg)" for name in PICTURES if _drawn(name))
    yield from ("", "### Other people's sets", "")
    outside: Mapping[str, Row] = results["outside"]  # type: ignore[assignment]
    rows = [(name, f"{row['n']}", _percent(row["tier1"])) for name, row in outside.items()]
    yield from _table(("set, labels that map exactly", "n", "tier 1"), rows)
    yield from ("", "### What has no topic", "")
    yield from _refusals(results)


def _refusals(results: Mapping[str, object]) -> Iterator[str]:
    refusals: Mapping[str, object] = results["refusals"]  # type: ignore[assignment]
    own: Row = refusals.get(DEFAULT, refusals)  # type: ignore[assignment]
    shares = [
        (k, _percent(v)) for k, v in own.items() if not k.endswith(", n") and "AUROC" not in k
    ]
    yield from _table(("texts", "get no category"), sorted(shares))
    yield ""
    for name, value in own.items():
        if "AUROC" in name:
            yield f"{name}, by the confidence of the surest root: {value:.3f}."
    yield from (
        "",
        "Of a taxonomy without three of its roots, trained anew: how well the confidence of the",
        "surest root tells pages of the known roots from pages of the three.",
        "",
    )
    threes = json.loads(HELD_OUT_ROOTS.read_text("utf-8")).values()
    shown = [
        (", ".join(t["roots"]), f"{t['known']:,}", f"{t['unknown']:,}", f"{t['auroc']:.3f}")
        for t in threes
    ]
    yield from _table(("roots held out", "pages known", "unknown", "AUROC"), shown)
    yield ""


def _sources() -> Iterator[str]:
    found = json.loads(SELECTION.read_text("utf-8"))
    yield from (
        "## What each source buys",
        "",
        f"Cross-validated on the {found['n_pages']:,} train pages: the ranker trained without one",
        "source, then with the n features of greatest permutation importance alone. What costs is",
        "a source, not a feature: a dozen features would do nearly as well, but they come from",
        "all sources. CPU of each, a page, read already, in microseconds: "
        + ", ".join(f"{name} {micros:.0f}" for name, micros in found["microseconds"].items())
        + ". Bytes in memory or file: "
        + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in found["bytes"].items())
        + ".",
        "",
    )
    heads = ("en tier 1", "en accepted", "en node acc.", "other accepted", "other node acc.")
    keys = (
        *("en_tier1_primary", "en_tier1_accepted", "en_node_accepted"),
        *("other_tier1_accepted", "other_node_accepted"),
    )
    rows = [
        (row["name"], str(row["n_features"]), *(_percent(row[key]) for key in keys))
        for row in found["rows"]
    ]
    yield from _table(("features", "n", *heads), rows)
    yield ""


def _features() -> Iterator[str]:
    yield from (
        "## What it rests on",
        "",
        "The fall of the share of right answers when a feature's values are shuffled among pages "
        "that the",
        "ranker has not seen; `taxocrawl importance` shows all, also in groups that say the same.",
        "",
    )
    found = [row for row in read_importances(MODEL) if row.kind == "feature"]
    found.sort(key=lambda row: -row.importance)
    rows = [
        (f"`{row.name}`", f"{row.importance:.4f}", f"{row.gain or 0:.0f}")
        for row in found[:FEATURES_SHOWN]
    ]
    yield from _table(("feature", "fall", "gain while learning"), rows)
    yield ""
    yield from _importances()


def _importances() -> Iterator[str]:
    """Fields, and groups of features, for the node and at each tier that has pages enough."""
    found = json.loads(IMPORTANCES.read_text("utf-8"))
    yield from (
        f"On {found['n_pages']} pages of the gate, {found['repeats']} repeats, of model "
        f"`{found['model_id']}`: the fall for the node",
        "itself and at each tier (a page counts where its label is so deep) when a field of the",
        "pages is shuffled among them, or features that say the same (rank correlation 0.8 and",
        "more) together. A feature whose group falls far and little alone has stand-ins.",
        "",
    )
    for title, kind in (("field", "field"), ("features together", "group")):
        columns = [
            of_tier
            for of_tier in found["by_tier"]
            if of_tier["n_pages"] >= LEAST_PAGES_OF_TIER
            and any(row["kind"] == kind for row in of_tier["importances"])
        ]
        falls = [{r["name"]: r for r in column["importances"]} for column in columns]
        rows = [row for row in columns[0]["importances"] if row["kind"] == kind]
        rows.sort(key=lambda row: -row["mean"])
        heads = ["node" if c["tier"] is None else f"tier {c['tier']}" for c in columns]
        whole = ("(right with nothing shuffled)", *(f"{c['accuracy']:.3f}" for c in columns))
        yield from _table(
            (title, *heads),
            [
                whole,
                *(
                    (
                        ", ".join(f"`{name}`" for name in row["members"] or [row["name"]]),
                        *(f"{of_tier[row['name']]['mean']:.3f}" for of_tier in falls),
                    )
                    for row in rows
                ),
            ],
        )
        yield ""


def _identity(results: Mapping[str, object]) -> Iterator[str]:
    manifest = json.loads((MODEL / MANIFEST).read_text("utf-8"))
    yield from (
        "## What exactly was measured",
        "",
        f"Model `{results['model_id']}`, sha256 of its list of files `{results['model_sha256']}`;",
        f"taxonomy {manifest['taxonomy']}, sha256 `{manifest['taxonomy_sha256']}`;",
        f"data `{results['data_fingerprint']}`. `make quality` measures all of it again.",
    )


def _row(name: str, row: Row) -> tuple[str, ...]:
    cells = [
        f"{_percent(row[key])} ({_percent(row[key + '_low'])}-{_percent(row[key + '_high'])})"
        for key in MEASURES
    ]
    others = [
        f"{row[key]:.3f}" if key == "ece_tier1" else _percent(row[key]) if key in row else "-"
        for key in OTHERS
    ]
    return (name, f"{row['n']:.0f}", *cells, *others)


def _percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.1f}"


def _drawn(name: str) -> bool:
    return (CARD.parent / "pictures" / f"{name}.svg").is_file()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
