"""The program, for which one address of this machine is a public one, and some names have addresses that tests give.

`python -m tests.robustness.public_loopback NAMES VERB …`; NAMES is JSON: by name the addresses of each look-up in turn,
the last of them for all later ones.
"""

import json
import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

PUBLIC = "127.0.0.77"


def main(names: dict[str, list[list[str]]], words: Sequence[str]) -> int:
    """Run a command line; return its exit code."""
    from twisted.internet import _resolver

    from broadsheet.crawler import cli
    from broadsheet.crawler.fetch import addresses

    addresses._PARSED_NETWORKS.insert(0, (ip_network(PUBLIC), None))  # type: ignore[arg-type]
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        answers = names.get(host, [[host]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [row for each in found for row in real(each, *arguments, **named)]

    socket.getaddrinfo = getaddrinfo
    _resolver.GAIResolver.__init__.__defaults__ = (None, getaddrinfo)
    return cli.run(words)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
