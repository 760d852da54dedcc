"""Short JSON requests: 4 HTTP/2 connections over TLS with 50 concurrent requests each, as fast as possible."""

import json

from tools.load import h2load

from .scenario import OTHER_CORE, Scenario, against

BODY = {"model": "demo", "messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 16}


class Short(Scenario):
    name = "short"
    title = "short JSON requests"
    unit = "us a request"
    variants = [""]
    connections, streams = 4, 50
    warm_requests = 1000

    @property
    def requests(self):
        return 7000 * self.options.seconds

    def body(self):
        return json.dumps(BODY).encode()

    def measure(self, proxy, variant):
        with self.stand(proxy, "--pace", 0, "--prefill", "0ms", "--tokens", 16) as stand:
            body = stand.folder / "body.json"
            body.write_bytes(self.body())
            url = f"{stand.url}/v1/chat/completions"
            load = [self.connections, self.streams, OTHER_CORE, stand.api_key]
            h2load(stand.proxy, url, body, self.warm_requests, *load)
            row = h2load(stand.proxy, url, body, self.requests, *load)
        return {"figure": row["cpu_us"], **row}

    def targets(self, of):
        return [("CPU a request, of HAProxy's", against(of, "", "haproxy"), 1.2)]
