"""At most so many requests under way to one address, over all crawls of this machine that share a folder."""
