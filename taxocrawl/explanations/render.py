"""An answer and its reasons for a terminal: bars, coloured words, evidence.

All that comes from a page is escaped here (C16): a page cannot colour, move or hide anything, and
square brackets in it are no markup. In a pipe the same lines come without colour; where the
encoding has no block characters, with plain ones (R09).
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taxocrawl import words
from taxocrawl.explanations.comparison import Comparison
from taxocrawl.explanations.interactions import Interactions
from taxocrawl.explanations.plain_names import PLAIN_NAMES
from taxocrawl.records import Attribution, Explanation, Form, Risk, Tag
from taxocrawl.taxonomies.tree import PATH_SEPARATOR

LABEL_WIDTH = 34
BAR_WIDTH = 24
NARROW = 60  # columns; below it the bars go and the numbers stay

METHODS = {
    "words": "words left out",
    "shap": "features, by SHAP",
    "lime": "words, by LIME",
    "anchors": "words that suffice, by Anchors",
}

FOR, AGAINST, QUIET = "green", "red", "dim"

_EIGHTHS = " ▏▎▍▌▋▊▉█"
# Joiners that scripts and emoji need, and the soft hyphen: they move nothing on a terminal.
_HARMLESS = frozenset("\u00ad\u200c\u200d")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLine:
    """One category to show: `path` the names from the root down to its own."""

    taxonomy: str
    node_id: str
    path: tuple[str, ...]
    confidence: float
    asserted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is shown of one document; texts as they are stored, escaped only when shown.

    `about` are further facts for the second line: language, model, date; `remarks` whole sentences
    that a reader of the reasons must know. `feature_names` say in plain words what a feature is.
    `texts` are (URL, text) of the pages, where their words are to be marked.
    """

    title: str
    outcome: str
    detail: str = ""
    url: str = ""
    about: tuple[str, ...] = ()
    categories: tuple[CategoryLine, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    interactions: tuple[Interactions, ...] = ()
    form: Form | None = None
    risks: tuple[Risk, ...] = ()
    tags: tuple[Tag, ...] = ()
    remarks: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    feature_names: Mapping[str, str] = field(default_factory=lambda: PLAIN_NAMES)


def visible(text: str, encoding: str = "utf-8") -> str:
    r"""The text with control, direction and other invisible characters written out (`\x1b`,
    `\u202e`), and with all that the encoding does not hold.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible_character, text))
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _visible_character(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def render_answer(answer: Answer) -> RenderableType:
    """What `rich.console.Console.print` shows of an answer."""
    return _Rendered(answer)


class _Rendered:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        page = _Page(width=options.max_width, encoding=options.encoding)
        answer = self._answer
        yield from page.heading(answer)
        taxonomies = dict.fromkeys(line.taxonomy for line in answer.categories)
        for taxonomy in taxonomies:
            yield Text()
            yield page.title("Categories", taxonomy)
            yield page.categories([c for c in answer.categories if c.taxonomy == taxonomy])
        if answer.tags:
            yield Text()
            yield page.title("Tags", "relevance")
            yield page.tags(answer.tags)
        names = {(c.taxonomy, c.node_id): c.path for c in answer.categories}
        for explanation in answer.explanations:
            key = (explanation.taxonomy, explanation.node_id)
            yield Text()
            yield from page.explanation(
                explanation, names.get(key, (explanation.node_id,)), answer.feature_names
            )
        for comparison in answer.comparisons:
            key = (comparison.taxonomy, comparison.node_id)
            yield Text()
            yield from page.comparison(comparison, names.get(key, (comparison.node_id,)))
        for found in answer.interactions:
            key = (found.taxonomy, found.node_id)
            yield Text()
            yield from page.interactions(found, names.get(key, (found.node_id,)), answer)


class _Page:
    """Builds renderables for one width and encoding."""

    def __init__(self, *, width: int, encoding: str) -> None:
        self._encoding = encoding
        self._blocks = encoding.lower().startswith("utf")
        self._bars = width >= NARROW
        # Beside the label stand two margins, a bar, and a number with a remark.
        room = width - 20 - (BAR_WIDTH if self._bars else 0)
        self._label_width = max(10, min(LABEL_WIDTH, room))

    def text(self, text: str, style: str = "") -> Text:
        return Text(visible(text, self._encoding), style=style)

    def heading(self, answer: Answer) -> Iterable[RenderableType]:
        colour = {"classified": FOR, "uncertain": "yellow"}.get(answer.outcome, AGAINST)
        outcome = f"{answer.outcome}: {answer.detail}" if answer.detail else answer.outcome
        yield self.text(answer.title, "bold") + Text("  ") + self.text(outcome, colour)
        about = [part for part in (answer.url, *answer.about) if part]
        if about:
            yield self.text(self._between().join(about), QUIET)
        if answer.form:
            yield self.text(f"form: {answer.form.word} ({answer.form.confidence:.2f})")
        for risk in answer.risks:
            why = f": {', '.join(risk.reasons)}" if risk.reasons else ""
            yield self.text(f"risk: {risk.topic} ({risk.confidence:.2f}){why}", AGAINST)
        for remark in answer.remarks:
            yield self.text(remark, "yellow")

    def title(self, text: str, aside: str) -> Text:
        return self.text(text, "bold") + self.text(f"{self._between()}{aside}", QUIET)

    def categories(self, lines: Sequence[CategoryLine]) -> RenderableType:
        table = self._table()
        shown = {line.path for line in lines}
        for line in as_tree(lines):
            parent_shown = line.path[:-1] in shown
            # Without the row of its parent a name says too little.
            name = line.path[-1] if parent_shown else self._whole_path(line.path)
            indent = "  " * (len(line.path) - 1) if parent_shown else ""
            style = "" if line.asserted else QUIET
            row: list[RenderableType] = [self.text(indent + name, style)]
            if self._bars:
                bar = self._bar(line.confidence, BAR_WIDTH)
                row.append(Text(bar, style="cyan" if line.asserted else QUIET))
            mark = "" if line.asserted else "  not sure"
            row.append(Text(f"{line.confidence:.2f}{mark}", style=style))
            table.add_row(*row)
        return _indented(table)

    def tags(self, tags: Sequence[Tag]) -> RenderableType:
        table = self._table()
        for tag in tags:
            row: list[RenderableType] = [self.text(tag.text)]
            if self._bars:
                row.append(Text(self._bar(tag.relevance, BAR_WIDTH), style="cyan"))
            table.add_row(*row, f"{tag.relevance:.0%}")
        return _indented(table)

    def _whole_path(self, path: Sequence[str]) -> str:
        """The path, without its first steps where it is too wide: the last one says most."""
        for dropped in range(len(path)):
            shown = PATH_SEPARATOR.join(("…", *path[dropped:]) if dropped else path)
            if cell_len(visible(shown, self._encoding)) <= self._label_width:
                return shown
        return path[-1]

    def explanation(
        self, explanation: Explanation, path: Sequence[str], feature_names: Mapping[str, str]
    ) -> Iterable[RenderableType]:
        yield self.title(f"Why {path[-1]}?", method_name(explanation))
        yield _indented(self.text(summary(explanation), QUIET))
        signed = [a for a in explanation.attributions if a.kind != "sentence"]
        if signed:
            yield _indented(self._signed(signed, feature_names))
        weights = {a.name: a.weight for a in signed if a.kind == "word"}
        for sentence in explanation.attributions:
            if sentence.kind == "sentence":
                quoted = Text('"') + self._highlighted(sentence.name, weights) + Text('"')
                yield _indented(quoted)
                yield _indented(self.text(sentence.url, QUIET), by=4)

    def comparison(self, comparison: Comparison, path: Sequence[str]) -> Iterable[RenderableType]:
        yield self.title(f"Why {path[-1]}?", "the methods side by side")
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style=QUIET)
        table.add_column("method", no_wrap=True)
        table.add_column("words for it", overflow="fold")
        for heading in ("fidelity", "without", "alone"):
            table.add_column(heading, justify="right", no_wrap=True)
        for method in comparison.methods:
            ends = [curve[-1] if curve else None for curve in (method.gone, method.alone)]
            table.add_row(
                self.text(method.method),
                self.text(", ".join(method.words) or "-"),
                *(_figure(value) for value in (method.fidelity, *ends)),
            )
        yield _indented(table)
        for pair in comparison.agreements:
            said = f"{pair.method_a}, {pair.method_b}: rank correlation "
            said += f"{_figure(pair.rank_correlation)}, same first words {_figure(pair.overlap)}"
            yield _indented(self.text(said, QUIET))
        for remark in comparison.remarks:
            yield _indented(self.text(remark))

    def interactions(
        self, found: Interactions, path: Sequence[str], answer: Answer
    ) -> Iterable[RenderableType]:
        yield self.title(f"Why {path[-1]}?", "what two features say only together, by SHAP")
        said = f"margin {found.score:.2f} = base {found.base_value:+.2f}, features each by itself "
        said += f"{found.own:+.2f}, in pairs {found.together:+.2f}"
        yield _indented(self.text(said, QUIET))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
        for pair in found.pairs:
            colour = FOR if pair.weight > 0 else AGAINST
            names = (answer.feature_names.get(n, n) for n in (pair.first, pair.second))
            table.add_row(
                *(self.text(name, colour) for name in names), f"{pair.weight:+.3f}", style=colour
            )
        yield _indented(table)

    def _signed(
        self, attributions: Sequence[Attribution], feature_names: Mapping[str, str]
    ) -> Table:
        table = self._table()
        most = max(abs(a.weight) for a in attributions) or 1.0
        half = BAR_WIDTH // 2
        for attribution in attributions:
            colour = FOR if attribution.weight > 0 else AGAINST
            row: list[RenderableType] = [self.text(label(attribution, feature_names), colour)]
            if self._bars:
                length = self._bar(abs(attribution.weight) / most, half)
                row.append(
                    Text(" " * half + length, style=colour)
                    if attribution.weight > 0
                    else Text(self._left_bar(abs(attribution.weight) / most, half), style=colour)
                )
            row.append(Text(f"{attribution.weight:+.3f}", style=colour))
            table.add_row(*row)
        return table

    def _highlighted(self, sentence: str, weights: Mapping[str, float]) -> Text:
        result, position = Text(), 0
        for start, end in words.spans(sentence):
            weight = weights.get("".join(words.words(sentence[start:end])), 0.0)
            if weight:
                result.append_text(self.text(sentence[position:start]))
                colour = f"bold {FOR if weight > 0 else AGAINST}"
                result.append_text(self.text(sentence[start:end], colour))
                position = end
        return result.append_text(self.text(sentence[position:]))

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
        overflow: OverflowMethod = "ellipsis" if self._blocks else "crop"
        table.add_column(width=self._label_width, no_wrap=True, overflow=overflow)
        if self._bars:
            table.add_column(width=BAR_WIDTH, no_wrap=True)
        table.add_column(no_wrap=True)
        return table

    def _bar(self, share: float, width: int) -> str:
        return bar(share, width, self._encoding)

    def _left_bar(self, share: float, width: int) -> str:
        """A bar that grows to the left; Unicode has no finer right-aligned block than a half."""
        halves = round(min(1.0, max(0.0, share)) * width * 2)
        if not self._blocks:
            return ("#" * round(halves / 2)).rjust(width)
        full, part = divmod(halves, 2)
        return ("▐" * part + "█" * full).rjust(width)

    def _between(self) -> str:
        return " · " if self._blocks else " - "


def bar(share: float, width: int, encoding: str) -> str:
    """A bar that grows to the right, `width` characters when full."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if not encoding.lower().startswith("utf"):
        return "#" * round(eighths / 8)
    full, part = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[part] if part else "")


