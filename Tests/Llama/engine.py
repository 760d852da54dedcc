"""The engine under test: llama-cpp-python's server with two models."""

import json
import sys

from clients import CHAT, ENGINE_CHAT
from servers import Server, free_ports

CONTEXT_TOKENS = 32768
EMBEDDING, ENGINE_EMBEDDING = "tiny-embedding", "engine-tiny-embedding"

# The edge's models: the names for clients, and the engine's own names.
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
    """llama-cpp-python's server. It handles one request at a time, over both of its models."""

    # The engine prints this text only if a stream was cancelled before its last token.
    LEFT = "Disconnected from client"

    def __init__(self, folder, model):
        [port] = free_ports(1)
        settings = {
            "host": "127.0.0.1", "port": port,
            # With interruptions the engine would end a running stream at the next request, and an abort would prove
            # nothing.
            "interrupt_requests": False,
            "models": [
                # verbose: the engine prints when it begins to read a prompt.
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
        """How many streams the engine has cancelled since its start."""
        return self.said().count(self.LEFT)

    def requests(self):
        """How many requests the engine has begun to answer since its start."""
        return self.said().count('"POST /v1/')
