"""Engines for archives that live in a store: side by side on this machine, or on a cluster by way of Dask."""
