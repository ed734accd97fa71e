"""Many sub-domains of one registrable domain wait for each other and for nobody else."""

import asyncio
import itertools
from collections.abc import Iterable

import pytest
from raw_server import Crawl, LoopbackServer, page

from taxocrawl import domains
from taxocrawl.crawler import lineup
from taxocrawl.crawler.lineup import Lineup
from taxocrawl.records import InputLine


def lineup_of(names: Iterable[str]) -> Lineup:
    lines = domains.read_sites(names)

    async def read() -> InputLine | None:
        return next(lines, None)

    return Lineup(read)


async def following(lines: Lineup) -> InputLine:
    line = await lines.next()
    assert line is not None
    return line


def test_other_domains_go_first_while_one_is_visited() -> None:
    async def take() -> list[str]:
        lines = lineup_of(["a.x.com", "b.x.com", "c.x.com", "y.org", "z.net"])
        first, second, third = [await following(lines) for _ in range(3)]
        lines.left(first)
        fourth = await following(lines)
        lines.left(fourth)
        fifth = await following(lines)
        assert await lines.next() is None
        return [line.raw for line in (first, second, third, fourth, fifth)]

    assert asyncio.run(take()) == ["a.x.com", "y.org", "z.net", "b.x.com", "c.x.com"]


def test_lines_without_a_site_do_not_wait() -> None:
    async def take() -> list[str]:
        lines = lineup_of(["a.x.com", "no host", "a.x.com", "b.x.com"])
        return [(await following(lines)).outcome or "" for _ in range(3)]

    assert asyncio.run(take()) == ["", "invalid_input", "duplicate"]


def test_waits_for_a_visit_to_end_before_it_says_that_all_are_given() -> None:
    async def take() -> str:
        lines = lineup_of(["a.x.com", "b.x.com"])
        first = await following(lines)
        waiting = asyncio.ensure_future(following(lines))
        await asyncio.sleep(0)
        lines.left(first)
        return (await waiting).raw

    assert asyncio.run(take()) == "b.x.com"


def test_reads_no_further_ahead_than_it_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineup, "HELD_LINES", 10)
    read = itertools.count()

    def names() -> Iterable[str]:
        for number in read:
            yield f"s{number}.x.com"

    async def take() -> None:
        lines = lineup_of(names())
        await following(lines)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lines.next(), 0.05)

    asyncio.run(take())
    assert next(read) == 11


def test_one_sub_domain_after_another_and_none_of_them_out_of_time(
    server: LoopbackServer, crawl_lines: Crawl
) -> None:
    """200 sub-domains in front of another site, which comes among the first all the same."""
    names = [f"s{number}.many.test" for number in range(40)]
    server.replies["*"] = page()
    crawled = crawl_lines(domains.read_sites([*names, "other.test"]), concurrency=4, max_pages=1)
    assert crawled.summary.outcomes == {"classified": 41}
    ended = [outcome.domain for _, outcome in crawled.sink.rows]
    assert ended.index("other.test") < 10
