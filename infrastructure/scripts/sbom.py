#!/usr/bin/env python3
"""Says what is inside of a release binary, as a bill of materials in the form of CycloneDX 1.5 (JSON).

    infrastructure/scripts/sbom.py .build/release/freeinference.linked > freeinference.cdx.json

- Swift packages have their versions from Package.resolved. Those that the linker has put into the binary are
  `required`; the others, which only tests use, are `excluded`.
- The Swift runtime has the version of the toolchain, and its ICU that of the toolchain's headers.
- xxHash, whose header is compiled in, has the version of the Debian package that is installed here.
- Shared libraries that the binary names have the versions of the Debian packages that are installed here.
- Licences of all that is linked statically are those of infrastructure/debian/copyright.

The list of object files that `swift build` leaves beside the binary must be there. SOURCE_DATE_EPOCH sets the time.
"""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKOUTS = ROOT / ".build/checkouts"
# The names of licences in infrastructure/debian/copyright, each with its SPDX identifier.
LICENCES = {
    "Expat": "MIT",
    "Apache-2.0": "Apache-2.0",
    "BSD-2-Clause": "BSD-2-Clause",
    "Apache-2.0 with Swift exception": "Apache-2.0 WITH Swift-exception",
    "Unicode-3.0": "Unicode-3.0",
}


class Missing(Exception):
    """Something that the bill needs is not there."""


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def stanzas(text):
    """The stanzas of a control file of Debian's, as dictionaries."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.M)
        if fields:
            yield dict(fields)


def licences():
    """The licence of each part that is linked statically, by the folder that infrastructure/debian/copyright names."""
    found = {}
    for fields in stanzas((ROOT / "infrastructure/debian/copyright").read_text()):
        for pattern in fields.get("Files", "").split():
            found[pattern.removesuffix("/*")] = LICENCES[fields["License"].splitlines()[0]]
    return found


def linked_modules(binary):
    """The modules whose object files were linked, by the list that `swift build` leaves beside the binary."""
    listing = binary.parent / "freeinference.product/Objects.LinkFileList"
    if not listing.exists():
        raise Missing(f"there is no {listing}: the binary must lie where swift build has made it")
    return set(re.findall(r"/([^/]+)\.build/", listing.read_text()))


def folder(pin):
    """The name of a package's folder below .build/checkouts, which is that of its repository."""
    return pin["location"].rstrip("/").removesuffix(".git").rpartition("/")[2]


def is_linked(pin, modules):
    """Whether one of the modules is a folder of the package's sources."""
    place = CHECKOUTS / folder(pin)
    if not place.is_dir():
        raise Missing(f"there is no {place}: swift build fetches it")
    return any((place / "Sources" / module).is_dir() or (place / module).is_dir() for module in modules)


def component(name, version, purl, licence, linkage, **more):
    return {
        "type": "library", "bom-ref": purl, "name": name, **({"version": version} if version else {}), **more,
        "licenses": [licence], "purl": purl, "properties": [{"name": "freeinference:linkage", "value": linkage}],
    }


def swift_packages(modules, known):
    """The packages of Package.resolved, and libyaml, whose sources are a part of Yams."""
    for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]:
        place, state = pin["location"].removesuffix(".git"), pin["state"]
        linked = is_linked(pin, modules)
        yield component(
            folder(pin), state["version"], f"pkg:swift/{place.removeprefix('https://')}@{state['version']}",
            {"expression": known[folder(pin)]}, "static" if linked else "none, used by tests alone",
            scope="required" if linked else "excluded",
            externalReferences=[{"type": "vcs", "url": f"{place}#{state['revision']}"}])
        if folder(pin) == "Yams":
            yield component("libyaml", None, "pkg:generic/libyaml", {"expression": known["Yams/Sources/CYaml"]},
                            f"static, the copy in Yams {state['version']}", scope="required")


def toolchain_folder():
    return Path(shutil.which("swift")).resolve().parents[1]


