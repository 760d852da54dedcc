"""Upgrades of the running service: the main process changes, systemd follows, and nothing is cut."""

import time

import service
from clients import Knocking, Stream, get
from failures import expect
from service import CODER, SCOUT, UNIT

BINARY = "/usr/local/bin/freeinference"
# The default of `upgrade_generations`.
GENERATIONS = 4


def main_process(test):
    return test.machine.properties(UNIT, "MainPID")["MainPID"]


def processes(test):
    """The ids of all processes of the service's control group, under either version of control groups."""
    group = test.machine.properties(UNIT, "ControlGroup")["ControlGroup"]
    files = f"/sys/fs/cgroup{group}/cgroup.procs /sys/fs/cgroup/systemd{group}/cgroup.procs"
    return test.machine.run(f"cat {files} 2>/dev/null || true").stdout.split()


def upgrade(test):
    """Upgrades once and returns the new main process, which systemd must know."""
    before = main_process(test)
    said = test.machine.run("freeinference upgrade")
    expect("has taken over" in said.stdout, f"upgrade says {said.stdout!r}")
    # The server tells systemd the new main process before the command ends, but systemd reads it a moment later.
    test.machine.wait("another main process", lambda: main_process(test) not in ("0", before))
    after = main_process(test)
    expect(f"the process {after}," in said.stdout, f"the main process is {after}, but upgrade says {said.stdout!r}")
    shown = test.machine.run(f"systemctl status --no-pager --lines=0 {UNIT}").stdout
    expect(f"Main PID: {after} (" in shown and "active (running)" in shown, f"systemctl status shows:\n{shown}")
    return after


def expect_alone(test):
    """Waits until the older processes of the service have ended."""
    test.machine.wait("the end of the older processes", lambda: processes(test) == [main_process(test)], within=60)


def stream(test, name, tokens, model=CODER, port=443):
    return Stream(test.machine, model, tokens, f"upgrade-{name}-{port}", port == 443, test.authority).flowing()


def expect_whole(test, streams):
    for one, version in streams:
        one.expect_whole(version)
        expect(service.logged(test, one.name)["end"] == "complete", f"{one.name} is not logged as complete")


def exchanges(test, since):
    """How many completions the journal has since a number of lines."""
    return sum(line.startswith("{") and '"path":"/v1/chat/completions"' in line
               for line in test.machine.journal(since=since))


def upgrades(test):
    """Ten upgrades, each under a new stream of either protocol and new connections all the time."""
    service.configure(test, "\ndrain_timeout: 20s\n")
    test.machine.run(f"systemctl restart {UNIT}")
    restarts, lines = service.restarts(test), len(test.machine.journal())
    knocking = Knocking(test.machine, test.authority)
    seen, streams = [main_process(test)], []
    for number in range(10):
        streams += [(stream(test, f"{number}", 60, port=80), "1.1"), (stream(test, f"{number}", 60), "2")]
        if number % 2 == 0:
            # The program's file is replaced, as a package does it.
            test.machine.run(f"cp {BINARY} {BINARY}.new && mv {BINARY}.new {BINARY}")
        # With more than `upgrade_generations` older processes, an upgrade would be refused.
        test.machine.wait("room for one more older process", lambda: len(processes(test)) <= 1 + GENERATIONS)
        seen.append(upgrade(test))
    expect(len(set(seen)) == 11, f"not eleven main processes: {seen}")
    expect_whole(test, streams)
    outcomes = knocking.ending()
    total = sum(outcomes.values())
    expect(set(outcomes) == {"80: 200", "443: 200"} and total >= 50, f"not all were served: {outcomes}")
    expect_alone(test)
    service.expect_active(test)
    expect(service.restarts(test) == restarts, "systemd has started the service again")
    test.machine.wait(f"{total + len(streams)} exchanges in the journal",
                      lambda: exchanges(test, lines) == total + len(streams))
    return f"10 upgrades, {len(streams)} streams whole, {total} new connections served, each in the journal"


