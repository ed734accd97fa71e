"""The pictures that people know: waterfall, force, beeswarm and bars, as shapes.

Lundberg and Lee 2017 and the shap package gave the first three their form: red pushes the score up,
blue down, and the numbers add up from the base value to the score.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from taxocrawl.explanations.masking import shortened
from taxocrawl.explanations.pictures import (
    AGAINST,
    FOR,
    GRID,
    INK,
    QUIET,
    Area,
    Dot,
    Label,
    Line,
    Picture,
    Shape,
    box,
)
from taxocrawl.explanations.plain_names import PLAIN_NAMES
from taxocrawl.records import Attribution, Explanation

WIDTH = 760.0
LABELS = 270.0  # of the width, for the names of bars
ROW = 24.0
HEAD = 34.0
FOOT = 34.0
LABEL_CHARACTERS = 38

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a bar chart; `spread` is drawn as a whisker on both sides."""

    name: str
    value: float
    spread: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """One feature of a beeswarm: its (weight, value) for every site; a value may be unknown."""

    name: str
    points: tuple[tuple[float, float | None], ...]


def waterfall(
    explanation: Explanation, title: str, *, names: Mapping[str, str] = PLAIN_NAMES
) -> Picture:
    """How the attributions lead from the base value (bottom) to the score (top).

    Attributions that do not sum up, as those of words left out, get a bar for the difference.
    """
    bars = _adding_up(explanation)
    ends = np.cumsum([explanation.base_value, *(weight for _, weight in reversed(bars))])[::-1]
    scale, ticks = _scale(ends.tolist(), LABELS + 50, WIDTH - 60)
    shapes: list[Shape] = [Label(12, HEAD / 2, _cut(title, 90), bold=True, size=13)]
    bottom = HEAD + 14 + ROW * len(bars)
    shapes += _axis(scale, ticks, HEAD + 14, bottom)
    for row, (attribution, weight) in enumerate(bars):
        y = HEAD + 14 + ROW * row
        start, end = scale(ends[row + 1]), scale(ends[row])
        shapes.append(Label(LABELS, y + ROW / 2, _named(attribution, names), "end"))
        shapes.append(_arrow(start, end, y + 3, ROW - 6, FOR if weight > 0 else AGAINST))
        inside = abs(end - start) > 52
        x = (start + end) / 2 if inside else (max(start, end) + 6)
        colour = "#ffffff" if inside else (FOR if weight > 0 else AGAINST)
        anchor = "middle" if inside else "start"
        shapes.append(Label(x, y + ROW / 2, _signed(weight), anchor, colour, 11))  # type: ignore[arg-type]
        if row + 1 < len(bars):
            shapes.append(Line((start, y + ROW - 3), (start, y + ROW + 3), dashed=True))
    score, base = scale(explanation.score), scale(explanation.base_value)
    unit = explanation.unit
    shapes.append(Label(score, HEAD + 4, f"{unit} {explanation.score:.3g}", "middle", size=11))
    said = f"starting from {explanation.base_value:.3g}"
    shapes.append(Label(base, bottom + 24, said, "middle", QUIET, 11))
    return Picture(width=WIDTH, height=bottom + FOOT + 4, title=title, shapes=tuple(shapes))


def force(
    explanation: Explanation, title: str, *, names: Mapping[str, str] = PLAIN_NAMES
) -> Picture:
    """What pushes the score up (red, from the left) and what holds it down (blue)."""
    bars = _adding_up(explanation)
    up = [bar for bar in bars if bar[1] > 0]
    down = [bar for bar in bars if bar[1] < 0]
    low = explanation.score - sum(weight for _, weight in up)
    high = explanation.score - sum(weight for _, weight in down)
    scale, ticks = _scale([low, high, explanation.base_value], 40, WIDTH - 40)
    top = HEAD + 40
    shapes: list[Shape] = [Label(12, HEAD / 2, _cut(title, 90), bold=True, size=13)]
    shapes += _axis(scale, ticks, top - 6, top + 40)
    for side, colour, sign in ((up, FOR, -1), (down, AGAINST, 1)):
        at, told = explanation.score, 0
        for attribution, weight in side:
            start, end = scale(at), scale(at + sign * abs(weight))
            shapes.append(_arrow(end, start, top, 26, colour))
            if told < 4:
                # Names stand in a list below, in the order of the bars from the score outwards.
                x = WIDTH / 2 - 20 if sign < 0 else WIDTH / 2 + 20
                text = f"{_named(attribution, names)}  {_signed(weight)}"
                anchor = "end" if sign < 0 else "start"
                shapes.append(Label(x, top + 72 + 18 * told, text, anchor, colour, 11))  # type: ignore[arg-type]
                told += 1
            at += sign * abs(weight)
    said = f"{explanation.unit} {explanation.score:.3g}"
    shapes.append(Label(scale(explanation.score), top - 18, said, "middle", bold=True))
    base = scale(explanation.base_value)
    shapes.append(Line((base, top - 10), (base, top + 40), INK, dashed=True))
    shapes.append(Label(base, top - 34, "base value", "middle", QUIET, 10))
    return Picture(width=WIDTH, height=top + 72 + 18 * 4, title=title, shapes=tuple(shapes))


