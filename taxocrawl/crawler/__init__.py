"""Domains to pages, by Scrapy, politely and safely."""
