"""Other versions of the package come while a server runs and streams are under way."""

import packages
from installation import CONFIGURATION, UNIT, apt, state, status, stream
from failures import expect

# The length of a stream. At 20 tokens a second it takes longer than apt does, also on a busy machine.
TOKENS = 1000


def under_streams(test, name, *words):
    """Runs apt while streams over HTTP/1.1 and HTTP/2 are under way; each must be whole. Returns what apt says."""
    under_way = [(stream(test, f"{name}-http1", TOKENS), "1.1"),
                 (stream(test, f"{name}-http2", TOKENS, "--http2-prior-knowledge"), "2")]
    for each, _ in under_way:
        each.flowing()
    said = apt(test, *words)
    during = stream(test, f"{name}-new", 20)
    during.expect_whole("1.1")
    expect(all(len(each.events) < TOKENS for each, _ in under_way), "the streams were over before apt was")
    for each, version in under_way:
        each.expect_whole(version)
    return said


def newer(test):
    """Upgrading keeps the operator's configuration, and cuts no stream."""
    before = test.machine.run(f"cat {CONFIGURATION}").stdout
    said = under_streams(test, "newer", "install ./newer.deb")
    expect(status(test) == f"install ok installed {packages.NEWER}", f"dpkg says {status(test)}")
    expect(test.machine.run(f"cat {CONFIGURATION}").stdout == before, "the operator's configuration has changed")
    example = test.machine.run(f"cat {CONFIGURATION}.dpkg-dist").stdout
    expect(packages.ADDITION in example, "the example of the newer package is not there")
    mode = test.machine.run(f"stat --format='%U %G %a' {CONFIGURATION}").stdout.strip()
    expect(mode == "root freeinference 640", f"the configuration is {mode}")
    return spoken(said)


def runs_what_is_installed(test):
    """The main process of the service is the installed file, and systemd has not restarted it."""
    seen = state(test)
    expect((seen["ActiveState"], seen["SubState"]) == ("active", "running"), f"not active: {seen}")
    same = test.machine.run(f"test /proc/{seen['MainPID']}/exe -ef /usr/bin/freeinference", check=False)
    program = test.machine.run(f"readlink /proc/{seen['MainPID']}/exe").stdout.strip()
    expect(same.returncode == 0, f"the main process still runs {program}")
    restarts = test.machine.properties(UNIT, "NRestarts")["NRestarts"]
    expect(restarts == "0", f"{restarts} restarts")
    return program


def broken(test):
    """A binary that cannot serve leaves the old one running, dpkg consistent, and a note what to do."""
    before = state(test)
    said = under_streams(test, "broken", "install ./broken.deb")
    expect(status(test) == f"install ok installed {packages.BROKEN}", f"dpkg says {status(test)}")
    expect(state(test)["MainPID"] == before["MainPID"], "the running server was replaced")
    for words in ("was not upgraded", "systemctl restart freeinference"):
        expect(words in said, f"apt does not say {words!r}: {said}")
    return spoken(said)


def older(test):
    """Rolling back is an upgrade to the older package."""
    said = under_streams(test, "older", "install --allow-downgrades ./first.deb")
    expect(status(test).startswith("install ok installed ") and packages.BROKEN not in status(test),
           f"dpkg says {status(test)}")
    return spoken(said)


def restart(test):
    """After the operator's restart the installed file runs."""
    test.machine.run(f"systemctl restart {UNIT}")
    stream(test, "restarted", 20).expect_whole("1.1")
    return runs_what_is_installed(test)


def foreign_unit(test):
    """A service by a unit of the operator's own is left as it is, and the operator is told."""
    own = "/etc/systemd/system/freeinference.service"
    test.machine.run("install executor /usr/local/bin/freeinference; sed 's|/usr/bin/|/usr/local/bin/|'"
                     f" /lib/systemd/system/freeinference.service > {own}; systemctl daemon-reload;"
                     f" systemctl restart {UNIT}")
    before = state(test)
    said = apt(test, "install ./newer.deb")
    expect("a unit that is not of this package" in said, f"apt does not say so: {said}")
    expect(state(test)["MainPID"] == before["MainPID"], "the running server was replaced")
    test.machine.run(f"rm {own} /usr/local/bin/freeinference; systemctl daemon-reload; systemctl restart {UNIT}")
    apt(test, "install --allow-downgrades ./first.deb")
    test.machine.run(f"systemctl restart {UNIT}")
    stream(test, "own-unit", 20).expect_whole("1.1")


def spoken(said):
    """What the package's scripts have said, in one line."""
    start = [index for index, line in enumerate(said.splitlines()) if line.startswith("Setting up freeinference")]
    expect(start, f"apt has not set up the package: {said}")
    return " / ".join(line.strip() for line in said.splitlines()[start[0] + 1:]) or "not a word"
