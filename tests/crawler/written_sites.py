"""The sites of `tests/written_sites.jsonl` as a small web: every page, sitemap and robots.txt.

Each row was written, and the pages to choose (`choose`: groups, one page of each) marked, before
any rule was tuned on it; rows with `held_back` were not looked at until the rules were frozen.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

FILE = Path(__file__).parent.parent / "written_sites.jsonl"
TEXT = " ".join(["Oak tables and chairs are made by hand in our workshop near the river."] * 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSite:
    """`pages` by path, the home page at `/`; `sitemaps` as robots.txt names them."""

    id: str
    language: str
    held_back: bool
    choose: tuple[tuple[str, ...], ...]
    pages: dict[str, str]
    sitemaps: tuple[str, ...] = ()

    def chosen(self, paths: Sequence[str]) -> int:
        """Groups of which a page is among the paths."""
        return sum(any(path in paths for path in group) for group in self.choose)


def written_sites() -> tuple[WrittenSite, ...]:
    """All sites."""
    return tuple(map(_site, FILE.read_text(encoding="utf-8").splitlines()))


def _site(line: str) -> WrittenSite:
    row = json.loads(line)
    links = [*_crowd(row.get("crowd", "")), *map(tuple, row.get("home", ()))]
    inner = list(map(tuple, row.get("inner", ())))
    pages = {path: _page(path, "nav", []) for path, _ in (*links, *inner) if path[0] == "/"}
    sitemaps: tuple[str, ...] = ()
    if row["layout"] in ("sitemap", "script", "sitemapindex"):
        sitemap = _sitemap("urlset", [path for path, _ in links])
        if row["layout"] == "sitemap":
            pages["/maps/pages.xml"] = sitemap
            sitemaps = ("https://oak.test/maps/pages.xml",)
        elif row["layout"] == "script":
            pages["/sitemap.xml"] = sitemap
        else:
            posts = [f"/2024/{n}/post-{n}" for n in range(1, 13)]
            pages["/post-sitemap.xml"] = _sitemap("urlset", posts)
            pages["/page-sitemap.xml"] = sitemap
            pages["/sitemap.xml"] = _sitemap(
                "sitemapindex", ["/post-sitemap.xml", "/page-sitemap.xml"]
            )
        pages["/"] = _page("/", row["layout"], [])
    elif row["layout"] == "frames":
        sources = "".join(f'<frame src="{path}">' for path in row["frames"])
        pages["/"] = f"<html><title>Oak</title><frameset cols=20%,*>{sources}</frameset></html>"
        pages[row["frames"][0]] = _page("menu", "nav", inner)
        pages[row["frames"][1]] = _page("main", "nav", [])
    elif row["layout"] == "refresh":
        pages["/"] = '<meta http-equiv="refresh" content="0; url=/start.html"><p>One moment</p>'
        pages["/start.html"] = _page("start", "nav", inner)
    else:
        pages["/"] = _page("/", row["layout"], links)
        if row["layout"] == "splash":
            pages[links[0][0]] = _page("first", "nav", inner)
    return WrittenSite(
        id=row["id"],
        language=row["language"],
        held_back=row["held_back"],
        choose=tuple(map(tuple, row["choose"])),
        pages=pages,
        sitemaps=sitemaps,
    )


def _crowd(name: str) -> Iterator[tuple[str, str]]:
    """Menus and calendars that hide the few links that matter."""
    if name.startswith("menu"):
        for n in range(int(name.removeprefix("menu"))):
            yield f"/p/{1000 + n}-blade-no-{n}", f"Blade no. {n}"
    elif name:
        for n in range(1, int(name.removeprefix("calendar")) + 1):
            yield f"/calendar/2026/{1 + n % 12}/{1 + n % 28}", f"{1 + n % 28}"
            yield f"/calendar?month={1 + n % 12}&day={n % 28}&view=list", "List"


def _page(name: str, layout: str, links: Sequence[tuple[str, str]]) -> str:
    # Every page says something of its own, or the visit would take them for one.
    text = f"<p>{TEXT} {escape(name)}</p>"
    menu = "".join(_LINKS.get(layout, _LINKS["nav"]).format(*map(escape, link)) for link in links)
    if layout == "script":
        body = '<div id="root"></div><script src="/a.js"></script><script src="/b.js"></script>'
    elif layout == "footer":
        body = f"<main>{text}</main><footer>{menu}</footer>"
    else:
        body = f"<nav>{menu}</nav><main>{text}</main>"
    return f"<html><head><title>Oak</title></head><body>{body}</body></html>"


_LINKS = {
    "nav": '<a href="{0}">{1}</a> ',
    "cards": '<a href="{0}"><article><img src="/a.jpg"><h3>{1}</h3></article></a> ',
    "images": '<a href="{0}"><img src="/b.gif" alt="{1}"></a> ',
    "titles": '<a href="{0}" title="{1}"><i class="icon"></i></a> ',
}


def _sitemap(kind: str, paths: Sequence[str]) -> str:
    entry = "sitemap" if kind == "sitemapindex" else "url"
    rows = "".join(f"<{entry}><loc>https://oak.test{path}</loc></{entry}>" for path in paths)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?><{kind} xmlns="{space}">{rows}</{kind}>'
