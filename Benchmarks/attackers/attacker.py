#!/usr/bin/env python3
"""One attack, in the attacker's network namespace; run.py starts it. Prints `attacking`, then its counts as JSON."""

import argparse
import json
import resource
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.attacking import step_aside  # noqa: E402
from flood import Flood  # noqa: E402
from kinds import KINDS  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--server", required=True, help="its address")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--addresses", required=True, help="of the attacker, with commas between them")
    parser.add_argument("--key", required=True, help="a valid key")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--patience", type=float, default=0, help="seconds more for an attack that ends by itself")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    step_aside()
    attack = KINDS[options.kind](options)
    sources = options.addresses.split(",")
    flood = Flood(attack, options.server, options.port, sources, options.seconds + options.patience)
    print("attacking", flush=True)
    print(json.dumps(flood.run()), flush=True)


if __name__ == "__main__":
    main()