def forces(explanations: Sequence[Explanation], title: str) -> Picture:
    """The same for several sites, one beside the other by falling score; scores as a line."""
    ordered = sorted(explanations, key=lambda e: -e.score)
    split = [[(w, w > 0) for _, w in _adding_up(explanation)] for explanation in ordered]
    lows = [e.score - sum(w for w, up in s if up) for e, s in zip(ordered, split, strict=True)]
    highs = [e.score - sum(w for w, up in s if not up) for e, s in zip(ordered, split, strict=True)]
    bases = [explanation.base_value for explanation in ordered]
    scale, ticks = _scale([*lows, *highs, *bases], 330, HEAD + 20)
    left, right = 60.0, WIDTH - 20
    step = (right - left) / max(1, len(ordered))
    shapes: list[Shape] = [Label(12, HEAD / 2, _cut(title, 90), bold=True, size=13)]
    for tick in ticks:
        shapes.append(Line((left, scale(tick)), (right, scale(tick)), GRID))
        shapes.append(Label(left - 8, scale(tick), f"{tick:g}", "end", QUIET, 10))
    for column, (explanation, low, high) in enumerate(zip(ordered, lows, highs, strict=True)):
        x, score = left + column * step, scale(explanation.score)
        width = step * 0.9 if step > 3 else step
        shapes.append(box(x, score, width, scale(low) - score, FOR))
        shapes.append(box(x, scale(high), width, score - scale(high), AGAINST))
        shapes.append(Line((x, score), (x + width, score), INK))
    said = f"{len(ordered)} answers, by falling {ordered[0].unit if ordered else 'score'}"
    shapes.append(Label((left + right) / 2, 350, said, "middle", QUIET, 11))
    return Picture(width=WIDTH, height=370, title=title, shapes=tuple(shapes))


def beeswarm(swarms: Sequence[Swarm], title: str) -> Picture:
    """One dot a site and feature: how far it moved the score, coloured by the feature's value."""
    weights = [weight for swarm in swarms for weight, _ in swarm.points]
    scale, ticks = _scale([0.0, *weights], LABELS + 30, WIDTH - 80)
    top, high = HEAD + 6, 30.0
    bottom = top + high * len(swarms)
    shapes: list[Shape] = [Label(12, HEAD / 2, _cut(title, 90), bold=True, size=13)]
    shapes += _axis(scale, ticks, top, bottom)
    shapes.append(Line((scale(0), top), (scale(0), bottom), QUIET))
    for row, swarm in enumerate(swarms):
        middle = top + high * (row + 0.5)
        shapes.append(Label(LABELS, middle, _cut(swarm.name, LABEL_CHARACTERS), "end"))
        shapes += _dots(swarm, scale, middle, high / 2 - 2)
    for step in range(60):
        y = bottom - (bottom - top) * step / 60
        shapes.append(
            box(WIDTH - 44, y - (bottom - top) / 60, 8, (bottom - top) / 60, _warm(step / 59))
        )
    shapes.append(Label(WIDTH - 40, top - 8, "high", "middle", QUIET, 10))
    shapes.append(Label(WIDTH - 40, bottom + 10, "low", "middle", QUIET, 10))
    shapes.append(
        Label((LABELS + WIDTH) / 2, bottom + 30, "adds to the score", "middle", QUIET, 11)
    )
    return Picture(width=WIDTH, height=bottom + 44, title=title, shapes=tuple(shapes))


