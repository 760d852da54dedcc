#!/usr/bin/env python3
"""The edge in front of a real engine (`make test-llama`): llama-cpp-python's server with a tiny random model.

Makes the model, starts both servers on free loopback ports, runs the tests beside this file, stops both. Arguments are
names of tests, as unittest has them (test_aborts.Aborts, ...). Exits with 0 only if all passed and the edge ended well.
"""

import faulthandler
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import model  # noqa: E402
from case import Case  # noqa: E402
from servers import BINARY, Edge, Engine, free_ports  # noqa: E402

# The whole ends by itself, and the servers with it.
LIMIT_SECONDS = 1200


def main():
    faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
    if not BINARY.is_file():
        sys.exit(f"test-llama: no binary at {BINARY}: make build")
    with tempfile.TemporaryDirectory(prefix="test-llama-") as name:
        folder = Path(name)
        model.write(folder / "tiny.gguf")
        engine_port, tls, clear, admin = free_ports(4)
        servers = []
        try:
            servers.append(Engine(folder, folder / "tiny.gguf", engine_port))
            servers[0].ready(engine_port, "/v1/models")
            servers.append(Edge(folder, engine_port, tls, clear, admin))
            servers[1].ready(clear, "/health")
            Case.engine, Case.edge = servers
            result = run(sys.argv[1:])
        finally:
            ends = [server.stop() for server in reversed(servers)]
        well = result.wasSuccessful() and result.testsRun > 0
        if not well or ends[0] != 0:
            for server in servers:
                print(f"--- the end of what the {server.name} said:\n{server.said()[-6000:]}", file=sys.stderr)
        if ends[0] != 0:
            print(f"test-llama: the edge ended with {ends[0]}", file=sys.stderr)
        failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
        print(f"{result.testsRun - failed} passed, {failed} failed", flush=True)
        sys.exit(0 if well and ends[0] == 0 else 1)


def run(names):
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE), top_level_dir=str(HERE))
    return unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)


if __name__ == "__main__":
    main()
