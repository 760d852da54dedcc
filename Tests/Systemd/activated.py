"""The service with sockets that systemd opens: no connection is refused while the service is down."""

import subprocess
import time

import guide
import service
from clients import Knocking, get
from failures import expect

UNIT, SOCKET = "freeinference.service", "freeinference.socket"


def install(test):
    """Follows the steps of docs/operations.md."""
    ran = guide.follow(test.machine, test.guide, "### Sockets that systemd opens")
    service.expect_active(test)
    seen = test.machine.properties(SOCKET, "ActiveState", "SubState", "UnitFileState")
    expect(seen == {"ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}, f"the socket: {seen}")
    said = test.machine.journal()
    for line in ("listening on 0.0.0.0:443 (TLS), inherited", "listening on 0.0.0.0:80, inherited"):
        expect(any(line in seen for seen in said), f"the journal lacks {line!r}")
    return f"{ran} commands of docs/operations.md"


def crowd(test):
    """All workers accept on each socket: many connections, all of them served."""
    process = test.machine.properties(UNIT, "MainPID")["MainPID"]
    names = test.machine.run(f"cat /proc/{process}/task/*/comm").stdout.split()
    workers = sum(name.startswith("worker-") for name in names)
    for descriptor in (3, 4):
        watching = test.machine.run(f"cat /proc/{process}/fdinfo/* | grep -c '^tfd: *{descriptor} '").stdout
        expect(int(watching) == workers, f"{watching} of {workers} workers watch descriptor {descriptor}")
    before = turns(test, process)
    knocking = Knocking(test.machine, test.authority)
    time.sleep(3)
    said = expect_all_served(knocking.ending(), 75)
    shares = [number - before[name] for name, number in turns(test, process).items()]
    return f"{said}, {workers} workers ({' and '.join(map(str, shares))} turns on the processor)"


def turns(test, process):
    """How often each worker thread was scheduled: /proc/PID/task/TID/schedstat."""
    lines = test.machine.run(f"for task in /proc/{process}/task/*; do"
                             " echo $(cat $task/comm $task/schedstat); done").stdout.splitlines()
    words = [line.split() for line in lines]
    return {word[0]: int(word[3]) for word in words if word[0].startswith("worker-")}


def expect_all_served(outcomes, least):
    total = sum(outcomes.values())
    expect(set(outcomes) == {"80: 200", "443: 200"}, f"not all were served: {outcomes}")
    expect(total >= least, f"{total} connections are too few to say anything")
    return f"{total} new connections, all served"


def restart(test):
    """Connections are opened during three restarts of the service, and each one is served."""
    knocking = Knocking(test.machine, test.authority)
    for _ in range(3):
        time.sleep(0.5)
        test.machine.run(f"systemctl restart {UNIT}")
    time.sleep(0.5)
    return expect_all_served(knocking.ending(), 75)


def kill(test):
    """SIGKILL: accepted connections are cut; later ones wait in the socket and are served; none is refused."""
    before = service.restarts(test)
    process = test.machine.properties(UNIT, "MainPID")["MainPID"]
    knocking = Knocking(test.machine, test.authority)
    time.sleep(0.5)
    test.machine.run(f"systemctl kill --signal=SIGKILL {UNIT}")
    status, code, body = get(test.machine, "http://127.0.0.1/health")
    expect((status, code) == (0, "200"), f"a request after the kill: {status} {code} {body}")
    outcomes = knocking.ending()
    cut = sum(number for outcome, number in outcomes.items() if not outcome.endswith(": 200"))
    expect(not any("refused" in outcome or "no answer" in outcome for outcome in outcomes), f"refused: {outcomes}")
    # An exchange takes about 50 ms, and one begins every 20 ms. So only a few were under way when the process was
    # killed.
    expect(cut <= 20 and outcomes.get("80: 200", 0) > 10 and outcomes.get("443: 200", 0) > 10, f"{outcomes}")
    seen = service.expect_active(test)
    expect(seen["MainPID"] != process and int(seen["NRestarts"]) == before + 1, f"not started once: {seen}")
    return f"{sum(outcomes.values())} new connections, {cut} cut by the kill, none refused;" \
           f" NRestarts {before} -> {seen['NRestarts']}"


def bad_configuration(test):
    """A client waits while the service cannot start.

    systemd retries each RestartSec, the socket stays open, and the client is served in the end.
    """
    service.configure(test, "\ndrain_timeot: 4s\n")
    before = len(test.machine.journal())
    expect(test.machine.run(f"systemctl restart {UNIT}", check=False).returncode != 0, "it started all the same")
    client = subprocess.Popen(
        test.machine.network(["curl", "--silent", "--noproxy", "*", "--max-time", "40", "http://127.0.0.1/health"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    time.sleep(5)
    tries = sum("unknown key 'drain_timeot'" in line for line in test.machine.journal(since=before))
    expect(2 <= tries <= 6, f"{tries} starts in 5 s")
    expect(client.poll() is None, "the client was not let wait")
    service.configure(test, "\ndrain_timeout: 4s\n")
    try:
        output, _ = client.communicate(timeout=45)
    finally:
        client.kill()
    expect(output == '{"status":"ok"}', f"the client that waited got {output!r}")
    return f"{tries} starts in 5 s, then the client that had waited was served"


def another_address(test):
    """A socket without a listener is reported, because clients would wait at it for ever."""
    folder = test.machine.root / f"etc/systemd/system/{SOCKET}.d"
    folder.mkdir()
    (folder / "more.conf").write_text("[Socket]\nListenStream=0.0.0.0:8080\n")
    before = len(test.machine.journal())
    test.machine.run(f"systemctl daemon-reload; systemctl stop {SOCKET} {UNIT}; systemctl start {SOCKET}")
    expect(test.machine.run(f"systemctl start {UNIT}", check=False).returncode != 0, "it started all the same")
    expect(any("0.0.0.0:8080" in line for line in test.machine.journal(since=before)), "the journal does not say why")
    (folder / "more.conf").unlink()
    folder.rmdir()
    test.machine.run(f"systemctl daemon-reload; systemctl stop {UNIT} {SOCKET}; systemctl start {SOCKET} {UNIT}")
    service.expect_active(test)
    return "the start fails and the journal names the address"


def stop(test):
    """With service and sockets stopped, nothing listens."""
    test.machine.run(f"systemctl stop {SOCKET} {UNIT}")
    for url in ("http://127.0.0.1/health", "https://127.0.0.1/health"):
        expect(get(test.machine, url)[0] == 7, f"{url} is not refused")
    expect(service.stopped(test), "the service runs")
    return "connections are refused"
