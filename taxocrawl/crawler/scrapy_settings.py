"""Scrapy's settings for a crawl of the open web: every unsafe default off, every cap on."""

from importlib.metadata import version
from typing import Any

from taxocrawl.crawler.content_coding import ACCEPTED
from taxocrawl.settings import Settings

PROJECT_URL = "https://taxocrawl.readthedocs.io/bot"

_HANDLER = "taxocrawl.crawler.connections.GuardedDownloadHandler"
_SCRAPY = "scrapy.downloadermiddlewares"


def user_agent(settings: Settings) -> str:
    """`taxocrawl/1.0 (+https://...)`; the contact of the settings takes the place of the URL."""
    # A header is one line of printable ASCII, whatever the setting holds.
    contact = "".join(c for c in settings.contact if " " <= c <= "~" and c not in "()")
    return f"taxocrawl/{version('taxocrawl')} (+{contact or PROJECT_URL})"


def scrapy_settings(settings: Settings) -> dict[str, Any]:
    """What differs from Scrapy's defaults."""
    return {
        "BOT_NAME": "taxocrawl",
        # Remote control runs any Python that is sent to it; both listen on loopback.
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "EXTENSIONS": dict.fromkeys(_EXTENSIONS),
        "STATS_DUMP": False,
        "LOG_FORMATTER": "taxocrawl.crawler.log_format.QuietLogFormatter",
        # --- what is fetched
        "DOWNLOAD_HANDLERS": {
            "http": _HANDLER,
            "https": _HANDLER,
            "file": None,
            "data": None,
            "ftp": None,
            "s3": None,
        },
        "DOWNLOADER_MIDDLEWARES": {
            **dict.fromkeys(_UNUSED_MIDDLEWARES),
            "taxocrawl.crawler.robots.RobotsMiddleware": 100,
            f"{_SCRAPY}.downloadtimeout.DownloadTimeoutMiddleware": 350,
            f"{_SCRAPY}.defaultheaders.DefaultHeadersMiddleware": 400,
            "taxocrawl.crawler.content_coding.ContentCodingMiddleware": 590,
            "taxocrawl.crawler.cookies.SiteCookiesMiddleware": 700,
        },
        "SPIDER_MIDDLEWARES": dict.fromkeys(_UNUSED_SPIDER_MIDDLEWARES),
        "ITEM_PIPELINES": {"taxocrawl.crawler.batches.OutcomePipeline": 100},
        "ROBOTSTXT_OBEY": False,  # our own middleware does, and better
        "HTTPPROXY_ENABLED": False,  # *_PROXY of the environment would go around the guard
        "REDIRECT_ENABLED": False,  # the visit follows redirects, refreshes and retries itself
        "METAREFRESH_ENABLED": False,
        "RETRY_ENABLED": False,
        "COOKIES_ENABLED": False,
        "COMPRESSION_ENABLED": False,
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
        "SCHEDULER_PRIORITY_QUEUE": "scrapy.pqueues.ScrapyPriorityQueue",
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.5",
            "Accept-Language": "en;q=0.8,*;q=0.5",
            "Accept-Encoding": ACCEPTED,
            "User-Agent": user_agent(settings),
        },
        # --- politeness: one request at a time to a registrable domain, which is the slot's name
        "CONCURRENT_REQUESTS": settings.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "PER_ADDRESS": settings.per_address,
        "CRAWL_DELAY_CAP_S": settings.crawl_delay_cap_s,
        # --- deadlines and caps
        "DOWNLOAD_TIMEOUT": settings.request_timeout_s,
        "CONNECT_TIMEOUT_S": settings.connect_timeout_s,
        "TLS_TIMEOUT_S": settings.tls_timeout_s,
        "DOWNLOAD_MAXSIZE": 0,  # would drop what is too long; the spider stops at BODY_BYTES
        "DOWNLOAD_WARNSIZE": 0,
        "BODY_BYTES": settings.body_bytes,
        "DECODED_BYTES": settings.decoded_bytes,
        "HEADER_BYTES": settings.header_bytes,
        "ROBOTS_BYTES": settings.robots_bytes,
        "URLLENGTH_LIMIT": settings.url_chars,
        "TLS_VERIFY": settings.tls_verify,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        # Scrapy starts so many tasks for every callback, and ours yields one thing (measured: with
        # the default of 100, half of the main process's time).
        "CONCURRENT_ITEMS": 1,
        "WARN_ON_GENERATOR_RETURN_VALUE": False,
        # The bound on work in flight is the spider's; this one counts bodies, in bytes.
        "SCRAPER_SLOT_MAX_ACTIVE_SIZE": 64 * 2**20,
    }


_EXTENSIONS = (
    "scrapy.extensions.telnet.TelnetConsole",
    "scrapy.extensions.memusage.MemoryUsage",
    "scrapy.extensions.memdebug.MemoryDebugger",
    "scrapy.extensions.closespider.CloseSpider",
    "scrapy.extensions.feedexport.FeedExporter",
    "scrapy.extensions.logstats.LogStats",
    "scrapy.extensions.spiderstate.SpiderState",
    "scrapy.extensions.throttle.AutoThrottle",
    "scrapy.extensions.remote_control.RemoteControl",
    "scrapy.extensions.logcount.LogCount",
)
_UNUSED_MIDDLEWARES = tuple(
    f"{_SCRAPY}.{name}"
    for name in (
        "offsite.OffsiteMiddleware",
        "robotstxt.RobotsTxtMiddleware",
        "httpauth.HttpAuthMiddleware",
        "useragent.UserAgentMiddleware",
        "retry.RetryMiddleware",
        "redirect.MetaRefreshMiddleware",
        "httpcompression.HttpCompressionMiddleware",
        "redirect.RedirectMiddleware",
        "cookies.CookiesMiddleware",
        "httpproxy.HttpProxyMiddleware",
        "stats.DownloaderStats",
        "httpcache.HttpCacheMiddleware",
    )
)
_UNUSED_SPIDER_MIDDLEWARES = tuple(
    f"scrapy.spidermiddlewares.{name}"
    for name in (
        "start.StartSpiderMiddleware",
        "httperror.HttpErrorMiddleware",
        "referer.RefererMiddleware",
        "urllength.UrlLengthMiddleware",
        "depth.DepthMiddleware",
        "metacopy.MetaCopyDetectionMiddleware",
    )
)
