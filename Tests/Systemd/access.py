"""Access to the service: API keys by the commands of docs/operations.md, and a unix listener that another user
connects to.
"""

import json
import re
from pathlib import Path

import guide
import service
from clients import get
from failures import expect

UNIT = service.UNIT
CODER = service.CODER
AS_SERVER = "sudo -u freeinference"


def ask(test, key=None):
    """The status of a complete chat request."""
    body = {"model": CODER, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}
    arguments = ["--header", "content-type: application/json", "--data", json.dumps(body)]
    if key:
        arguments += ["--header", f"authorization: Bearer {key}"]
    return get(test.machine, "http://127.0.0.1/v1/chat/completions", *arguments)[1]


def ready(test):
    test.machine.wait("the service", lambda: get(test.machine, "http://127.0.0.1/health")[1] == "200")


def keys(test):
    """Follows the key recipe of docs/operations.md in the installed service, then the commands of docs/keys.md."""
    made, ran = None, 0
    for command in guide.commands(test.guide, "### Keys under systemd"):
        said = test.machine.run(command).stdout
        ran += 1
        if " keys create " in command:
            made = said.strip()
    expect(made and re.fullmatch(r"fi-[\w-]{43}", made), f"no key alone on standard output: {made!r}")
    ready(test)
    expect(ask(test) == "401", "who has no key is served")
    expect(ask(test, made) == "200", "the key that was made is not in force")
    page = Path(test.repository / "docs/keys.md")
    identity = second = None
    for command in guide.commands(page, "## Making them"):
        said = test.machine.run(f"{AS_SERVER} {command.replace('revoke ID', f'revoke {identity}')}").stdout
        ran += 1
        if " create " in command:
            second = said.strip()
            test.machine.wait("the second key", lambda: ask(test, second) == "200")
        elif " list" in command:
            lines = said.splitlines()
            expect(len(lines) == 2 and second not in said, f"not two keys: {lines}")
            identity = lines[1].split()[0]
    test.machine.wait("the end of the second key", lambda: ask(test, second) == "401")
    modes = test.machine.run("stat --format='%U %a' /var/lib/freeinference /var/lib/freeinference/*").stdout.split("\n")
    expect(modes[0] == "freeinference 700" and "freeinference 600" in modes, f"who may read the keys: {modes}")
    refused = test.machine.run(f"{AS_SERVER} freeinference keys create --tenant a --models gone", check=False)
    expect(refused.returncode == 1 and "has no model 'gone'" in refused.stderr, f"it made one: {refused}")
    service.configure(test, "")
    test.machine.run(f"systemctl restart {UNIT}")
    ready(test)
    return f"{ran} commands"


def unix_listener(test):
    """Access under the unit's umask: `mode` allows everybody, `group` a group that a drop-in gives to the server."""
    test.machine.run("groupadd --system web; useradd --system --no-create-home --gid web visitor;"
                     " useradd --system --no-create-home stranger")
    text = service.configure(test, "")
    sockets = ('  - {address: "unix:/run/freeinference/all.sock", mode: 0666}\n'
               '  - {address: "unix:/run/freeinference/web.sock", group: web}\n'
               '  - {address: "unix:/run/freeinference/own.sock"}\n')
    place = test.machine.root / service.CONFIGURATION.lstrip("/")
    place.write_text(text.replace("listeners:\n", "listeners:\n" + sockets, 1))
    drop_in = "/etc/systemd/system/freeinference.service.d/group.conf"
    test.machine.run(f"mkdir -p {Path(drop_in).parent}; printf '[Service]\\nSupplementaryGroups=web\\n' > {drop_in};"
                     f" systemctl daemon-reload; systemctl restart {UNIT}")
    ready(test)
    served = {
        f"{user} {name}": test.machine.run(
            f"sudo -u {user} curl --silent --unix-socket /run/freeinference/{name}.sock http://localhost/health",
            check=False).returncode == 0
        for user in ("visitor", "stranger", "freeinference") for name in ("all", "web", "own")
    }
    wanted = {"visitor all", "visitor web", "stranger all", "freeinference all", "freeinference web",
              "freeinference own"}
    expect({who for who, is_served in served.items() if is_served} == wanted, f"who may connect: {served}")
    test.machine.run(f"rm -r {Path(drop_in).parent}; systemctl daemon-reload")
    service.configure(test, "")
    test.machine.run(f"systemctl restart {UNIT}")
    ready(test)
    return "three users, three sockets"
