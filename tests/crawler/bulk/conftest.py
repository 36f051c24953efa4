"""A bucket, as the fleet's tests have one."""

from tests.crawler.fleet.conftest import s3_server

__all__ = ["s3_server"]
