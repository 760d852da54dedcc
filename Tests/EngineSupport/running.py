"""Runs tests against a real engine: starts the servers in a temporary folder, runs a folder's tests, prints one
summary line.
"""

import faulthandler
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from servers import BINARY, Edge

# After this time the whole run ends, together with the servers.
LIMIT_SECONDS = 1200


def run(name, here, start, names):
    """Starts the servers, runs the unittest tests of the folder `here`, or only `names`, and stops the servers.

    `start(folder, servers)` appends each server to `servers` as soon as it runs. Exits with 0 only if all tests
    passed and each edge ended with status 0.
    """
    faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not BINARY.is_file():
        sys.exit(f"{name}: no binary at {BINARY}: make build")
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        servers, ends = [], {}
        try:
            start(Path(folder), servers)
            result = run_tests(here, names)
        finally:
            for server in reversed(servers):
                ends[server] = server.stop()
        bad = [edge for edge in servers if isinstance(edge, Edge) and ends[edge] != 0]
        well = result.wasSuccessful() and result.testsRun > 0
        if not well or bad:
            for server in servers:
                print(f"--- the end of what the {server.name} said:\n{server.said()[-6000:]}", file=sys.stderr)
        for edge in bad:
            print(f"{name}: the edge ended with {ends[edge]}", file=sys.stderr)
        failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
        print(f"{result.testsRun - failed} passed, {failed} failed", flush=True)
        sys.exit(0 if well and not bad else 1)


def run_tests(here, names):
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(here), top_level_dir=str(here))
    return unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
