"""Pictures as a few plain shapes, written as SVG by ourselves and as PNG by matplotlib.

One drawing for both, so that a picture in a page, in a file and in a paper is the same. SVG needs
no library and shows every script; matplotlib is the optional extra `plots`, wanted for PNG alone.
All text is page text: escaped in SVG, and never read as mathematics by matplotlib.
"""

import logging
import warnings
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from taxocrawl.errors import InputError, SettingsError
from taxocrawl.explanations.render import visible

Anchor = Literal["start", "middle", "end"]

INK, QUIET, GRID = "#222222", "#777777", "#dddddd"
# The colours by which people know SHAP's pictures.
FOR, AGAINST = "#ff0051", "#008bfb"
SCALE = 2  # pixels of a PNG for one unit


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    points: tuple[tuple[float, float], ...]
    fill: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str


@dataclass(frozen=True, slots=True)
class Line:
    """A thin line from one point to another."""

    start: tuple[float, float]
    end: tuple[float, float]
    stroke: str = QUIET
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; `y` is the middle of its height."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    fill: str = INK
    size: float = 12.0
    bold: bool = False


Shape = Area | Dot | Line | Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Shapes on a white ground, the origin at the top left; `title` for those who cannot see."""

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]


def box(x: float, y: float, width: float, height: float, fill: str) -> Area:
    """A rectangle by its top left corner."""
    return Area(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), fill)


def as_svg(picture: Picture) -> str:
    """The picture as one `<svg>` element that asks nobody for anything."""
    title = escape(visible(picture.title))
    size = f'width="{picture.width:g}" height="{picture.height:g}"'
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}" '
            f'viewBox="0 0 {picture.width:g} {picture.height:g}" font-family="sans-serif">',
            f'<title>{title}</title><rect width="100%" height="100%" fill="#ffffff"/>',
            *map(_element, picture.shapes),
            "</svg>",
        ]
    )


def write(picture: Picture, path: Path) -> None:
    """Write a file; its name's end says which kind. InputError names the kinds there are."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise InputError(f"{path}: a picture's name ends in .svg or .png")
    try:
        if path.suffix.lower() == ".svg":
            path.write_text(as_svg(picture) + "\n", encoding="utf-8")
        else:
            _write_png(picture, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _element(shape: Shape) -> str:
    match shape:
        case Area(points, fill):
            corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            return f'<polygon points="{corners}" fill="{fill}"/>'
        case Dot(x, y, radius, fill):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"/>'
        case Line((x1, y1), (x2, y2), stroke, dashed):
            dashes = ' stroke-dasharray="3 3"' if dashed else ""
            ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
            return f'<line {ends} stroke="{stroke}"{dashes}/>'
        case Label():
            weight = ' font-weight="bold"' if shape.bold else ""
            return (
                f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" '
                f'fill="{shape.fill}" text-anchor="{shape.anchor}"{weight} '
                f'dominant-baseline="central">{escape(visible(shape.text))}</text>'
            )


def _write_png(picture: Picture, path: Path) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise SettingsError(
            f"{path}: a PNG needs matplotlib: pip install 'taxocrawl[plots]'; "
            "or ask for a name that ends in .svg, which needs nothing"
        ) from None
    # A figure of our own: pyplot keeps state and may want a window.
    inch = 72.0
    figure = Figure(figsize=(picture.width / inch, picture.height / inch), dpi=inch * SCALE)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.axis("off")
    for order, shape in enumerate(picture.shapes):
        _draw(axes, shape, order)
    with warnings.catch_warnings():
        # Scripts that matplotlib's one font lacks come out as boxes; SVG shows them.
        warnings.filterwarnings("ignore", message="Glyph")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        # Without the program's version, so that the same picture gives the same bytes.
        figure.savefig(path, format="png", metadata={"Software": None})


def _draw(axes, shape: Shape, order: int) -> None:  # type: ignore[no-untyped-def]  # matplotlib is an extra
    match shape:
        case Area(points, fill):
            axes.fill(
                [x for x, _ in points],
                [y for _, y in points],
                color=fill,
                linewidth=0,
                zorder=order,
            )
        case Dot(x, y, radius, fill):
            axes.plot([x], [y], "o", markersize=2 * radius, color=fill, mew=0, zorder=order)
        case Line((x1, y1), (x2, y2), stroke, dashed):
            style = "--" if dashed else "-"
            axes.plot([x1, x2], [y1, y2], style, color=stroke, linewidth=1, zorder=order)
        case Label():
            axes.text(
                shape.x,
                shape.y,
                visible(shape.text),
                color=shape.fill,
                fontsize=shape.size * 0.92,  # matplotlib's font is wider than a browser's
                fontweight="bold" if shape.bold else "normal",
                horizontalalignment={"start": "left", "middle": "center", "end": "right"}[
                    shape.anchor
                ],
                verticalalignment="center",
                parse_math=False,
                zorder=order,
            )