def failed(test):
    """A program that cannot start leaves the running process as it is."""
    before, running = main_process(test), stream(test, "failed", 60)
    test.machine.run(f"mv {BINARY} {BINARY}.good; printf '#!/bin/sh\\nexit 3\\n' > {BINARY}; chmod 755 {BINARY}")
    try:
        said = test.machine.run(f"{BINARY}.good upgrade", check=False)
    finally:
        test.machine.run(f"mv {BINARY}.good {BINARY}")
    expect(said.returncode == 2 and "ended before it was ready" in said.stdout + said.stderr, f"upgrade says {said}")
    expect(main_process(test) == before, "the main process has changed")
    expect_whole(test, [(running, "2")])
    service.expect_active(test)
    upgrade(test)
    expect_alone(test)
    return "the reason is told, and the process goes on"


def killed(test):
    """`kill -9` of the new main process, alone and while an older one drains, is followed by a restart."""
    waits = []
    for drains in (False, True):
        before = service.restarts(test)
        running = stream(test, f"killed-{drains}", 800) if drains else None
        new = upgrade(test)
        if drains:
            expect(len(processes(test)) == 2, f"not two processes: {processes(test)}")
        killed_at = time.monotonic()
        test.machine.run(f"kill -9 {new}")
        test.machine.wait("the restart", lambda: service.restarts(test) == before + 1)
        waits.append(time.monotonic() - killed_at)
        test.machine.wait("the service", lambda: get(test.machine, "http://127.0.0.1/health")[1] == "200")
        if running:
            # systemd kills the older process with the main one.
            running.expect_broken(None)
        expect_alone(test)
        service.expect_active(test)
    return "restarted " + " and ".join(f"{wait:.1f} s" for wait in waits) + " later"


def reloaded(test):
    """A reload while an older process drains concerns the new one; a faulty file is refused, and nothing is cut."""
    running = stream(test, "reloaded", 100)
    new = upgrade(test)
    service.configure(test, "\ndrain_timeout: 21s\n")
    test.machine.run(f"systemctl reload {UNIT}")
    service.configure(test, "\ndrain_timeot: 21s\n")
    expect(test.machine.run(f"systemctl reload {UNIT}", check=False).returncode != 0, "a faulty file was taken")
    service.configure(test, "\ndrain_timeout: 20s\n")
    test.machine.run(f"systemctl reload {UNIT}")
    expect(main_process(test) == new, "another main process")
    expect_whole(test, [(running, "2")])
    expect_alone(test)
    return "two reloads, one refused"


def restarted(test):
    """A restart while older processes drain: their streams end whole within drain_timeout, then the service starts."""
    streams = [(stream(test, "restarted", 100, port=80), "1.1")]
    upgrade(test)
    streams.append((stream(test, "restarted", 100), "2"))
    new = upgrade(test)
    test.machine.run(f"systemctl restart {UNIT}")
    expect(main_process(test) not in ("0", new), "the same main process")
    expect_whole(test, streams)
    expect_alone(test)
    service.expect_active(test)
    return "the streams of two older processes are whole"


def stopped(test):
    """A stop while an older process drains: what ends within drain_timeout is whole, the rest ends with an error."""
    service.configure(test, "\ndrain_timeout: 6s\n")
    test.machine.run(f"systemctl restart {UNIT}")
    short = stream(test, "stopped-short", 60)
    long = stream(test, "stopped-long", 800, model=SCOUT, port=80)
    upgrade(test)
    newer = stream(test, "stopped-newer", 60, port=80)
    test.machine.run(f"systemctl stop {UNIT}")
    expect_whole(test, [(short, "2"), (newer, "1.1")])
    long.expect_broken("draining")
    expect(service.logged(test, long.name)["end"] == "draining", "the cut stream is not logged as draining")
    seen = service.stopped(test)
    expect(seen and seen["Result"] == "success", f"stopping was no success: {seen}")
    service.configure(test, "\ndrain_timeout: 4s\n")
    test.machine.run(f"systemctl start {UNIT}")
    service.expect_active(test)
    return "two streams whole, one cut with a reason"


def inherited(test):
    """Upgrades of a service whose sockets systemd has opened, under new connections."""
    knocking = Knocking(test.machine, test.authority)
    for _ in range(3):
        time.sleep(0.5)
        upgrade(test)
    time.sleep(0.5)
    outcomes = knocking.ending()
    expect(set(outcomes) == {"80: 200", "443: 200"}, f"not all were served: {outcomes}")
    expect_alone(test)
    return f"3 upgrades, {sum(outcomes.values())} new connections served"
