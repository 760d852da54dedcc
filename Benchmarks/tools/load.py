"""The two load generators: `h2load` for requests, `freeinference bench streams` for token streams."""

import json
import re
import subprocess

from .processes import Failed, Process


def h2load(proxy, url, body, requests, connections, streams, core, api_key=None):
    """Sends requests through a running proxy; returns the proxy's CPU time per request, in microseconds.

    Each request must get a 2xx. The measurement includes the connections and their handshakes.
    """
    command = ["taskset", "-c", str(core), "h2load", "-n", requests, "-c", connections, "-m", streams, "-d", body]
    command += ["-H", "content-type: application/json", "--connection-inactivity-timeout=30"]
    if api_key:
        command += ["-H", f"authorization: Bearer {api_key}"]
    # This cipher is set so that all proxies use the same one. By default h2load prefers another one than OpenSSL.
    command += ["--tls13-ciphers=TLS_AES_256_GCM_SHA384", url]
    before = proxy.cpu()
    said = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300)
    after = proxy.cpu()
    good = re.search(r"status codes: (\d+) 2xx", said.stdout)
    rate = re.search(r"finished in [^,]+, ([\d.]+) req/s", said.stdout)
    spoken = re.search(r"TLS Protocol: (\S+)\s+Cipher: (\S+)", said.stdout)
    if said.returncode or not good or int(good.group(1)) != requests or not rate:
        raise Failed(f"bench: not every request was answered by 2xx: {said.stdout[-600:]}{said.stderr[-600:]}")
    return {
        "cpu_us": 1e6 * (after["run"] - before["run"]) / requests,
        "user_us": 1e6 * (after["user"] - before["user"]) / requests,
        "system_us": 1e6 * (after["system"] - before["system"]) / requests,
        "requests": requests,
        "requests_per_second": float(rate.group(1)),
        "spoken": " ".join(spoken.groups()) if spoken else "?",
    }


def token_streams(proxy, executor, program, url, certificate, folder, connections, streams, warmup, seconds, core,
                  hold=1, started=None, look=None, api_key=None):
    """Runs streams through a proxy; returns the CPU time per token of proxy and executor, the latencies, and the
    memory.

    The load's process is appended to the list `started`, for a caller that has to end it. `look` is called after the
    measured part, while all streams are running; its result becomes part of the row.
    """
    command = [program, "bench", "streams", "--url", url, "--ca", certificate, "--model", "demo", "--json"]
    command += ["--connections", connections, "--streams", streams]
    command += ["--warmup", warmup, "--seconds", seconds, "--hold", hold]
    if api_key:
        command += ["--api-key", api_key]
    bench = Process(core, command, folder, "bench", piped=True)
    if started is not None:
        started.append(bench)
    bench.wait_for("bench: measuring")
    threads = proxy.threads()
    before, executor_before = proxy.cpu(), executor.cpu()["run"]
    bench.wait_for("bench: measured")
    after, executor_after = proxy.cpu(), executor.cpu()["run"]
    threads = {name: run - threads.get(name, 0) for name, run in proxy.threads().items()}
    memory = proxy.memory()
    seen = look() if look else {}
    bench.child.wait(60)
    result = json.loads(bench.log.read_text())
    if min(result["running_at_start"], result["running_at_end"]) < connections * streams:
        raise Failed(
            f"bench: of {connections * streams} streams {result['running_at_start']} ran at the start of the measured"
            f" part and {result['running_at_end']} at its end; broken: {result['broken']}"
        )
    tokens = result["tokens"]
    spent = {name: after[name] - before[name] for name in before}
    return {
        "cpu_us": 1e6 * spent["run"] / tokens,
        "user_us": 1e6 * spent["user"] / tokens,
        "system_us": 1e6 * spent["system"] / tokens,
        "core": spent["run"] / result["seconds"],
        "executor_us": 1e6 * (executor_after - executor_before) / tokens,
        # For each thread its fraction of the CPU time, which shows how evenly the workers share the load.
        "threads": {name: round(run / spent["run"], 3) for name, run in threads.items() if run > 0.01 * spent["run"]},
        "bench_us": result["bench_cpu_us_per_token"],
        "tokens": tokens,
        "tokens_per_second": result["tokens_per_second"],
        "rss_kb": memory["VmRSS"],
        "anonymous_kb": memory["RssAnon"],
        "p50_ms": result["latency_ms"]["p50"],
        "p99_ms": result["latency_ms"]["p99"],
        "gap_p99_ms": result["gap_ms"]["p99"],
        "first_p99_ms": result["first_token_ms"]["p99"],
        "broken": result["broken"],
        **seen,
    }
