"""taxocrawl says what websites are about, and why."""

__version__ = "0.1.0"
