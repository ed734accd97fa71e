"""Features of the built-in ranker in plain words, short enough for a column on a terminal.

"It" is the category in question. Another classifier's features are shown under their own names.
"""

from collections.abc import Mapping
from types import MappingProxyType

PLAIN_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "linear": "learned words for it",
        "linear_gap": "learned words, behind best",
        "linear_place": "place by learned words",
        "linear_root": "learned words for its root",
        "linear_root_gap": "its root, behind best root",
        "linear_parent": "learned words for its parent",
        "linear_below": "learned words for what is below",
        "linear_in_root": "learned words within its root",
        "linear_title": "learned words in title",
        "linear_summary": "learned words in summary",
        "linear_body": "learned words in main text",
        "linear_rest": "learned words in links",
        "linear_root_title": "its root's words in title",
        "linear_root_summary": "its root's words in summary",
        "linear_root_body": "its root's words in main text",
        "linear_root_rest": "its root's words in links",
        "prototype_name": "likeness to its name",
        "prototype_keywords": "likeness to its keywords",
        "prototype_example": "likeness to its examples",
        "prototype_gap": "likeness, behind best",
        "prototype_place": "place by likeness",
        "prototype_root": "likeness to its root",
        "title_name": "title's likeness to its name",
        "title_keywords": "title's likeness to keywords",
        "title_example": "title's likeness to examples",
        "neighbours": "labelled pages like this",
        "neighbours_subtree": "such pages in or below it",
        "neighbours_root": "such pages in its root",
        "neighbours_place": "place by such pages",
        "nearest_page": "likeness to nearest page",
        "keywords": "its keywords on the page",
        "keywords_gap": "its keywords, behind best",
        "keywords_root": "its root's keywords",
        "prior": "how common it is",
        "prior_root": "how common its root is",
        "tier": "its tier",
        "n_children": "number of its children",
        "entropy": "how undecided words are",
        "n_fields": "fields with text",
        "letters": "length of the page",
    }
)
