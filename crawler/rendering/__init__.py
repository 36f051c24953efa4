"""Pages rendered in a browser that has no network: the fetch that answers its requests is passed in."""
