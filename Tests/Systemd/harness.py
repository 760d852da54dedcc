"""What tests in a booted Debian root have in common: one run at a time, an end in time, and what a failure shows."""

import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

import image
from failures import Failed

NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "setpriv", "curl")


def require(name):
    """Ends the program unless root runs it on a machine that has what is needed."""
    if os.geteuid() != 0:
        sys.exit(f"{name}: only root may make and boot a Debian root: sudo make {name}")
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        sys.exit(f"{name}: not installed: {' '.join(missing)} (infrastructure/scripts/setup.sh"
                 " debootstrap systemd-container)")


def folder(repository: Path):
    """Where roots, machines and logs are."""
    build = repository / ".build"
    build.mkdir(exist_ok=True)
    return build


def perform(test, checks, harmless=()):
    """Runs the checks in their order. Returns how many passed, or None if one failed.

    The later ones are not run then, unless the one that failed is `harmless`: it only looks at what is there.
    """
    count, failed = 0, False
    for name, check in checks:
        try:
            found = check(test)
        except Failed as failure:
            print(f"FAIL  {name}: {failure}", flush=True)
            show(test)
            failed = True
            if check not in harmless:
                return None
            continue
        print(f"ok    {name}{f': {found}' if found else ''}", flush=True)
        count += 1
    return None if failed else count


def show(test):
    """Prints the information that explains a failure."""
    if test.machine.leader is None:
        return
    print("--- the journal: messages, and the last lines of all", file=sys.stderr)
    try:
        journal = "journalctl --boot --no-pager --unit='freeinference.*' --unit='executor-*'"
        shown = test.machine.run(f"{journal} | grep -vF ']: {{' | tail -60; echo; {journal} --lines=10", check=False)
        print(shown.stdout, file=sys.stderr)
    except (Failed, OSError) as error:
        print(f"it cannot be read: {error}", file=sys.stderr)


def give_up(number, _):
    raise Failed(f"ended by {signal.Signals(number).name}" + (", since its time is over" if number == signal.SIGALRM
                                                              else ""))


def hold(test, seconds_max, run):
    """Calls `run` while no other test has a machine, removes the machine, and ends the program: with 0 if all held."""
    test.machine.log.write_text("")
    held = True
    # On a host without systemd the control groups of containers have fixed names, so only one run at a time is
    # possible.
    with open("/run/lock/freeinference-test-systemd", "w", encoding="ascii") as lock:
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, give_up)
        signal.alarm(seconds_max)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = run()
        except Failed as failure:
            print(f"FAIL  {failure}", flush=True)
            show(test)
            held = False
        finally:
            signal.alarm(0)
            test.machine.kill()
            image.discard(test.machine.root)
    sys.exit(0 if held else 1)
