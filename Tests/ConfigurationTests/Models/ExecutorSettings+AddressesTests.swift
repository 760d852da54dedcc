// Names whose addresses are separate executors: reading the settings, and making the executors from the addresses.
import Testing
import Transport

@testable import Configuration

@Suite struct ExecutorSettingsAddressesTests {
    private func entry(_ url: String, _ resolve: ExecutorSettings.Resolve, weight: Int = 1) throws -> ExecutorSettings {
        var settings = ExecutorSettings(url: try ExecutorURL.parse(url).get())
        (settings.resolve, settings.weight) = (resolve, weight)
        return settings
    }

    private func at(_ host: String, _ port: UInt16 = 8000, _ weight: Double = 1) -> WeightedAddress {
        WeightedAddress(ResolvedAddress(host: host, port: port), weight: weight)
    }

    /// The executors of a model by their names, with their weights.
    private func expanded(
        _ entries: [ExecutorSettings],
        _ found: [[WeightedAddress]]
    ) -> [String: Int] {
        var model = ModelSettings(id: "m", executors: entries)
        let lookups = entries.compactMap(\.lookup)
        model.expandNames(Dictionary(uniqueKeysWithValues: zip(lookups, found)))
        return Dictionary(uniqueKeysWithValues: model.executors.map { ($0.name, $0.weight) })
    }

    // MARK: Reading

    @Test func namesAreRead() throws {
        let text = valid(executor: ", resolve: all").replacing("http://e:8000", with: "https://engine.internal")
        let executor = try #require(try read(text).get().models.first?.executors.first)
        #expect(executor.lookup == NameLookup(host: "engine.internal", port: 443))
        let service = valid(executor: ", resolve: srv").replacing("http://e:8000", with: "http://_LLM._tcp.internal/v")
        #expect(try read(service).get().models[0].executors[0].lookup == NameLookup(service: "_llm._tcp.internal"))
        #expect(try read(valid()).get().models[0].executors[0].lookup == nil)
    }

    @Test(arguments: [
        ("http://10.0.0.1:8000", "all", "'all' needs a url with a host name, which can be resolved"),
        ("http://[::1]:8000", "srv", "'srv' needs a url with a host name, which can be resolved"),
        ("unix:/run/e.sock", "all", "'all' needs a url with a host name, which can be resolved"),
        ("http://_a._tcp.b:80/c", "srv", "the SRV records of the name have the ports: the url must have none"),
        ("http://_a._tcp", "srv", "'srv' needs a name such as _http._tcp.example.internal"),
        ("http://a", "every", "'every': expected one of one, all, srv"),
    ])
    func whatCannotBeResolvedIsAnError(url: String, resolve: String, message: String) {
        let faults = faults(valid(executor: ", resolve: \(resolve)").replacing("http://e:8000", with: url))
        #expect(faults.count == 1 && faults[0].hasSuffix("models[].executors[].resolve: \(message)"), "\(faults)")
    }

    // MARK: Names of executors

    @Test func executorsOfOneNameAreToldApart() throws {
        var all = try entry("https://Engine.internal/v", .all)
        #expect(all.name == "https://engine.internal:443/v")
        all.address = ResolvedAddress(host: "fd00::1", port: 443)
        #expect(all.name == "https://engine.internal:443/v (fd00::1)")
        #expect(all.authority == "engine.internal" && all.serverName == "engine.internal")
        var service = try entry("https://_llm._tcp.Engine.internal/v", .srv)
        service.address = ResolvedAddress(host: "fd00::1", port: 8443)
        #expect(service.name == "https://_llm._tcp.engine.internal/v ([fd00::1]:8443)")
        #expect(service.authority == "engine.internal" && service.serverName == "engine.internal")
        #expect(try entry("http://llm.service.consul", .srv).serverName == "llm.service.consul")
    }

    // MARK: Weights

    @Test func eachAddressHasTheWeightOfItsEntry() throws {
        let entries = [try entry("http://a:8000", .all, weight: 3), try entry("http://b:8000", .one, weight: 2)]
        #expect(
            expanded(entries, [[at("10.0.0.1"), at("10.0.0.2")]]) == [
                "http://a:8000 (10.0.0.1)": 3, "http://a:8000 (10.0.0.2)": 3, "http://b:8000": 2,
            ]
        )
        #expect(expanded(entries, []) == ["http://b:8000": 2], "a name without an answer has no executors")
    }

    @Test func theAddressesOfAServiceShareItsWeightAsTheRecordsSay() throws {
        let service = try entry("http://_a._tcp.b", .srv)
        let first = "http://_a._tcp.b (10.0.0.1:8000)"
        let second = "http://_a._tcp.b (10.0.0.2:8001)"
        func weights(_ one: Double, _ other: Double, beside: [ExecutorSettings] = []) -> [String: Int] {
            expanded([service] + beside, [[at("10.0.0.1", 8000, one), at("10.0.0.2", 8001, other)]])
        }
        #expect(weights(10, 30) == [first: 1, second: 3])
        #expect(weights(7, 7) == [first: 1, second: 1])
        #expect(weights(0, 0) == [first: 1, second: 1], "0 everywhere means no preference")
        #expect(weights(0, 5) == [first: 1, second: 2000], "0 means a very small share")
        // The average weight of the addresses equals the weight of another executor with the same configured weight.
        let other = try entry("http://c", .one)
        #expect(weights(10, 30, beside: [other]) == [first: 1, second: 3, "http://c:80": 2])
    }

    @Test func aWeightOfZeroExcludesAllAddresses() throws {
        let service = try entry("http://_a._tcp.b", .srv, weight: 0)
        let name = try entry("http://a:8000", .all, weight: 0)
        let weights = expanded([service, name], [[at("10.0.0.1", 1, 0), at("10.0.0.2", 1, 9)], [at("10.0.0.1")]])
        #expect(weights.count == 3 && weights.values.allSatisfy { $0 == 0 })
    }
}
