"""Command line by `python -m broadsheet.crawler.cli`."""

from . import main

if __name__ == "__main__":
    main()
