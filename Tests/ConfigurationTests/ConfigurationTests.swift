// How a valid configuration file is read: defaults, every key, paths.

import Inference
import Testing
import Transport

@testable import Configuration

@Suite struct ConfigurationTests {
    /// The smallest configuration that serves a model.
    static let smallest = """
        listeners:
          - address: 0.0.0.0:443
            tls:
              certificates:
                - chain: /etc/freeinference/tls/fullchain.pem
                  key: /etc/freeinference/tls/privkey.pem
          - address: 0.0.0.0:80
        authentication:
          required: false
        models:
          - id: qwen3-coder
            aliases: ["/models/Qwen_Qwen3-Coder-480B-A35B-Instruct-FP8"]
            executors:
              - url: http://10.0.0.5:8000
                model: Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8
              - url: http://10.0.0.6:8000
        """

    @Test func theSmallestUsefulFileIsEnough() throws {
        let configuration = try read(Self.smallest).get()
        #expect(configuration.listeners.map(\.address.description) == ["0.0.0.0:443", "0.0.0.0:80"])
        #expect(configuration.listeners[0].tls?.certificates[0].keyPath == "/etc/freeinference/tls/privkey.pem")
        #expect(configuration.listeners[0].h2cUpgrade == false)
        #expect(configuration.listeners[1].tls == nil)
        #expect(configuration.listeners[1].h2cUpgrade)
        let model = configuration.models[0]
        #expect(model.id == "qwen3-coder")
        #expect(model.aliases == ["/models/Qwen_Qwen3-Coder-480B-A35B-Instruct-FP8"])
        #expect(model.executors.map(\.url.authority) == ["10.0.0.5:8000", "10.0.0.6:8000"])
        #expect(model.executors.map(\.model) == ["Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", nil])
    }

    @Test func keysThatAreAbsentHaveTheirDefaults() throws {
        var configuration = try read(valid()).get()
        // `outline` lists the file's values to describe changes. It has its own tests, and is left out of the
        // comparison.
        configuration.outline = ConfigurationOutline()
        let address = ListenAddress.tcp(host: "127.0.0.1", port: 8080)
        let url = try ExecutorURL.parse("http://e:8000").get()
        let model = ModelSettings(id: "m", executors: [ExecutorSettings(url: url)])
        #expect(configuration == Configuration(listeners: [ListenerSettings(address: address)], models: [model]))
    }

    @Test func theDefaultsAreThoseOfTheDocumentation() throws {
        let c = try read(valid()).get()
        #expect(c.admin.address.description == "127.0.0.1:9901")
        #expect(c.workers == .auto)
        #expect(c.gather == .auto && c.poller == .auto)
        #expect(c.memoryLimitBytes == 1_073_741_824)
        #expect(c.maxConnections == 10_000)
        #expect([c.drainTimeout, c.commitAfter, c.keepAlive] == [.seconds(60), .seconds(10), .seconds(10)])
        let t = c.timeouts
        #expect([t.handshake, t.header, t.body] == [.seconds(10), .seconds(10), .seconds(30)])
        #expect([t.idle, t.idleTrusted, t.clientStall] == [.seconds(75), .seconds(905), .seconds(60)])
        #expect([t.connect, t.firstEvent, t.response, t.stall] == [2, 300, 600, 300].map { .seconds($0) })
        #expect([c.limits.bodyBytes, c.limits.headerBytes, c.limits.headerCount] == [67_108_864, 32_768, 100])
        #expect([c.limits.streams, c.limits.exchangeBufferBytes] == [1024, 262_144])
        #expect([c.limits.bodyPace, c.limits.readPace, c.limits.prefillResets] == [1000, 500, 1000])
        #expect(c.admission.maxWait == .seconds(8) && c.admission.maxQueue == 1000)
        #expect(!c.authentication.required && c.ledger.path == nil && c.cors.origins.isEmpty && c.log.access)
        let e = c.models[0].executors[0]
        #expect(e.weight == 1 && e.kind == .auto && e.wireProtocol == .auto && e.includeUsage)
        #expect(e.idleTimeout == .seconds(4) && e.apiKey == nil && e.maxRunning == nil && e.model == nil)
    }

