"""FreeInference Edge, which the other proxies are compared with."""

import subprocess

from .proxy import Proxy, Unable

CONFIGURATION = """\
listeners:
  - address: 127.0.0.1:{port}
    tls:
      certificates:
        - chain: {certificate}
          key: {key}
admin:
  address: 127.0.0.1:{spare_port}
workers: {workers}
memory_limit: 4GiB
timeouts:
  idle: 1h
log:
  access: {access}
{authentication}models:
  - id: demo
    executors:
      - url: {executor}
"""


# The client has one address and opens more connections than a server on the internet lets one address open.
LIMITS = """\
limits:
  per_address:
    new_connections: off
"""

AUTHENTICATION = """\
authentication:
  required: true
  keys: {folder}/keys.sqlite
  secret: {folder}/secret
"""

# A key with every kind of limit, so high that none is reached.
KEY = ["--tenant", "bench", "--models", "demo", "--concurrency", "100000"]
KEY += ["--requests-per-minute", "1000000000", "--tokens-per-minute", "1000000000"]


class FreeInference(Proxy):
    name = "freeinference"

    def command(self, setting):
        text = CONFIGURATION.format(
            **vars(setting),
            access=str(setting.gateway).lower(),
            authentication=AUTHENTICATION.format(folder=setting.folder) if setting.gateway else "",
        )
        if setting.protocol:
            text += f"        protocol: {setting.protocol}\n"
        if setting.gateway:
            text += "        max_running: 4000\n"
        file = self.write(setting, "freeinference.yaml", text + LIMITS)
        if "per_address" in self.check(file):
            # An earlier build does not know these limits.
            file = self.write(setting, "freeinference.yaml", text)
        if setting.gateway:
            create = [self.program, "keys", "create", *KEY, "--config", file]
            made = subprocess.run(create, capture_output=True, text=True, timeout=30)
            if made.returncode:
                raise Unable(f"keys create: {made.stderr.strip()}")
            setting.api_key = made.stdout.strip()
        if said := self.check(file):
            raise Unable(f"this binary refuses the configuration: {said}")
        return [self.program, "serve", "--config", file]

    def check(self, file):
        """What is wrong with a configuration file, in the words of the binary; nothing if it is valid."""
        check = subprocess.run([self.program, "check", "--config", file], capture_output=True, text=True, timeout=30)
        return (check.stderr + check.stdout).strip().replace(f"{file}:", "") if check.returncode else ""
