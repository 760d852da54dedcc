"""Three network namespaces on one bridge: the server's, which is the script's own, the client's and the attacker's."""

import subprocess
import time
from pathlib import Path

from isolation import ip

# Addresses of a range for documentation (RFC 5737); they exist only in these namespaces.
SERVER, CLIENT = "198.51.100.1", "198.51.100.2"
FIRST_ATTACKER, ATTACKERS_MAX = 20, 200
PORTS = "1024 65535"


def attackers(count):
    return [f"198.51.100.{FIRST_ATTACKER + index}" for index in range(count)]


class Namespace:
    """A network namespace that is joined to the bridge; it lives as long as the process that holds it."""

    def __init__(self, name, addresses):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        own, path = Path("/proc/self/ns/net").readlink(), Path(f"/proc/{self.holder.pid}/ns/net")
        while path.readlink() == own:
            time.sleep(0.01)
        ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", self.holder.pid)
        ip("link", "set", f"to-{name}", "master", "bridge", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "set", "eth0", "up")
        for address in addresses:
            self.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        # So that one address has enough ports for a flood of connections.
        self.run("sh", "-c", f"echo {PORTS} > /proc/sys/net/ipv4/ip_local_port_range")

    def inside(self, *command):
        """A command that runs in this namespace."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *map(str, command)]

    def run(self, *command):
        subprocess.run(self.inside(*command), check=True)


def make():
    """Makes the namespaces of the client and of the attacker, and the bridge with the server's address."""
    ip("link", "add", "bridge", "type", "bridge")
    ip("address", "add", f"{SERVER}/24", "dev", "bridge")
    ip("link", "set", "bridge", "up")
    return Namespace("client", [CLIENT]), Namespace("attacker", attackers(ATTACKERS_MAX))
