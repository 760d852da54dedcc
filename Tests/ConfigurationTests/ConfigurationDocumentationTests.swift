// The documentation and the examples contain exactly the keys that the code reads.

import Foundation
import Testing

@testable import Configuration

@Suite struct ConfigurationDocumentationTests {
    /// A configuration with every key, each set to another value than its default.
    static let everyKey = """
        listeners:
          - address: 0.0.0.0:443
            tls: {certificates: [{chain: a.pem, key: /k/a.key}], minimum: 1.3, groups: [X25519]}
            client_ca: ca.pem
            client_certificate: optional
            sni_strict: true
            hosts: [a.example]
            response_fields: {strict-transport-security: max-age=31536000}
          - {address: "unix:/run/f.sock", mode: 0660, group: web, http2: false, h2c_upgrade: false,
             trusted: true, redirect_https: true, acme_webroot: /var/www}
        admin: {address: "unix:/run/admin.sock", mode: 0600, group: web, hosts: [a.example], allow: [10.0.0.0/8]}
        workers: 2
        gather: 200us
        poller: epoll
        memory_limit: 128MiB
        max_connections: 5
        lame_duck: 3s
        drain_timeout: 1s
        upgrade_drain: 2h
        upgrade_generations: 2
        upgrade_timeout: 5s
        commit_after: 2m
        keep_alive: 250ms
        json_keep_alive: true
        max_loops: 2
        timeouts:
          {handshake: 1s, header: 2s, body: 3s, idle: 4s, idle_trusted: 5s, client_stall: 6s,
           connect: 7s, first_event: 8s, response: 9s, stall: 10s, load_wait: 0s}
        limits:
          {body: 1MiB, header_bytes: 2KiB, header_count: 10, streams: 12, exchange_buffer: 32KiB,
           body_pace: 2000, read_pace: 1000, prefill_resets: 60,
           per_address: {connections: 1, new_connections: 2, handshakes: 3, requests: 4, streams: 5,
                         body_bytes: 1MiB, unknown_keys: off}}
        admission: {max_wait: 1s, max_queue: 2, shares: {standard: 10%, bulk: 1%}}
        authentication:
          {required: false, keys: keys.yaml, secret: secret,
           anonymous: {concurrency: 1, requests_per_minute: 2, tokens_per_minute: 3, priority: bulk,
                       priority_choices: [standard]}}
        ledger: {path: /var/ledger}
        cors: {origins: ["https://a.example", "*"]}
        log: {access: false, engine_errors: true, file: /l.log}
        forward_fields: [http-referer]
        forward_user_agent: false
        strip_billing: false
        dialects: [chat]
        models:
          - id: a
            aliases: [a1, a2]
            balance: weighted
            fallbacks: [b]
            timeouts: {first_event: 11s, response: 12s, stall: 13s, load_wait: 14s}
            media_tokens: {image: 1, audio_bytes: 2, video_bytes: 3, file_bytes: 4, reference: 5}
            passthrough: [/v1/own]
            reasoning: both
            forward_fields: [x-title]
            forward_user_agent: true
            strip_billing: true
            dialects: [chat]
            name: A
            context_length: 8192
            is_ready: true
            input_modalities: [text]
            pricing: {prompt: "0.1", completion: 0.2}
            executors:
              - url: https://e
                resolve: all
                model: big
                weight: 3
                kind: llama.cpp
                protocol: http1
                tls: {ca: ca.pem}
                api_key: ${KEY}
                max_running: 9
                include_usage: false
                strip_billing: false
                dialects: [chat]
                priority: lowest-first
                health: {path: /live, interval: 1s, timeout: 2s, rise: 3, fall: 4}
                idle_timeout: 0s
                forward_fields: [x-openrouter-*]
                forward_user_agent: false
            executors_from: {file: list.yaml, allow_empty: true}
          - discover: https://engine
            join: true
            balance: weighted
            timeouts: {first_event: 11s, response: 12s, stall: 13s, load_wait: 14s}
            media_tokens: {image: 1, audio_bytes: 2, video_bytes: 3, file_bytes: 4, reference: 5}
            passthrough: [/v1/own]
            reasoning: both
            forward_fields: [x-title]
            forward_user_agent: true
            weight: 3
            kind: llama.cpp
            protocol: http1
            tls: {ca: ca.pem}
            api_key: ${KEY}
            max_running: 9
            include_usage: false
            strip_billing: false
            dialects: [chat]
            priority: highest-first
            health: {path: /live, interval: 1s, timeout: 2s, rise: 3, fall: 4}
            idle_timeout: 0s
          - import: more.yaml
        """

