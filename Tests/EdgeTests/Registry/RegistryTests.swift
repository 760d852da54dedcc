// Resolving configurations to snapshots.
import HTTP
import Inference
import Routing
import Testing
import Transport

@testable import Configuration
@testable import Edge

/// Which engines, executors and models keep their identity from one configuration to the next.
@Suite struct RegistryTests {
    private let registry = Registry()

    @Test func identityIsNotAPosition() throws {
        let before = try registry.resolve(
            models: """
                - {id: a, executors: [{url: "http://e1"}, {url: "http://e2"}]}
                - {id: b, executors: [{url: "http://e1"}]}
                """
        )
        let after = try registry.resolve(
            models: """
                - {id: new, executors: [{url: "http://e0"}]}
                - {id: b, executors: [{url: "http://e1"}]}
                - {id: a, executors: [{url: "http://e2"}, {url: "http://e0"}, {url: "http://e1"}]}
                """
        )
        #expect(after.generation == before.generation + 1)
        for model in ["a", "b"] {
            #expect(before.model(model).entry === after.model(model).entry)
            #expect(before.model(model).pool.entry === after.model(model).pool.entry)
        }
        for host in ["e1", "e2"] { #expect(before.executor("a", host) === after.executor("a", host)) }
        #expect(before.executor("b", "e1") === after.executor("b", "e1"))
        let pool = after.model("a").pool
        for member in pool.members { #expect(after.target(of: member.executor, in: pool).executor === member.executor) }
        let ids = after.models.flatMap { [$0.entry.id, $0.pool.entry.id] + $0.pool.members.map(\.executor.id) }
        #expect(Set(ids + after.engines.map(\.engine.id)).count == ids.count + 3)
    }

    /// Models at one URL share an engine, for example the LoRA adapters of one server.
    @Test func modelsAtOneURLShareAnEngine() throws {
        let snapshot = try registry.resolve(
            models: """
                - {id: a, executors: [{url: "http://e", max_running: 3}]}
                - {id: b, executors: [{url: "http://e", kind: vllm, max_running: 5}]}
                - {id: c, executors: [{url: "http://E:80/", model: b, idle_timeout: 1s}]}
                - {id: d, executors: [{url: "http://e/prefix"}]}
                """
        )
        let engine = snapshot.executor("a", "e").engine
        #expect(snapshot.engines.count == 2 && engine.runningMax == 5 && engine.modelsShareCapacity)
        #expect(snapshot.executor("b", "e").engine === engine)
        #expect(snapshot.executor("b", "e") !== snapshot.executor("a", "e"))
        #expect(snapshot.executor("c", "e") === snapshot.executor("b", "e"), "one name at one engine")
        #expect(snapshot.model("a").pool.members[0].runningMax == 3)
        #expect(snapshot.model("c").pool.members[0].runningMax == nil)
        #expect(snapshot.engines[0].client.idleTimeout == 1_000_000_000, "the shortest of its entries")
        #expect(snapshot.engines[1].engine.runningMax == nil && !snapshot.engines[1].engine.modelsShareCapacity)
        #expect(snapshot.addresses.count == 1)
    }

    @Test func anEngineTakesOverWhatANewConfigurationSays() throws {
        let before = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e', max_running: 3}]}")
        let engine = before.engines[0].engine
        let after = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e', kind: sglang}]}")
        #expect(after.engines[0].engine === engine && engine.runningMax == nil && engine.modelsShareCapacity)
    }

    // MARK: Keys

    private func keys(_ keys: String...) throws -> [Engine] {
        let models = keys.enumerated().map { number, key in
            "- {id: m\(number), executors: [{url: 'http://api', api_key: \(key)}]}"
        }
        let snapshot = try registry.resolve(models: models.joined(separator: "\n"))
        return snapshot.models.map { $0.pool.members[0].executor.engine }
    }

    @Test func twoKeysAtOneURLAreTwoEngines() throws {
        let engines = try keys("k1", "k2", "k1")
        #expect(engines[0] !== engines[1] && engines[0] === engines[2])
    }

    @Test func aKeyThatIsReplacedKeepsTheEngine() throws {
        let before = try keys("k1")
        #expect(try keys("k2")[0] === before[0])
    }

    @Test func whatIsExactlyTheSameIsFoundFirst() throws {
        let before = try keys("k1", "k2")
        let after = try keys("k2", "k3")
        #expect(after[0] === before[1] && after[1] === before[0])
        let more = try keys("k4", "k3", "k2")
        #expect(more[1] === after[1] && more[2] === after[0])
        #expect(more[0] !== after[0] && more[0] !== after[1])
    }

    // MARK: Addresses of a name

    /// Resolves a configuration with one model, whose engine's name has these addresses; each address is an executor.
    private func resolved(_ hosts: [String], apiKey: String = "k") throws -> Snapshot {
        let models = "- {id: a, executors: [{url: 'https://engine.test:8443', resolve: all, api_key: \(apiKey)}]}"
        var configuration = try configuration("listeners: [{address: '127.0.0.1:8080'}]\nmodels:\n\(models)")
        let entry = configuration.models[0].executors[0]
        configuration.models[0].executors = hosts.map { host in
            var executor = entry
            executor.address = ResolvedAddress(host: host, port: 8443)
            return executor
        }
        return registry.resolve(configuration)
    }

    @Test func anAddressOfANameIsAnEngine() throws {
        let snapshot = try resolved(["10.0.0.1", "fd00::1"])
        let names = ["https://engine.test:8443 (10.0.0.1)", "https://engine.test:8443 (fd00::1)"]
        #expect(snapshot.engines.map(\.engine.name) == names)
        #expect(
            snapshot.addresses.map { $0.addresses().map(\.description) } == [["10.0.0.1:8443"], ["[fd00::1]:8443"]]
        )
        for target in snapshot.engines {
            #expect(target.host == Array("engine.test:8443".utf8) && target.client.tls?.serverName == "engine.test")
        }
    }

    @Test func anAddressThatStaysKeepsItsEngineAndItsBook() throws {
        let before = try resolved(["10.0.0.1", "10.0.0.2"])
        let after = try resolved(["10.0.0.3", "10.0.0.2"])
        #expect(after.engines[1].engine === before.engines[1].engine)
        #expect(after.engines[1].connectsLike(before.engines[1]))
        #expect(after.engines[0].engine !== before.engines[0].engine, "one that came is not the one that went")
        let renewed = try resolved(["10.0.0.2", "10.0.0.3"], apiKey: "other")
        #expect(renewed.engines[0].engine === after.engines[1].engine, "with another key it is still the same")
        #expect(renewed.engines[1].engine === after.engines[0].engine)
    }

    // MARK: Letting go

    @Test func whatNobodyNamesIsLetGo() throws {
        var first: Snapshot? = try registry.resolve(models: "- {id: a, executors: [{url: 'http://e'}]}")
        let ids = [first!.model("a").entry.id, first!.engines[0].engine.id, first!.executor("a", "e").id]
        let others = "- {id: b, executors: [{url: 'http://f'}]}"
        var second = try registry.resolve(models: others)
        #expect(registry.counts == (2, 2, 2) && second.knownModels.count == 2)
        // The test keeps the engine alive, as a running exchange of the first snapshot would.
        let engine = first!.engines[0].engine
        first = nil
        second = try registry.resolve(models: others)
        #expect(registry.counts.engines == 2 && registry.counts.models == 1, "only the engine is still held")
        #expect(engine.running == 0)
        second = try registry.resolve(models: others)
        withExtendedLifetime(engine) {}
        let third = try registry.resolve(models: "- {id: a, executors: [{url: 'http://g'}]}")
        let newIDs = [third.model("a").entry.id, third.engines[0].engine.id, third.executor("a", "g").id]
        #expect(newIDs.min()! > ids.max()!, "ids are not reused")
        withExtendedLifetime(second) {}
    }

    @Test func whatIsPutBackInTimeIsTheSame() throws {
        let models = "- {id: a, executors: [{url: 'http://e'}]}"
        let first = try registry.resolve(models: models)
        _ = try registry.resolve(models: "- {id: b, executors: [{url: 'http://f'}]}")
        let third = try registry.resolve(models: models)
        #expect(first.model("a").entry === third.model("a").entry)
        #expect(first.executor("a", "e") === third.executor("a", "e"))
    }

    /// Names that are equal in Unicode but have different bytes are two models.
    @Test func namesAreComparedAsBytes() throws {
        let models = """
            listeners: [{address: "127.0.0.1:8080"}]
            models:
              - {id: "caf\u{e9}", executors: [{url: "http://e"}]}
              - {id: "cafe\u{301}", aliases: ["\u{212A}"], fallbacks: ["caf\u{e9}"], executors: [{url: "http://e"}]}
              - {id: K, executors: [{url: "http://e"}]}
            """
        let snapshot = Registry().resolve(try configuration(models))
        #expect(snapshot.models.map(\.fallbacks) == [[], [0], []])
        #expect(snapshot.catalog.index(of: "K") == 2 && snapshot.catalog.index(of: "\u{212A}") == 1)
    }
}
