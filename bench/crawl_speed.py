"""Pages a second and CPU a page of our crawl beside a bare Scrapy spider, on the same pages.

`python bench/crawl_speed.py [--limit N] [--runs N] [--json FILE]`. In each round, over the same
loopback server: our crawl as by default, our crawl without explanations, and a spider that does
nothing but `trafilatura.extract` on the pages that our crawl has read, with as many requests in
flight. The medians of the rounds are told. Needs the shared data ($TAXOCRAWL_DATA).

Seconds are those of the whole command: imports, workers, models and the store's last flush
included. CPU seconds are those of the crawl's own processes, the server's are told apart.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "quality"), str(ROOT / "tests")]
import accept  # noqa: E402
from loopback import serving  # noqa: E402

CONCURRENCY = 32
OURS = {"ours": (), "ours, no explanations": ("--explain", "")}
BARE = "bare Scrapy + trafilatura"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run. `server_s` is the CPU time that the loopback server took meanwhile."""

    name: str
    pages: int
    wall_s: float
    cpu_s: float
    server_s: float
    peak_mib: float

    @property
    def rate(self) -> float:
        return self.pages / self.wall_s

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_s / max(1, self.pages)


def ours(name: str, hosts: Sequence[str], connect_to: str, folder: Path) -> tuple[Measured, Path]:
    """Our crawl, and the store that it made."""
    lines, store = folder / "domains.txt", folder / "sites.duckdb"
    store.unlink(missing_ok=True)
    lines.write_text("".join(f"{host}\n" for host in hosts), encoding="utf-8")
    command = [sys.executable, "-m", "taxocrawl", "-q", "crawl", str(lines), "-o", str(store)]
    command += ["--connect-to", connect_to, "--concurrency", str(CONCURRENCY), *OURS[name]]
    before = server_seconds()
    usage = accept.watched(command, folder)
    if usage.exit_code:
        raise SystemExit(f"the crawl ended with exit code {usage.exit_code}")
    with duckdb.connect(str(store), read_only=True) as connection:
        ((pages,),) = connection.execute("SELECT count(*) FROM pages").fetchall()
    return measured(name, pages, usage, server_seconds() - before), store


def bare(store: Path, connect_to: str, folder: Path) -> Measured:
    """A spider of fifteen lines on the addresses that our crawl has read."""
    with duckdb.connect(str(store), read_only=True) as connection:
        urls = [
            url
            for (url,) in connection.execute(
                "SELECT pages.url FROM pages JOIN sites USING (run_id, domain) "
                "ORDER BY line, position"
            ).fetchall()
        ]
    listed, count = folder / "urls.txt", folder / "count.txt"
    listed.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    port = connect_to.rpartition(":")[2]
    command = [sys.executable, __file__, "--bare", str(listed), port, str(count)]
    before = server_seconds()
    usage = accept.watched(command, folder)
    return measured(BARE, int(count.read_text()), usage, server_seconds() - before)


def measured(name: str, pages: int, usage: accept.Usage, server_s: float) -> Measured:
    return Measured(
        name=name,
        pages=pages,
        wall_s=usage.wall_s,
        cpu_s=usage.cpu_s,
        server_s=server_s,
        peak_mib=usage.peak_mib,
    )


def server_seconds() -> float:
    """CPU time of the loopback server so far."""
    for pid in accept.descendants(os.getpid()):
        if b"loopback.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2]
            return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    raise SystemExit("the loopback server is gone")


def spider(urls: Path, port: int, count: Path) -> None:
    """The bare spider, in this process."""
    import trafilatura
    from scrapy import Request, Spider
    from scrapy.crawler import AsyncCrawlerProcess
    from twisted.internet.address import IPv4Address
    from twisted.internet.interfaces import IHostnameResolver
    from zope.interface import implementer

    @implementer(IHostnameResolver)
    class Loopback:
        """Every name is at the loopback server."""

        @classmethod
        def from_crawler(cls, crawler: Any, reactor: Any) -> "Loopback":
            return cls()

        def install_on_reactor(self) -> None:
            from twisted.internet import reactor

            reactor.installNameResolver(self)  # type: ignore[attr-defined]

        def resolveHostName(self, receiver: Any, host: str, *_: Any, **__: Any) -> Any:  # noqa: N802
            receiver.resolutionBegan(self)
            receiver.addressResolved(IPv4Address("TCP", "127.0.0.1", port))
            receiver.resolutionComplete()
            return receiver

    class Bare(Spider):
        name = "bare"
        pages = 0

        async def start(self) -> Any:
            for url in urls.read_text(encoding="utf-8").splitlines():
                yield Request(url, dont_filter=True)

        def parse(self, response: Any) -> Iterator[dict[str, Any]]:
            type(self).pages += 1
            yield {"url": response.url, "text": trafilatura.extract(response.body)}

    settings = {
        "TWISTED_DNS_RESOLVER": Loopback,
        "CONCURRENT_REQUESTS": CONCURRENCY,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "LOG_LEVEL": "ERROR",
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
    }
    process = AsyncCrawlerProcess(settings)
    process.crawl(Bare)
    process.start()
    count.write_text(str(Bare.pages), encoding="utf-8")


def show(medians: Sequence[Measured], floor: float) -> None:
    print(
        f"{'':28}{'pages':>7}{'s':>8}{'pages/s':>9}{'CPU ms':>8}{'server':>8}{'MiB':>7}{'rate':>7}"
    )
    for row in medians:
        print(
            f"{row.name:28}{row.pages:7,}{row.wall_s:8.1f}{row.rate:9.1f}{row.cpu_ms:8.1f}"
            f"{row.server_s / row.wall_s:8.1%}{row.peak_mib:7.0f}{row.rate / floor:7.2f}"
        )


def main() -> int:
    if sys.argv[1:2] == ["--bare"]:
        spider(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int, default=0, help="sites (0: all)")
    parser.add_argument("--runs", type=int, default=1, help="rounds; medians are told")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    hosts = [label.host for label in accept.read_labels(arguments.limit)]
    runs: dict[str, list[Measured]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="taxocrawl-speed-") as name,
        serving(pages=accept.DATA / "pages" / "pages.parquet") as server,
    ):
        for _ in range(arguments.runs):
            for which in OURS:
                row, store = ours(which, hosts, server.connect_to, Path(name))
                runs.setdefault(row.name, []).append(row)
            runs.setdefault(BARE, []).append(bare(store, server.connect_to, Path(name)))
    medians = [
        sorted(rows, key=lambda row: row.rate)[(len(rows) - 1) // 2] for rows in runs.values()
    ]
    floor = statistics.median(row.rate for row in runs[BARE])
    show(medians, floor)
    if arguments.json:
        arguments.json.write_text(
            json.dumps([asdict(row) for rows in runs.values() for row in rows], indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