    /// The file that `everyKey` imports, and the file that lists further executors.
    static let more = """
        - {id: b, executors: [{url: "http://e"}]}
        """
    static let list = "- url: https://f"

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func everyKeyIsInTheDocumentationAndNoOther() throws {
        let reader = ConfigurationReader(
            file: "c.yaml",
            readFile: { .success(Array(($0 == "list.yaml" ? Self.list : Self.more).utf8)) },
            checkFile: { _ in nil }
        )
        _ = Configuration.load(bytes: Array(Self.everyKey.utf8), environment: ["KEY": "k"], reader: reader)
        #expect(reader.problems.isEmpty)
        let page = try String(contentsOf: Self.root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let documented = Set(page.matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) })
        let sections = reader.knownKeys.filter { key in
            reader.knownKeys.contains { $0.hasPrefix(key + ".") || $0.hasPrefix(key + "[].") }
        }
        #expect(reader.knownKeys.subtracting(sections).subtracting(documented).sorted() == [])
        #expect(documented.subtracting(reader.knownKeys).sorted() == [])
    }

    @Test func theExampleIsValid() throws {
        let example = Self.root.appending(path: "infrastructure/systemd/freeinference.yaml").path
        let result = Configuration.load(path: example, environment: [:], checkFile: { _ in nil })
        #expect(throws: Never.self) { try result.get() }
    }

    @Test(arguments: ["development.yaml"]) func theExamplesAreValid(name: String) throws {
        let example = Self.root.appending(path: "infrastructure/examples/\(name)").path
        let result = Configuration.load(path: example, environment: [:], checkFile: { _ in nil })
        #expect(throws: Never.self) { try result.get() }
    }

    @Test func theExampleBehindCloudflareIsValid() throws {
        let example = Self.root.appending(path: "infrastructure/examples/cloudflare.yaml").path
        let result = Configuration.load(path: example, environment: [:], checkFile: { _ in nil })
        #expect(throws: Never.self) { try result.get() }
    }

    /// The example for a public address sets every limit for one address.
    @Test func theExampleForTheOpenInternetHasEveryLimit() throws {
        let example = Self.root.appending(path: "infrastructure/examples/open-internet.yaml").path
        let limits = try Configuration.load(path: example, environment: [:], checkFile: { _ in nil }).get().limits
        let perAddress = limits.perAddress
        let all = [
            perAddress.connections, perAddress.newConnections, perAddress.handshakes, perAddress.requests,
            perAddress.streams, perAddress.bodyBytes, perAddress.unknownKeys,
        ]
        #expect(!all.contains(nil))
    }

    /// The unit's stop timeout exceeds `drain_timeout`, so that systemd waits for a draining server.
    @Test func theUnitOutlastsTheDrain() throws {
        let unit = Self.root.appending(path: "infrastructure/systemd/hybrid_inference.service")
        let text = try String(contentsOf: unit, encoding: .utf8)
        let seconds = try #require(text.firstMatch(of: /TimeoutStopSec=(\d+)/)?.1)
        let drain = Configuration(listeners: [], models: []).drainTimeout
        #expect(Duration.seconds(Int(seconds)!) > drain)
    }
}