def toolchain(binary, known):
    """The Swift runtime with its standard library, Dispatch and Foundation, and the ICU of Foundation.

    A release binary has them inside; a debug binary names the toolchain's shared libraries.
    """
    version = re.search(r"Swift version (\S+)", output("swift", "--version"))[1]
    linkage = "shared" if any(is_toolchains(path) for path in libraries(binary)) else "static"
    header = (toolchain_folder() / "lib/swift_static/_foundation_unicode/uvernum.h").read_text()
    icu = re.search(r'U_ICU_VERSION "([^"]+)"', header)[1]
    runtime = "standard library and runtime, Dispatch, Foundation, from the toolchain"
    yield component("swift", version, f"pkg:github/swiftlang/swift@swift-{version}-RELEASE",
                    {"expression": known["swift"]}, linkage, scope="required", description=runtime)
    yield component("swift-foundation-icu", icu, f"pkg:github/swiftlang/swift-foundation-icu@swift-{version}-RELEASE",
                    {"expression": known["swift-foundation-icu"]}, linkage, scope="required")


def libraries(binary):
    """The paths of the shared libraries that the binary names."""
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "--dynamic", "--wide", str(binary)))
    paths = dict(re.findall(r"(\S+) => (\S+) \(", output("ldd", str(binary))))
    return [paths[name] for name in needed if name in paths]


def is_toolchains(path):
    return Path(path).resolve().is_relative_to(toolchain_folder())


def shared_libraries(binary):
    """The Debian packages of the shared libraries that the binary names."""
    found = {owner(path) for path in libraries(binary) if not is_toolchains(path)}
    words = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    distribution = f"{words['ID']}-{words['VERSION_ID']}".replace('"', "")
    for package in sorted(found):
        version, architecture = output("dpkg-query", "--show", "--showformat=${Version} ${Architecture}",
                                       package).split()
        name = package.partition(":")[0]
        purl = f"pkg:deb/debian/{name}@{urllib.parse.quote(version, safe=':~')}"
        purl += f"?arch={architecture}&distro={distribution}"
        yield component(name, version, purl, {"license": {"name": f"see /usr/share/doc/{name}/copyright"}}, "shared",
                        scope="required")


def headers(known):
    """xxHash, of which the binary has what the header of its Debian package defines."""
    version = output("dpkg-query", "--show", "--showformat=${Version}", "libxxhash-dev")
    yield component("xxHash", version, f"pkg:deb/debian/libxxhash-dev@{urllib.parse.quote(version, safe=':~')}",
                    {"expression": known["xxHash"]}, "static, from its header", scope="required")


def owner(path):
    """The Debian package of a library. dpkg may know it below /usr/lib, where the path begins with /lib."""
    for candidate in (path, os.path.realpath(path), f"/usr{path}", path.removeprefix("/usr")):
        asked = subprocess.run(["dpkg-query", "--search", candidate], capture_output=True, text=True)
        if asked.returncode == 0:
            return asked.stdout.split(": ")[0]
    raise Missing(f"no Debian package has {path}")


def bill(binary):
    known = licences()
    parts = [*swift_packages(linked_modules(binary), known), *toolchain(binary, known), *headers(known),
             *shared_libraries(binary)]
    release = re.search(r'version = "([^"]+)"', (ROOT / "Sources/Edge/Build.swift").read_text())[1]
    made = datetime.datetime.fromtimestamp(
        int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp())), datetime.timezone.utc)
    itself = f"pkg:generic/freeinference@{release}"
    listing = json.dumps(parts, sort_keys=True)
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, itself + listing)}",
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": itself, "name": "freeinference", "version": release,
                          "purl": itself, "licenses": [{"expression": known["*"]}]},
        },
        "components": parts,
        "dependencies": [{"ref": itself,
                          "dependsOn": [part["bom-ref"] for part in parts if part["scope"] == "required"]}],
    }


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: sbom.py BINARY")
    try:
        print(json.dumps(bill(Path(sys.argv[1]).resolve()), indent=2))
    except (Missing, KeyError) as error:
        sys.exit(f"sbom: {error}")


if __name__ == "__main__":
    main()
