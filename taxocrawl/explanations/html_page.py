"""An answer and its reasons as HTML: one file that asks nobody for anything, or a notebook's cell.

All that comes from a page is page text: escaped here, control and direction characters written
out, addresses shown and never linked. The file's own policy forbids scripts, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from taxocrawl import words
from taxocrawl.explanations.charts import waterfall
from taxocrawl.explanations.comparison import Comparison
from taxocrawl.explanations.masking import shortened
from taxocrawl.explanations.pictures import as_svg
from taxocrawl.explanations.render import (
    Answer,
    CategoryLine,
    as_tree,
    label,
    method_name,
    summary,
    visible,
)
from taxocrawl.records import Attribution, Explanation, Tag
from taxocrawl.taxonomies.tree import PATH_SEPARATOR

TEXT_CHARACTERS = 4_000  # of a page's text that is shown with its words marked
PAGES = 3

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
.taxocrawl{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:60em}
.taxocrawl h2{font-size:1.15em;margin:1.6em 0 .4em}.taxocrawl h3{font-size:1em;margin:1em 0 .3em}
.taxocrawl table{border-collapse:collapse}.taxocrawl td,.taxocrawl th{padding:.15em .6em;
text-align:left;vertical-align:top;border:0;background:none}.taxocrawl th{font-weight:600}
.taxocrawl .n{text-align:right;font-variant-numeric:tabular-nums}.taxocrawl .q{color:#777}
.taxocrawl .bar{display:inline-block;height:.8em;background:#008b8b;border-radius:2px}
.taxocrawl .for{background:#ff0051}.taxocrawl .against{background:#008bfb}
.taxocrawl mark{color:inherit;border-radius:2px;padding:0 .1em}
.taxocrawl mark.for{background:#ffc2d4}.taxocrawl mark.against{background:#bfe1fe}
.taxocrawl blockquote{margin:.4em 0 .4em 1em;white-space:pre-wrap}
.taxocrawl .chip{display:inline-block;background:#eee;border-radius:1em;padding:0 .7em;margin:.1em}
.taxocrawl svg{max-width:100%;height:auto}
""".replace("\n", "")


