#!/usr/bin/env python3
"""The edge in front of vLLM (`make test-vllm`): two servers with a tiny random model, on TCP and on a unix socket.

Makes the model, starts the three servers, runs the tests beside this file, and stops the servers. Arguments are
unittest names of tests (test_cancels.Cancels, ...). Exits with 0 only if all passed and the edge ended with status 0.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "EngineSupport")]
import model  # noqa: E402
import running  # noqa: E402
from case import VLLMCase  # noqa: E402
from engine import Engine, models  # noqa: E402
from recorder import Recorder  # noqa: E402
from servers import Edge, free_ports  # noqa: E402


def start(folder, servers):
    def engine(name, address, drain_seconds):
        servers.append(Engine(name, folder, address, drain_seconds))
        return servers[-1]

    model.write(folder / "model")
    port, recorder_port = free_ports(2)
    VLLMCase.start_engine = {
        "tcp": lambda: engine("tcp", port, drain_seconds=0),
        # Lets running requests end after SIGTERM, as in a rolling restart.
        "unix": lambda: engine("unix", folder / "engine.sock", drain_seconds=120),
    }
    VLLMCase.engines = {name: start() for name, start in VLLMCase.start_engine.items()}
    VLLMCase.recorder = Recorder(recorder_port, port)
    for one in VLLMCase.engines.values():
        one.is_up()
    # The edge starts last. Otherwise its probes would find engines that do not answer yet, and the first tests would
    # fail.
    VLLMCase.edge = Edge(folder, models(
        f"http://127.0.0.1:{port}", f"unix:{folder}/engine.sock", f"http://127.0.0.1:{recorder_port}"))
    servers.append(VLLMCase.edge)
    VLLMCase.edge.ready("/health")


if __name__ == "__main__":
    running.run("test-vllm", HERE, start, sys.argv[1:])
