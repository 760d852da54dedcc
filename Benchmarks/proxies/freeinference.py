"""FreeInference Edge, the one that is compared."""

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
  access: false
models:
  - id: demo
    executors:
      - url: {executor}
"""


class FreeInference(Proxy):
    name = "freeinference"

    def command(self, setting):
        text = CONFIGURATION.format(**vars(setting))
        if setting.protocol:
            text += f"        protocol: {setting.protocol}\n"
        file = self.write(setting, "freeinference.yaml", text)
        check = subprocess.run([self.program, "check", "--config", file], capture_output=True, text=True, timeout=30)
        if check.returncode:
            said = (check.stderr + check.stdout).strip().replace(f"{file}:", "")
            raise Unable(f"this binary refuses the configuration: {said}")
        return [self.program, "serve", "--config", file]
