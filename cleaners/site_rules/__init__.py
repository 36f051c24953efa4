"""The user's extraction rules for single hosts, in the format of ftr-site-config."""
