#!/usr/bin/env python3
"""Opens a connection every 20 ms, to ports 80 and 443 in turn, with one short completion on each.

It waits up to 30 s for each response. At the end of its input it stops, waits for open requests, and prints the
outcomes and their counts as JSON. The argument is the CA file. At most 4000 connections.
"""

import collections
import json
import socket
import ssl
import sys
import threading
import time

BODY = json.dumps({"model": "qwen3-coder", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}).encode()
REQUEST = (b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
           b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(BODY)) + BODY

context = ssl.create_default_context(cafile=sys.argv[1])
outcomes = collections.Counter()
lock = threading.Lock()


def knock(port):
    """One connection, from the handshake to its end."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            if port == 443:
                connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
            connection.sendall(REQUEST)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        words = answer.split(b" ", 2)
        outcome = words[1].decode() if len(words) > 2 else "closed without an answer"
    except ConnectionRefusedError:
        outcome = "refused"
    except ConnectionResetError:
        outcome = "reset"
    except TimeoutError:
        outcome = "no answer in 30 s"
    except ssl.SSLError as error:
        outcome = f"TLS: {error.reason}"
    except OSError as error:
        outcome = f"{error}"
    with lock:
        outcomes[f"{port}: {outcome}"] += 1


ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
threads = []
print("knocking", flush=True)
while not ended.is_set() and len(threads) < 4000:
    threads.append(threading.Thread(target=knock, args=((80, 443)[len(threads) % 2],)))
    threads[-1].start()
    time.sleep(0.02)
for thread in threads:
    thread.join()
print(json.dumps(outcomes))
