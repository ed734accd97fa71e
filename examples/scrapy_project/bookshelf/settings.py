"""An ordinary Scrapy project; the last line is all that taxocrawl needs."""

BOT_NAME = "bookshelf"
SPIDER_MODULES = ["bookshelf.spiders"]
ROBOTSTXT_OBEY = True

ADDONS = {"taxocrawl.crawler.addon.TaxocrawlAddon": 500}
