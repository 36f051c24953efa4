"""On which pages trafilatura is asked, for the commands that clean without a crawl: what BROADSHEET_EXTRACTOR says."""

from __future__ import annotations

from cleaners.document import ExtractorUse
from crawler import settings
from crawler.console.option_types import CommandError
from crawler.options import OptionError, read_extractor_use


def extractor_setting() -> ExtractorUse:
    """The setting's value. CommandError if it is none of the words."""
    try:
        return read_extractor_use(settings.BROADSHEET_EXTRACTOR, "BROADSHEET_EXTRACTOR")
    except OptionError as error:
        raise CommandError(str(error)) from error
