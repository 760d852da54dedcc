"""A client that behaves as Cloudflare's proxy does towards an origin.

It connects from its own addresses with its origin-pull certificate, speaks HTTP/2 over TLS, carries requests of many
visitors on each connection, and sets the fields that Cloudflare sets.
"""

import hashlib

from load import FORGED, Asked, Load, over_http2

# Data centres of Cloudflare, and the countries of the clients there. Each client always gets the same entry.
PLACES = [("AMS", "NL"), ("FRA", "DE"), ("IAD", "US"), ("NRT", "JP")]


def ray(asked):
    """The `cf-ray` of a request: 16 hexadecimal digits and the data centre."""
    return f"{hashlib.sha256(asked.identifier.encode()).hexdigest()[:16]}-{place(asked)[0]}"


def place(asked):
    return PLACES[sum(asked.visitor.encode()) % len(PLACES)]


def fields(asked):
    # If a client sends x-forwarded-for, Cloudflare keeps the value, and appends the client's address to it.
    number = int(asked.identifier.rpartition("-")[2])
    before = f"{FORGED}, " if number % 3 == 0 else ""
    return [
        ("x-request-id", asked.identifier),
        ("accept-encoding", "gzip, br"),
        ("cdn-loop", "cloudflare; loops=1"),
        ("cf-connecting-ip", asked.visitor),
        ("cf-ipcountry", place(asked)[1]),
        ("cf-ray", ray(asked)),
        ("cf-visitor", '{"scheme":"https"}'),
        ("user-agent", "curl/8.9.1"),
        ("x-forwarded-for", f"{before}{asked.visitor}"),
        ("x-forwarded-proto", "https"),
    ]


def relay(name, count, visitors, sources, port, authority, pair):
    """Relays `count` requests of all visitors from the addresses `sources`; every fifth is a stream."""
    load = Load(name)
    parts = []
    for index, source in enumerate(sources):
        numbers = range(index, count, len(sources))
        requests = [Asked(f"{name}-{number}", visitors[number % len(visitors)], number % 5 == 0) for number in numbers]
        for asked in requests:
            asked.expected = {"peer": source, "cf_ray": ray(asked), "cf_country": place(asked)[1]}
        parts.append(lambda requests=requests, source=source: over_http2(
            load, requests, port, authority, source, fields, pair))
    load.run(parts)
    return load
