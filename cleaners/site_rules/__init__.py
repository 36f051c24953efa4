"""A person's rules for a host, in the format of ftr-site-config."""
