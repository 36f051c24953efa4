"""Ways in which a program ends: `python -m tests.crawler.endings WAY`."""

from __future__ import annotations

import atexit
import sys
import threading
import time


def _print_late() -> None:
    time.sleep(0.02)
    print("from a thread")


def main(way: str) -> None:
    atexit.register(print, "at the end")
    print("begun")
    if way == "thread":
        threading.Thread(target=_print_late).start()
    elif way == "fault":
        raise ValueError("nobody catches this")
    else:
        sys.exit(int(way))


if __name__ == "__main__":
    main(sys.argv[1])
