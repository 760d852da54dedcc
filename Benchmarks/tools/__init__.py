"""What the scenarios measure with. Frames of HTTP/2 are made as the tests make them (Tests/EndToEnd/Clients/frames.py)."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd" / "Clients"))
