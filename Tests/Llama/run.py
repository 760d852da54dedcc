#!/usr/bin/env python3
"""The edge in front of a real engine (`make test-llama`): llama-cpp-python's server with a tiny random model.

Makes the model, starts both servers on free loopback ports, runs the tests beside this file, and stops both.
Arguments are unittest names of tests (test_aborts.Aborts, ...). Exits with 0 only if all passed and the edge ended
with status 0.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "EngineSupport")]
import model  # noqa: E402
import running  # noqa: E402
from clients import Case  # noqa: E402
from engine import MODELS, Engine  # noqa: E402
from servers import Edge  # noqa: E402


def start(folder, servers):
    model.write(folder / "tiny.gguf")
    Case.engine = Engine(folder, folder / "tiny.gguf")
    servers.append(Case.engine)
    Case.engine.ready("/v1/models")
    Case.edge = Edge(folder, MODELS.format(engine=Case.engine.port))
    servers.append(Case.edge)
    Case.edge.ready("/health")


if __name__ == "__main__":
    running.run("test-llama", HERE, start, sys.argv[1:])
