"""What a host's pages repeat, counted over the archive."""
