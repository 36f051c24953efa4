"""The crawling room: fetches pages politely and hands them on. Knows Scrapy, sockets and clocks."""

__version__ = "0.1.0"
