"""WARC and WACZ files cleaned in bulk: a file is a task, on the cores of a machine or on a Dask cluster."""
