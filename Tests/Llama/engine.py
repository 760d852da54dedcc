"""The engine under test: llama-cpp-python's server with two models."""

import json
import sys

from clients import CHAT, ENGINE_CHAT
from servers import Server, free_ports

CONTEXT_TOKENS = 32768
EMBEDDING, ENGINE_EMBEDDING = "tiny-embedding", "engine-tiny-embedding"

# The edge's models: clients' names for what the engine serves by its own.
MODELS = f"""\
models:
  - id: {CHAT}
    executors:
      - url: http://127.0.0.1:{{engine}}
        model: {ENGINE_CHAT}
  - id: {EMBEDDING}
    executors:
      - url: http://127.0.0.1:{{engine}}
        model: {ENGINE_EMBEDDING}
"""


class Engine(Server):
    """llama-cpp-python's server. It does one request at a time, for both of its models."""

    # Said in one case only: a stream was cancelled before its last token.
    LEFT = "Disconnected from client"

    def __init__(self, folder, model):
        [port] = free_ports(1)
        settings = {
            "host": "127.0.0.1", "port": port,
            # Else the engine ends a running stream as soon as another request comes, and an abort would prove nothing.
            "interrupt_requests": False,
            "models": [
                # verbose: it says when it begins to read a prompt.
                {"model": str(model), "model_alias": ENGINE_CHAT, "n_ctx": CONTEXT_TOKENS, "verbose": True},
                {"model": str(model), "model_alias": ENGINE_EMBEDDING, "n_ctx": 2048, "embedding": True,
                 "verbose": False},
            ],
        }
        configuration = folder / "engine.json"
        configuration.write_text(json.dumps(settings))
        super().__init__("engine", folder, [sys.executable, "-m", "llama_cpp.server", "--config_file", configuration],
                         port, {"PYTHONUNBUFFERED": "1"})

    def leavings(self):
        """How many streams it has cancelled since it started."""
        return self.said().count(self.LEFT)

    def requests(self):
        """How many requests it has begun to answer since it started."""
        return self.said().count('"POST /v1/')
