import builtins
import re
from xml.etree import ElementTree

import pytest

from taxocrawl.errors import InputError, SettingsError
from taxocrawl.explanations import charts
from taxocrawl.explanations.pictures import (
    AGAINST,
    FOR,
    Area,
    Dot,
    Label,
    Line,
    Picture,
    as_svg,
    box,
    write,
)
from taxocrawl.records import Attribution, Explanation

HOSTILE = '<script>alert(1)</script>\x1b[2J\u202e$\\frac{a}$ & "quote" 足球'


def explanation(*weights, base=-1.0, score=None, unit="margin", name="f", value=0.5):
    return Explanation(
        taxonomy="IAB",
        node_id="2",
        classifier="ranker",
        method="shap",
        attributions=tuple(
            Attribution(kind="feature", name=f"{name}{i}", weight=w, value=value)
            for i, w in enumerate(weights)
        ),
        score=base + sum(weights) if score is None else score,
        base_value=base,
        unit=unit,
    )


def areas(picture, fill):
    return [s for s in picture.shapes if isinstance(s, Area) and s.fill == fill]


def texts(picture):
    return [s.text for s in picture.shapes if isinstance(s, Label)]


def ends(area):
    return min(x for x, _ in area.points), max(x for x, _ in area.points)


def test_a_waterfall_runs_from_the_base_value_to_the_score_without_a_gap():
    picture = charts.waterfall(explanation(2.0, -0.5, 0.25), "site: Soccer")
    [up, small] = areas(picture, FOR)
    [down] = areas(picture, AGAINST)
    # By hand: -1 + 0.25 = -0.75, - 0.5 = -1.25, + 2 = 0.75.
    unit = (ends(up)[1] - ends(up)[0]) / 2.0
    assert ends(down)[1] - ends(down)[0] == pytest.approx(0.5 * unit)
    assert ends(small)[1] == pytest.approx(ends(down)[1])
    assert ends(down)[0] == pytest.approx(ends(up)[0])
    assert "margin 0.75" in texts(picture)
    assert "starting from -1" in texts(picture)


def test_what_does_not_add_up_has_a_bar_of_its_own():
    picture = charts.waterfall(explanation(0.2, base=0.1, score=0.8, unit="probability"), "site")
    assert "(together, or not shown)" in texts(picture)
    assert "+0.500" in texts(picture)


def test_force_meets_at_the_score_red_from_the_left_blue_from_the_right():
    picture = charts.force(explanation(2.0, -0.5, 1.0), "site: Soccer")
    red = [ends(a) for a in areas(picture, FOR)]
    [blue] = [ends(a) for a in areas(picture, AGAINST)]
    assert max(end for _, end in red) == pytest.approx(blue[0])
    assert sorted(start for start, _ in red)[1] == pytest.approx(min(end for _, end in red))


def test_forces_of_several_sites_stand_by_falling_score():
    picture = charts.forces([explanation(1.0, -0.5), explanation(3.0), explanation(0.2)], "all")
    scores = [s.start[1] for s in picture.shapes if isinstance(s, Line) and s.stroke == "#222222"]
    assert scores == sorted(scores)
    assert len(scores) == 3


def test_a_swarm_puts_a_dot_for_each_site_by_weight_coloured_by_value():
    points = ((1.0, 9.0), (-1.0, 1.0), (0.0, None), (1.0, 5.0))
    picture = charts.beeswarm([charts.Swarm(name="title", points=points)], "all sites")
    dots = [s for s in picture.shapes if isinstance(s, Dot)]
    assert [d.fill for d in dots] == ["#008bfb", "#aaaaaa", "#ff0051", "#8046a6"]
    assert dots[0].x < dots[1].x < dots[2].x == dots[3].x
    assert dots[2].y != dots[3].y  # one does not cover the other


def test_bars_start_at_zero_and_have_whiskers_of_one_spread():
    rows = [charts.Bar(name="a", value=0.4, spread=0.1), charts.Bar(name="b", value=-0.2)]
    picture = charts.bars(rows, "importance", unit="fall of accuracy")
    [up], [down] = areas(picture, FOR), areas(picture, AGAINST)
    assert ends(up)[0] == pytest.approx(ends(down)[1])
    [whisker] = [s for s in picture.shapes if isinstance(s, Line) and s.stroke == "#222222"]
    width = ends(up)[1] - ends(up)[0]
    assert whisker.end[0] - whisker.start[0] == pytest.approx(width / 2)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.waterfall(explanation(), "nothing"),
        lambda: charts.force(explanation(), "nothing"),
        lambda: charts.forces([], "nothing"),
        lambda: charts.beeswarm([], "nothing"),
        lambda: charts.bars([], "nothing", unit="x"),
        lambda: charts.waterfall(explanation(0.0, 0.0, base=0.0), "zeros"),
        lambda: charts.beeswarm([charts.Swarm(name="x", points=())], "no point"),
        lambda: charts.forces([explanation(1e9), explanation(-1e-9)], "far apart"),
    ],
)
def test_of_nothing_there_is_still_a_picture(draw):
    ElementTree.fromstring(as_svg(draw()))


def test_an_svg_holds_page_text_as_text_and_asks_nobody_for_anything():
    picture = charts.waterfall(explanation(1.0, name=HOSTILE), HOSTILE)
    svg = as_svg(picture)
    root = ElementTree.fromstring(svg)
    assert {element.tag.split("}")[1] for element in root.iter()} == {
        "svg", "title", "rect", "text", "line", "polygon"
    }  # fmt: skip
    assert "\x1b" not in svg
    assert "\u202e" not in svg
    assert re.findall(r"href|url\(|@import|<script|\son\w+=", svg) == []
    assert "足球" in svg


def test_a_png_of_hostile_text_is_written_and_the_same_twice(tmp_path):
    pytest.importorskip("matplotlib")
    shapes = (
        Label(10, 10, HOSTILE, bold=True),
        Label(10, 30, "$x^2$ $"),
        box(1, 2, 30, 4, FOR),
        Dot(5, 5, 2, AGAINST),
        Line((0, 0), (9, 9), dashed=True),
    )
    picture = Picture(width=100, height=50, title=HOSTILE, shapes=shapes)
    first, second = tmp_path / "a.png", tmp_path / "b.PNG"
    write(picture, first)
    write(picture, second)
    assert first.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert first.read_bytes() == second.read_bytes()


def test_another_kind_of_file_is_refused_with_the_kinds_there_are(tmp_path):
    picture = charts.force(explanation(1.0), "site")
    with pytest.raises(InputError, match=r"a\.jpg: a picture's name ends in \.svg or \.png"):
        write(picture, tmp_path / "a.jpg")
    with pytest.raises(InputError, match="cannot be written"):
        write(picture, tmp_path / "no" / "a.svg")


def test_without_matplotlib_the_cure_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    picture = charts.force(explanation(1.0), "site")
    with pytest.raises(SettingsError, match=r"taxocrawl\[plots\].*\.svg"):
        write(picture, tmp_path / "a.png")
    write(picture, tmp_path / "a.svg")
