"""The process that forks for each command, with all imported that commands need: `python -m tests.crawler.warmed FD`.

Over the socket FD it is asked for commands and answers with two lines for each: the fork's process id, its exit code.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import connection, forkserver
from typing import NoReturn

import broadsheet.crawler.commands
from broadsheet.cleaners.clean import article_text
from broadsheet.crawler.cli.lazy_modules import LazyModule
from tests.new_archives import copy_schemas

_ASKED = 1 << 20  # bytes of a command line with its environment


def serve(channel: socket.socket) -> list[str] | None:
    """Fork for each command. Returns in the fork, with what it is to run; and None at the end."""
    while True:
        request, files, _, _ = socket.recv_fds(channel, _ASKED, 2)
        if not request:
            return None
        while not request.endswith(b"\n"):
            request += channel.recv(_ASKED)
        process = os.fork()
        if process == 0:
            channel.close()
            return _become(request, files)
        for file in files:
            os.close(file)
        channel.sendall(b"%d\n" % process)
        _, status = os.waitpid(process, 0)
        channel.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(request: bytes, files: Sequence[int]) -> list[str]:
    *command, folder, environment = json.loads(request)
    os.setsid()
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return command


def fork_server() -> None:
    """What multiprocessing starts as a new interpreter for the workers, as a fork that has imported all they need."""
    if sys.version_info >= (3, 14):  # it wants a key there: let it start its own
        return
    alive, alive_end = os.pipe()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address := connection.arbitrary_address("AF_UNIX"))
    listening.listen()
    process = os.fork()
    if process == 0:
        os.close(alive_end)
        try:
            forkserver.main(listening.fileno(), alive, [])
        finally:
            os._exit(0)
    os.close(alive)
    listening.close()
    server = forkserver._forkserver
    server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = address, alive_end, process


def run_to_the_end(module: str) -> NoReturn:
    """Run a module as the interpreter does, to its exit code, but without taking down all that was imported.

    For that the interpreter looks through it all, and memory is shared only until it is touched.
    """
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:  # noqa: BLE001 - what nobody caught is printed, as at the end of any program
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # a pipe that nobody reads
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def preload() -> None:
    """Import what commands import, and read what they read at first use."""
    for module in pkgutil.iter_modules(broadsheet.crawler.commands.__path__, "broadsheet.crawler.commands."):
        import_module(module.name)
    for name in (
        "broadsheet.crawler.crawl.worker_jobs",
        "broadsheet.crawler.crawl.spiders",
        "broadsheet.crawler.commands.demo",
        "scrapy.commands.crawl",
        "scrapy.cmdline",
    ):
        import_module(name)
    for verb_module in [
        module for name, module in sys.modules.items() if name.startswith("broadsheet.crawler.commands.")
    ]:
        for value in list(vars(verb_module).values()):
            if isinstance(value, LazyModule):
                import_module(value.__name__)
    _import_named(import_module("broadsheet.crawler.commands.spider_run").project_settings().copy_to_dict())
    article_text(_PAGE.encode())
    copy_schemas()
    assert "twisted.internet.reactor" not in sys.modules, "each command installs its own"


def _import_named(value: object) -> None:
    """Import the modules of all components that Scrapy's settings name, but for the reactor's."""
    if isinstance(value, dict):
        for item in (*value, *value.values()):
            _import_named(item)
    elif isinstance(value, str) and value.startswith(("scrapy.", "crawler.")):
        with suppress(ImportError):
            import_module(value.rpartition(".")[0])


_PAGE = "<title>Mill</title><article><p>The mill was sold, and nobody had asked what it was worth.</article>"

if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    preload()
    gc.freeze()  # else each fork copies it all to look for garbage
    if command := serve(channel):
        fork_server()
        sys.argv = command
        sys.modules.pop(command[0], None)  # it is to begin anew, as what is run
        run_to_the_end(command[0])
    os._exit(0)
