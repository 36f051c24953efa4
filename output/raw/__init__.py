"""Raw HTTP exchanges: written as WARC records, read back, checked and erased."""