def bars(rows: Sequence[Bar], title: str, *, unit: str) -> Picture:
    """Horizontal bars with whiskers of one spread, in the order given."""
    reach = [row.value + sign * (row.spread or 0.0) for row in rows for sign in (-1, 1)]
    scale, ticks = _scale([0.0, *reach], LABELS + 30, WIDTH - 70)
    top, bottom = HEAD + 6, HEAD + 6 + ROW * len(rows)
    shapes: list[Shape] = [Label(12, HEAD / 2, _cut(title, 90), bold=True, size=13)]
    shapes += _axis(scale, ticks, top, bottom)
    for number, row in enumerate(rows):
        y = top + ROW * number
        start, end = sorted((scale(0.0), scale(row.value)))
        shapes.append(Label(LABELS, y + ROW / 2, _cut(row.name, LABEL_CHARACTERS), "end"))
        shapes.append(box(start, y + 4, end - start, ROW - 8, FOR if row.value >= 0 else AGAINST))
        if row.spread:
            whisker = (scale(row.value - row.spread), scale(row.value + row.spread))
            shapes.append(Line((whisker[0], y + ROW / 2), (whisker[1], y + ROW / 2), INK))
            end = max(end, whisker[1])
        shapes.append(Label(end + 6, y + ROW / 2, f"{row.value:.4f}", size=11))
    shapes.append(Label((LABELS + WIDTH) / 2, bottom + 28, unit, "middle", QUIET, 11))
    return Picture(width=WIDTH, height=bottom + 42, title=title, shapes=tuple(shapes))


def _adding_up(explanation: Explanation) -> list[tuple[Attribution | None, float]]:
    """Attributions by falling size and, last, None with what is missing to the score."""
    said = [(a, a.weight) for a in explanation.attributions if a.kind != "sentence"]
    known: list[tuple[Attribution | None, float]] = [(a, w) for a, w in said if w]
    known.sort(key=lambda bar: -abs(bar[1]))
    rest = explanation.score - explanation.base_value - math.fsum(w for _, w in known)
    if abs(rest) > 1e-3 * (1.0 + abs(explanation.score)):
        known.append((None, rest))
    return known


def _named(attribution: Attribution | None, names: Mapping[str, str]) -> str:
    if attribution is None:
        return "(together, or not shown)"
    name = attribution.name
    if attribution.kind in ("feature", "field"):
        name = names.get(name, name.replace("_", " "))
    if attribution.value is not None:
        name = f"{name} = {attribution.value:.3g}"
    return _cut(name, LABEL_CHARACTERS)


def _dots(swarm: Swarm, scale: Scale, middle: float, reach: float) -> list[Shape]:
    """Dots that would cover each other stand aside, alternately above and below."""
    values = [value for _, value in swarm.points if value is not None]
    rank = {value: place for place, value in enumerate(sorted(set(values)))}
    most = max(1, len(rank) - 1)
    taken: dict[int, int] = {}
    dots: list[Shape] = []
    for weight, value in sorted(swarm.points, key=lambda point: point[0]):
        x = scale(weight)
        place = taken.get(round(x / 4), 0)
        taken[round(x / 4)] = place + 1
        aside = min(reach, 2.2 * ((place + 1) // 2)) * (1 if place % 2 else -1)
        colour = "#aaaaaa" if value is None else _warm(rank[value] / most)
        dots.append(Dot(x, middle + aside, 2.5, colour))
    return dots


def _arrow(start: float, end: float, y: float, height: float, fill: str) -> Area:
    """A bar with its point at `end`."""
    point = math.copysign(min(6.0, abs(end - start)), end - start)
    back = end - point
    top, foot = y, y + height
    return Area(
        ((start, top), (back, top), (end, y + height / 2), (back, foot), (start, foot)), fill
    )


def _scale(values: Sequence[float], first: float, last: float) -> tuple[Scale, tuple[float, ...]]:
    """From values to places, and round numbers between them for an axis."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) <= 6)
    count = range(math.ceil(low / step), math.floor(high / step) + 1)

    def place(value: float) -> float:
        return first + (value - low) / (high - low) * (last - first)

    return place, tuple(number * step + 0.0 for number in count)


def _axis(scale: Scale, ticks: Sequence[float], top: float, bottom: float) -> list[Shape]:
    shapes: list[Shape] = []
    for tick in ticks:
        shapes.append(Line((scale(tick), top), (scale(tick), bottom), GRID))
        shapes.append(Label(scale(tick), bottom + 10, f"{tick:.4g}", "middle", QUIET, 10))
    return shapes


def _warm(share: float) -> str:
    """From blue for the lowest to red for the highest."""
    cold, warm = (0, 139, 251), (255, 0, 81)
    mixed = (round(a + (b - a) * share) for a, b in zip(cold, warm, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _signed(weight: float) -> str:
    return f"{weight:+.3f}" if abs(weight) < 10 else f"{weight:+.3g}"


def _cut(text: str, characters: int) -> str:
    return shortened(" ".join(text.split()), characters)
