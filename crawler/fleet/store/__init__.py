"""Where the archives of a fleet's sites lie between their tasks: a folder or a bucket, with a lease a site."""
