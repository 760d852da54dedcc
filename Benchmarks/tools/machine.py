"""A description of the machine on which the figures were measured."""

import os
import platform
from pathlib import Path


def machine():
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    system = release.get("PRETTY_NAME", "Linux").strip('"')
    return f"{len(names)} cores of {names[0] if names else platform.machine()}, {gigabytes:.0f} GiB," \
           f" Linux {platform.release()}, {system}"
