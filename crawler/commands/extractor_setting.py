"""On which pages trafilatura is asked, for the commands that clean without a crawl: what BROADSHEET_EXTRACTOR says."""

from __future__ import annotations

import os

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.options import OptionError, read_extractor_use

_VARIABLE = "BROADSHEET_EXTRACTOR"  # read here: Scrapy's settings cost half a second to import


def extractor_setting() -> ExtractorUse:
    """The setting's value. CommandError if it is none of the words."""
    try:
        return read_extractor_use(os.environ.get(_VARIABLE, ExtractorUse.IN_DOUBT), _VARIABLE)
    except OptionError as error:
        raise CommandError(str(error)) from error
