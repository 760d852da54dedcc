"""Installing, what then is where, the first start, removing and purging."""

import json
import re

import packages
from clients import Stream, get
from failures import expect

UNIT = "freeinference"
MODEL = "demo"
BASE = "http://127.0.0.1:8080"
CONFIGURATION = "/etc/freeinference/freeinference.yaml"
PROPERTIES = ("ActiveState", "SubState", "Result", "MainPID", "UnitFileState", "User", "FragmentPath")
# Every file and directory that the package installs, with its owner, group and mode.
OWNED = {
    "/etc/freeinference": "root root 755",
    CONFIGURATION: "root freeinference 640",
    "/etc/freeinference/tls": "root root 755",
    "/var/lib/freeinference": "freeinference freeinference 700",
    "/var/log/freeinference": "freeinference freeinference 750",
    "/usr/bin/freeinference": "root root 755",
    "/lib/systemd/system/freeinference.service": "root root 644",
    "/lib/systemd/system/freeinference.socket": "root root 644",
    "/usr/lib/sysusers.d/freeinference.conf": "root root 644",
    "/usr/lib/tmpfiles.d/freeinference.conf": "root root 644",
    "/usr/share/man/man1/freeinference.1.gz": "root root 644",
    "/usr/share/man/man5/freeinference.yaml.5.gz": "root root 644",
    "/usr/share/doc/freeinference/copyright": "root root 644",
    "/usr/share/doc/freeinference/changelog.gz": "root root 644",
    "/usr/share/doc/freeinference/changelog.Debian.gz": "root root 644",
}
COMPLETIONS = {
    "bash": "/usr/share/bash-completion/completions/freeinference",
    "zsh": "/usr/share/zsh/vendor-completions/_freeinference",
    "fish": "/usr/share/fish/vendor_completions.d/freeinference.fish",
}


def start_executor(test):
    """Starts the executor as a unit of the container, by a binary that is not the package's."""
    lines = ["[Service]", f"ExecStart=/root/freeinference/executor executor --listen 127.0.0.1:8000 --model {MODEL}"
             " --prefill 50ms --pace 20"]
    (test.machine.root / "etc/systemd/system/executor-0.service").write_text("\n".join(lines) + "\n")
    test.machine.run("systemctl start executor-0.service")


def apt(test, *words):
    """Runs apt as an operator would who wants to be asked nothing and keeps edited files. Returns what it says."""
    # The test machine's file system already has the required packages. It has no network for recommended ones.
    options = "--yes --quiet --no-install-recommends --option Dpkg::Options::=--force-confold"
    options += " --option Dpkg::Use-Pty=0"
    ended = test.machine.run(f"DEBIAN_FRONTEND=noninteractive apt-get {options} {' '.join(words)} 2>&1", timeout=180)
    sound(test)
    return ended.stdout


def sound(test):
    """dpkg has no package that is half installed or waits for something."""
    audit = test.machine.run("dpkg --audit").stdout
    expect(audit == "", f"dpkg --audit: {audit}")


def status(test):
    """dpkg's state of the package, and its version."""
    shown = test.machine.run("dpkg-query --show --showformat='${Status} ${Version}' freeinference", check=False)
    return shown.stdout if shown.returncode == 0 else "none"


def state(test):
    return test.machine.properties(UNIT, *PROPERTIES)


def install(test):
    """A fresh installation: nothing runs, nothing is enabled, and the operator is told what to do."""
    expect(test.machine.run("getent passwd freeinference", check=False).returncode != 0, "the root is not fresh")
    said = apt(test, "install ./first.deb")
    expect("edit the two lines marked EDIT" in said, f"not told what to do: {said}")
    seen = state(test)
    expect((seen["ActiveState"], seen["MainPID"], seen["UnitFileState"]) == ("inactive", "0", "disabled"),
           f"started or enabled by the installation: {seen}")
    user = test.machine.run("getent passwd freeinference").stdout.strip().split(":")
    expect(int(user[2]) < 1000 and user[6] == "/usr/sbin/nologin", f"no system user: {user}")
    return status(test)


def files(test):
    """What is where, and that it is made of the repository and of the binary."""
    for path, wanted in OWNED.items():
        seen = test.machine.run(f"stat --format='%U %G %a' {path}").stdout.strip()
        expect(seen == wanted, f"{path} is {seen}, not {wanted}")
    expect(test.machine.run("dpkg --verify freeinference").stdout == "", "dpkg --verify finds differences")
    unit = (test.repository / "infrastructure/systemd/hybrid_inference.service").read_text()
    seen = test.machine.run("cat /lib/systemd/system/freeinference.service").stdout
    expect(seen == unit.replace("/usr/local/bin/freeinference", "/usr/bin/freeinference"),
           "the unit differs from the repository's in more than the path of the binary")
    for shell, path in COMPLETIONS.items():
        made = test.machine.run(f"freeinference --generate-completion-script {shell}").stdout
        expect(test.machine.run(f"cat {path}").stdout == re.sub(r"\A#!.*\n", "", made),
               f"{path} is not what the binary generates")
    bill = json.loads(test.machine.run("cat /usr/share/doc/freeinference/sbom.cdx.json").stdout)
    return f"{len(OWNED)} paths, {len(bill['components'])} components in the bill of materials"


