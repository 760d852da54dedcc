"""The measuring tools of the scenarios. HTTP/2 frames come from Tests/EndToEnd/Clients/frames.py."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd" / "Clients"))