def page(answer: Answer) -> str:
    """A whole file."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(answer.title)}</title></head><body>{fragment(answer)}</body></html>\n"
    )


def fragment(answer: Answer) -> str:
    """What a notebook shows in a cell: one element with its own style."""
    names = {(c.taxonomy, c.node_id): c.path for c in answer.categories}
    parts = [f'<div class="taxocrawl"><style>{_STYLE}</style>', _heading(answer)]
    for taxonomy in dict.fromkeys(line.taxonomy for line in answer.categories):
        parts.append(f"<h2>Categories <span class=q>{_text(taxonomy)}</span></h2>")
        parts.append(_categories([c for c in answer.categories if c.taxonomy == taxonomy]))
    if answer.tags:
        parts.append(f"<h2>Tags <span class=q>relevance</span></h2>{_tags(answer.tags)}")
    if answer.explanations:
        # As in SHAP's pictures; the terminal has green and red.
        parts.append("<p class=q>Red speaks for a category, blue against it.</p>")
    for key in dict.fromkeys((e.taxonomy, e.node_id) for e in answer.explanations):
        name = names.get(key, (key[1],))[-1]
        parts.append(f"<h2>Why {_text(name)}?</h2>")
        own = (e for e in answer.explanations if (e.taxonomy, e.node_id) == key)
        parts += [_explanation(explanation, name, answer) for explanation in own]
        parts += [_comparison(c) for c in answer.comparisons if (c.taxonomy, c.node_id) == key]
        parts += _interactions(answer, key)
    parts += _texts(answer)
    return "".join(parts) + "</div>"


def _heading(answer: Answer) -> str:
    outcome = f"{answer.outcome}: {answer.detail}" if answer.detail else answer.outcome
    rows = [f"<h1>{_text(answer.title)}</h1><p><b>{_text(outcome)}</b>"]
    about = [part for part in (answer.url, *answer.about) if part]
    rows.append("".join(f"<br><span class=q>{_text(part)}</span>" for part in about) + "</p>")
    rows += [f"<p>{_text(remark)}</p>" for remark in answer.remarks]
    if answer.form:
        vector = f", IAB {answer.form.vector_id}" if answer.form.vector_id else ""
        said = f"{answer.form.word} ({answer.form.confidence:.2f}{vector})"
        rows.append(f"<p>Form: {_text(said)}</p>")
    for risk in answer.risks:
        why = f": {', '.join(risk.reasons)}" if risk.reasons else ""
        rows.append(f"<p>Risk: {_text(f'{risk.topic} ({risk.confidence:.2f}){why}')}</p>")
    return "".join(rows)


def _categories(lines: Sequence[CategoryLine]) -> str:
    shown = {line.path for line in lines}
    rows = []
    for line in as_tree(lines):
        below = line.path[:-1] in shown
        name = line.path[-1] if below else PATH_SEPARATOR.join(line.path)
        indent = f' style="padding-left:{1.2 * (len(line.path) - 1) + 0.6:.1f}em"' if below else ""
        sure = "" if line.asserted else "<span class=q>not sure</span>"
        rows.append(
            f"<tr><td{indent}>{_text(name)}</td><td>{_bar(line.confidence, '')}</td>"
            f"<td class=n>{line.confidence:.2f}</td><td>{sure}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _tags(tags: Sequence[Tag]) -> str:
    rows = (
        f"<tr><td>{_text(tag.text)}</td><td>{_bar(tag.relevance, '')}</td>"
        f"<td class=n>{tag.relevance:.0%}</td></tr>"
        for tag in tags
    )
    return f"<table>{''.join(rows)}</table>"


def _explanation(explanation: Explanation, name: str, answer: Answer) -> str:
    said = _text(summary(explanation))
    parts = [f"<h3>{_text(method_name(explanation))}</h3><p class=q>{said}</p>"]
    signed = [a for a in explanation.attributions if a.kind != "sentence"]
    if explanation.unit == "margin" and signed:
        title = f"{answer.title}: {name}"
        parts.append(as_svg(waterfall(explanation, title, names=answer.feature_names)))
    elif explanation.method == "anchors" and signed:
        rule = _chips(a.name for a in signed)
        parts.append(f"<p>If {rule} then {_text(name)}</p>")
    elif signed:
        most = max(abs(a.weight) for a in signed) or 1.0
        rows = (_signed(a, most, label(a, answer.feature_names)) for a in signed)
        parts.append(f"<table>{''.join(rows)}</table>")
    weights = word_weights(explanation)
    for sentence in explanation.attributions:
        if sentence.kind == "sentence":
            quoted = _marked(sentence.name, weights)
            parts.append(f"<blockquote>{quoted}<br><span class=q>{_text(sentence.url)}</span>")
            parts.append("</blockquote>")
    return "".join(parts)


def _signed(attribution: Attribution, most: float, name: str) -> str:
    side = "for" if attribution.weight > 0 else "against"
    bar = _bar(abs(attribution.weight) / most, side)
    number = f"<td class=n>{attribution.weight:+.3f}</td>"
    return f"<tr><td>{_text(name)}</td>{number}<td>{bar}</td></tr>"


def _comparison(comparison: Comparison) -> str:
    def number(values: Sequence[float]) -> str:
        return f"{values[-1]:.2f}" if values else ""

    head = "".join(
        f"<th>{name}</th>"
        for name in ("method", "words for it", "fidelity", "without them", "they alone")
    )
    rows = "".join(
        f"<tr><td>{_text(m.method)}</td><td>{_text(', '.join(m.words))}</td>"
        f"<td class=n>{'' if m.fidelity is None else f'{m.fidelity:.2f}'}</td>"
        f"<td class=n>{number(m.gone)}</td><td class=n>{number(m.alone)}</td></tr>"
        for m in comparison.methods
    )
    pairs = "".join(
        f"<tr><td>{_text(a.method_a)}</td><td>{_text(a.method_b)}</td>"
        f"<td class=n>{_or_none(a.rank_correlation)}</td>"
        f"<td class=n>{_or_none(a.overlap)}</td></tr>"
        for a in comparison.agreements
    )
    remarks = "".join(f"<li>{_text(remark)}</li>" for remark in comparison.remarks)
    return (
        f"<h3>The methods side by side</h3><table><tr>{head}</tr>{rows}</table>"
        "<table><tr><th colspan=2>methods</th><th>rank correlation</th>"
        f"<th>same first words</th></tr>{pairs}</table><ul>{remarks}</ul>"
    )


def _interactions(answer: Answer, key: tuple[str, str]) -> Iterator[str]:
    for found in answer.interactions:
        if (found.taxonomy, found.node_id) == key and found.pairs:
            most = abs(found.pairs[0].weight)
            rows = "".join(
                f"<tr><td>{_text(feature_name(answer, pair.first))}</td>"
                f"<td>{_text(feature_name(answer, pair.second))}</td>"
                f"<td class=n>{pair.weight:+.3f}</td>"
                f"<td>{_bar(abs(pair.weight) / most, 'for' if pair.weight > 0 else 'against')}</td>"
                "</tr>"
                for pair in found.pairs
            )
            yield f"<h3>What two features say only together</h3><table>{rows}</table>"


def feature_name(answer: Answer, name: str) -> str:
    """A feature in plain words."""
    return answer.feature_names.get(name, name.replace("_", " "))


def _texts(answer: Answer) -> Iterator[str]:
    worded = (word_weights(e) for e in answer.explanations if e.unit == "probability")
    weights = next((found for found in worded if found), {})
    for url, text in answer.texts[:PAGES]:
        if text.strip():
            marked = _marked(shortened(text, TEXT_CHARACTERS), weights)
            yield f"<details><summary>Text of {_text(url)}</summary>"
            yield f"<blockquote>{marked}</blockquote></details>"


def word_weights(explanation: Explanation) -> dict[str, float]:
    """Weights of words and of what phrases are made of."""
    found: dict[str, float] = {}
    for attribution in explanation.attributions:
        if attribution.kind in ("word", "phrase"):
            for word in words.words(attribution.name):
                found.setdefault(word, attribution.weight)
    return found


def _marked(text: str, weights: dict[str, float]) -> str:
    parts, position = [], 0
    for start, end in words.spans(text):
        weight = weights.get("".join(words.words(text[start:end])), 0.0)
        if weight:
            side = "for" if weight > 0 else "against"
            parts.append(_text(text[position:start], lines=True))
            parts.append(
                f'<mark class={side} title="{weight:+.3f}">{_text(text[start:end])}</mark>'
            )
            position = end
    return "".join((*parts, _text(text[position:], lines=True)))


def _text(text: str, *, lines: bool = False) -> str:
    """Page text made harmless; with `lines` its line ends stay."""
    if lines:
        return "\n".join(escape(visible(line)) for line in text.split("\n"))
    return escape(visible(text))


def _chips(texts: Iterable[str]) -> str:
    return " ".join(f"<bdi class=chip>{_text(text)}</bdi>" for text in texts)


def _bar(share: float, side: str) -> str:
    width = 12 * min(1.0, max(0.0, share))
    return f'<span class="bar {side}" style="width:{width:.2f}em"></span>'


def _or_none(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
