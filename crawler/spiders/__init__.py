"""The spiders: `site` finds a site's articles by itself, `urls` fetches a list."""
