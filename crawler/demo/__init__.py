"""The bundled sample site: a small invented newspaper with everything that makes real pages dirty.

The stories, phrases and page templates are data under `site/`; the modules here turn them into resources
(`render`), serve those on loopback (`server`) and say what a crawl should find (`truth`).
"""