def as_tree(lines: Sequence[CategoryLine]) -> list[CategoryLine]:
    """Children under their parents, the surer of two siblings first."""
    confidence = {line.path: line.confidence for line in lines}

    def key(line: CategoryLine) -> list[tuple[float, str]]:
        steps = [line.path[: depth + 1] for depth in range(len(line.path))]
        # A step without a row of its own takes the line's, so that the line stands alone.
        return [(-confidence.get(step, line.confidence), step[-1]) for step in steps]

    return sorted(lines, key=key)


def _indented(renderable: RenderableType, *, by: int = 2) -> Padding:
    return Padding(renderable, (0, 0, 0, by), expand=False)


def method_name(explanation: Explanation) -> str:
    return METHODS.get(explanation.method, explanation.method)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def summary(explanation: Explanation) -> str:
    score, base = f"{explanation.score:.2f}", f"{explanation.base_value:.2f}"
    if explanation.method == "anchors":
        return _rule_summary(explanation)
    if explanation.unit == "probability":
        text = f"probability {score}, without these words {base}"
    else:
        text = f"{explanation.unit} {score}, starting from {base}"
    if explanation.fidelity is not None:
        text += f"; fidelity {explanation.fidelity:.2f}"
    return text


def _rule_summary(explanation: Explanation) -> str:
    figures = dict(explanation.figures)
    if not explanation.attributions:
        kept = figures.get("share_kept", 0.5)
        return (
            f"no word in particular: the answer stays in {explanation.score:.0%} of variants "
            f"that keep {kept:.0%} of the words"
        )
    return (
        f"with these words the answer stays in {explanation.score:.0%} of random variants, "
        f"without them in {explanation.base_value:.0%}; they stand in "
        f"{figures.get('coverage', 1.0):.0%}"
    )


def label(attribution: Attribution, feature_names: Mapping[str, str]) -> str:
    if attribution.kind not in {"feature", "field"}:
        return attribution.name
    name = feature_names.get(attribution.name, attribution.name.replace("_", " "))
    return name if attribution.value is None else f"{name} = {attribution.value:.3g}"