    @Test func everyKeyIsRead() throws {
        let c = try read(
            ConfigurationDocumentationTests.everyKey,
            environment: ["KEY": "sk-1"],
            imports: [
                "more.yaml": ConfigurationDocumentationTests.more, "list.yaml": ConfigurationDocumentationTests.list,
            ]
        ).get()
        #expect(c.listeners[0].tls?.certificates == [.init(chainPath: "a.pem", keyPath: "/k/a.key")])
        #expect(c.listeners[0].http2 && !c.listeners[1].http2)
        let secure = c.listeners[0]
        #expect(secure.tls?.minimum == .tls13 && secure.tls?.groups == ["X25519"] && secure.needsServerName)
        #expect(secure.clientCertificates?.authoritiesPath == "ca.pem" && secure.hosts == ["a.example"])
        #expect(secure.clientCertificates?.areRequired == false)
        #expect(secure.responseFields == [.init(name: "strict-transport-security", value: "max-age=31536000")])
        #expect(c.listeners[1].acmeWebroot == "/var/www")
        #expect(c.listeners[1].h2cUpgrade == false && c.listeners[1].trusted && c.listeners[1].redirectsToHTTPS)
        #expect(c.admin.address == .unix(path: "/run/admin.sock"))
        #expect(c.workers == .count(2))
        #expect(c.gather == .interval(.microseconds(200)) && c.poller == .epoll)
        #expect(c.memoryLimitBytes == 128 << 20 && c.maxConnections == 5)
        #expect([c.drainTimeout, c.commitAfter, c.keepAlive] == [.seconds(1), .seconds(120), .milliseconds(250)])
        let t = c.timeouts
        #expect([t.handshake, t.header, t.body, t.idle, t.idleTrusted] == (1...5).map { .seconds($0) })
        #expect([t.clientStall, t.connect, t.firstEvent, t.response, t.stall] == (6...10).map { .seconds($0) })
        #expect([c.limits.bodyBytes, c.limits.headerBytes, c.limits.headerCount] == [1 << 20, 2048, 10])
        #expect([c.limits.streams, c.limits.exchangeBufferBytes] == [12, 32768])
        #expect([c.limits.bodyPace, c.limits.readPace, c.limits.prefillResets] == [2000, 1000, 60])
        #expect(c.admission.maxWait == .seconds(1) && c.admission.maxQueue == 2)
        #expect(c.authentication.keysPath == "keys.yaml" && c.authentication.secretPath == "secret")
        #expect(c.ledger.path == "/var/ledger" && c.cors.origins == ["https://a.example", "*"] && !c.log.access)
        #expect(c.models.map(\.id) == ["a", "b"])
        let m = c.models[0]
        #expect(m.balance == .weighted && m.fallbacks == ["b"] && m.aliases == ["a1", "a2"])
        #expect(m.catalog.first == CatalogField(name: "name", value: .text("A")))
        #expect(
            m.catalog.first { $0.name == "pricing" }?.value
                == .object([
                    .init(name: "prompt", value: .text("0.1")), .init(name: "completion", value: .text("0.2")),
                ])
        )
        let e = m.executors[0]
        #expect(e.model == "big" && e.weight == 3 && e.kind == .llamaCpp && e.wireProtocol == .http1)
        #expect(e.apiKey == "sk-1" && e.maxRunning == 9 && !e.includeUsage && e.idleTimeout == .zero)
        #expect(e.certificateAuthorityPath == "ca.pem")
        #expect(m.executorFile == ExecutorFile(path: "list.yaml", allowsEmpty: true))
        #expect(c.listedExecutors["list.yaml"]?.map(\.url.host) == ["f"])
        let d = c.discoveries[0]
        #expect(d.joins && d.model.balance == .weighted && d.model.timeouts == m.timeouts)
        #expect(d.model.mediaTokens == m.mediaTokens && d.model.passthrough == ["/v1/own"])
        #expect(d.model.forward == m.forward && d.engine.forward == ForwardSettings())
        #expect(d.engine.url.host == "engine" && d.engine.weight == 3 && d.engine.kind == .llamaCpp)
        #expect(d.engine.wireProtocol == .http1 && d.engine.apiKey == "sk-1" && d.engine.maxRunning == 9)
        #expect(d.engine.certificateAuthorityPath == "ca.pem" && !d.engine.includeUsage)
        #expect(d.engine.idleTimeout == .zero && d.engine.health == e.health)
    }
}
