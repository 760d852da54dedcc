"""The scenarios, one per file."""

from .executors import Executors
from .gateway import GatewayShort, GatewayStreams
from .handshakes import Handshakes
from .idle import Idle
from .many import Many
from .prompts import Prompts
from .scenario import OTHER_CORE, PROXY_CORE, Scenario
from .short import Short
from .streams import Streams
from .workers import Workers

SCENARIOS = [Streams, Executors, Many, Workers, GatewayStreams, Short, GatewayShort, Prompts, Handshakes, Idle]

__all__ = ["OTHER_CORE", "PROXY_CORE", "SCENARIOS", "Scenario", *(scenario.__name__ for scenario in SCENARIOS)]