def debug_information(test):
    """The debug package has a file by the build id of the installed binary."""
    text = test.machine.run("dpkg-deb --contents dbgsym.deb").stdout
    found = re.findall(r"\./usr/lib/debug/\.build-id/(\w\w)/(\w+)\.debug", text)
    note = packages.run("readelf", "--notes", str(test.machine.root / "usr/bin/freeinference"))
    wanted = re.search(r"Build ID: (\w+)", note)[1]
    expect(["".join(parts) for parts in found] == [wanted], f"not the build id of the binary, {wanted}: {found}")
    return wanted


def refuses(test):
    """With the example as it is installed, a start fails, and the journal names the two lines."""
    lines = test.machine.run(f"cat {CONFIGURATION}").stdout.splitlines()
    marked = [number for number, line in enumerate(lines, 1) if "# EDIT (" in line]
    expect(len(marked) == 2, f"not two lines are marked: {marked}")
    expect(test.machine.run(f"systemctl start {UNIT}", check=False).returncode != 0, "it starts all the same")
    for number in marked:
        test.machine.wait(f"the journal names line {number}", lambda number=number: any(
            line.startswith(f"{CONFIGURATION}:{number}:") for line in test.machine.journal()), within=5)
    test.machine.run(f"systemctl stop {UNIT}")
    return f"lines {marked[0]} and {marked[1]}"


def edit(test):
    """The two lines get their values, `check` accepts the file, and the service streams."""
    before = test.machine.run(f"cat {CONFIGURATION}").stdout
    test.machine.run(f"sed -i 's|id:  .*# EDIT (1.*|id: {MODEL}|; s|url:  .*# EDIT (2.*|url: http://127.0.0.1:8000|'"
                     f" {CONFIGURATION}")
    after = test.machine.run(f"cat {CONFIGURATION}").stdout
    changed = sum(old != new for old, new in zip(before.splitlines(), after.splitlines()))
    expect(changed == 2, f"{changed} lines were edited")
    test.machine.run("sudo -u freeinference freeinference check")
    test.machine.run(f"systemctl enable --now {UNIT}")
    stream(test, "first", 20).expect_whole("1.1")
    seen = state(test)
    expect((seen["ActiveState"], seen["UnitFileState"], seen["User"]) == ("active", "enabled", "freeinference"),
           f"not as installed: {seen}")
    rating = test.machine.run(f"systemd-analyze security --threshold=16 --no-pager {UNIT}", check=False)
    expect(rating.returncode == 0, f"the sandbox is weaker: {rating.stdout.splitlines()[-1:]}")
    return "a stream of 20 tokens"


def stream(test, name, tokens, protocol="--http1.1"):
    return Stream(test.machine, MODEL, tokens, name, secure=False, protocol=protocol, base=BASE,
                  seconds_max=150)


def keys(test):
    """The server's user can make keys in its state directory, which stay with the package."""
    test.machine.run(f"sed -i 's|^#authentication:|authentication:|; s|^#  keys:|  required: false\\n  keys:|'"
                     f" {CONFIGURATION}")
    test.machine.run("sudo -u freeinference freeinference keys create --tenant acme")
    test.machine.run("sudo -u freeinference freeinference check; systemctl reload freeinference")
    kept = test.machine.run("stat --format='%n %U %a' /var/lib/freeinference/*").stdout
    expect("keys.sqlite.secret freeinference 600" in kept, f"who may read the keys: {kept}")


def remove(test):
    """Removing stops the server and leaves what the operator has made."""
    apt(test, "remove freeinference")
    expect(status(test).startswith("deinstall ok config-files"), f"dpkg says {status(test)}")
    expect(get(test.machine, f"{BASE}/health")[0] == 7, "somebody listens")
    gone(test, "/usr/bin/freeinference", "/lib/systemd/system/freeinference.service")
    for path in (CONFIGURATION, "/var/lib/freeinference/keys.sqlite", "/var/log/freeinference"):
        expect((test.machine.root / path.lstrip("/")).exists(), f"{path} is gone")
    expect(test.machine.properties(UNIT, "LoadState")["LoadState"] in ("not-found", "masked"), "the unit is there")
    processes = test.machine.run("pgrep --uid freeinference || true").stdout
    expect(processes == "", f"processes of the server's user: {processes}")


def again(test):
    """Installed once more, it has its configuration and its keys, and starts by hand."""
    before = test.machine.run(f"cat {CONFIGURATION}").stdout
    apt(test, "install ./first.deb")
    expect(test.machine.run(f"cat {CONFIGURATION}").stdout == before, "the configuration has changed")
    expect(state(test)["MainPID"] == "0", "started by the installation")
    test.machine.run(f"systemctl start {UNIT}")
    stream(test, "again", 20).expect_whole("1.1")


def purge(test):
    """Purging leaves the user alone, and nothing that has the name of the package."""
    apt(test, "purge freeinference")
    expect(status(test) in ("none", "unknown ok not-installed "), f"dpkg says {status(test)}")
    gone(test, "/etc/freeinference", "/var/lib/freeinference", "/var/log/freeinference", "/run/freeinference")
    left = test.machine.run("find / -xdev -iname '*freeinference*' -not -path '/root/*' -not -path '/proc/*'"
                            " -not -path '/freeinference-root' -not -path '/tmp/*'").stdout
    expect(left == "", f"left behind: {left}")
    expect(test.machine.run("getent passwd freeinference", check=False).returncode == 0, "the user is gone")
    return "its user stays"


def gone(test, *paths):
    for path in paths:
        expect(test.machine.run(f"test ! -e {path} -a ! -L {path}", check=False).returncode == 0, f"{path} is there")
