"""The card beside a product model."""

from pathlib import Path

from taxocrawl.classifiers.model_folder import write_checksums
from taxocrawl.classifiers.product_model import ProductManifest

CARD = "MODEL_CARD.md"

_CARD = """# Model card: {id}

Says what a shop, a product page or a product's bare name is, in the Google Product Taxonomy. Made
by `taxocrawl train --what products`; licence {licence}.

It reads with the encoder of the model `{encoder}`. A linear head over token vectors gives each node
its share, and so do the names, synonyms and words nearest in meaning; the two shares are averaged.
A logistic regression over signs of a shop (cart words, prices, markup) and the page's
vector says whether anything is sold at all.

## Data
- Names of all nodes in 31 languages, synonyms (Shopify, MIT), keywords, titles of invented shops.
- Words for products, brands, measures and 10,000 titles as marketplaces print them, invented by a
  large language model for this project.
- Titles of three shops, whose categories were mapped to nodes: {titles}.
- Labelled pages of the train split. The labels were made by a large language model that read each
  page, not by people.
- Fingerprint of the files: `{fingerprint}`. Nothing from a domain of the gate or blind split.

## Measured on pages and titles that the head had not seen
| measure | value |
|---|---|
{metrics}

`page_*`: labelled train pages, cross-fitted by site. `title_*`: titles of invented shops.
`asserted_of_others`: pages that sell nothing and get a node all the same.

## What it is bad at
- Services, and shops whose page names no product.
- Nodes of the fourth tier and below, of most of which nothing but names and a title was seen.
- Titles whose words mean another thing elsewhere: a brand, a colour, a part for another product.
"""


def write(folder: Path, manifest: ProductManifest) -> None:
    """MODEL_CARD.md of a finished folder, then the checksums again."""
    from taxocrawl.training.product_texts import TITLE_SOURCES

    text = _CARD.format(
        id=manifest.id,
        licence=manifest.licence,
        encoder=manifest.encoder,
        titles=", ".join(TITLE_SOURCES),
        fingerprint=manifest.data_fingerprint,
        metrics="\n".join(f"| {name} | {value:.3f} |" for name, value in manifest.metrics.items()),
    )
    (folder / CARD).write_text(text, encoding="utf-8")
    write_checksums(folder)
