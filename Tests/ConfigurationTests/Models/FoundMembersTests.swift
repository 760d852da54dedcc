// Found members are models and executors that the edge has read from files and from engines. A new configuration keeps
// those that it still names, and changes are described in messages.

import Testing
import Transport

@testable import Configuration

@Suite struct FoundMembersTests {
    private func executors(_ urls: String...) throws -> [ExecutorSettings] {
        try urls.map { ExecutorSettings(url: try ExecutorURL.parse($0).get()) }
    }

    private func engine(_ url: String, key: String? = nil) throws -> DiscoverySettings {
        var settings = ExecutorSettings(url: try ExecutorURL.parse(url).get())
        settings.apiKey = key
        return DiscoverySettings(engine: settings)
    }

    private func listing(_ names: String...) -> FoundMembers.Listing {
        var listing = FoundMembers.Listing()
        listing.models = names.map { EngineListing.Model(name: $0) }
        return listing
    }

    @Test func onlyWhatAConfigurationNamesIsKept() throws {
        var model = ModelSettings(id: "a", executors: [])
        model.executorFile = ExecutorFile(path: "/kept")
        var configuration = Configuration(listeners: [], models: [model])
        configuration.discoveries = [try engine("http://one", key: "new"), try engine("http://two")]
        var found = FoundMembers()
        found.files = ["/kept": try executors("http://x"), "/gone": try executors("http://y")]
        found.listings = [
            try engine("http://one", key: "old").identity: listing("m"),
            try engine("http://three").identity: listing("n"),
        ]
        let kept = found.kept(for: configuration)
        #expect(kept.files == ["/kept": try executors("http://x")])
        // The engine's API key was replaced, but it is still the same engine.
        #expect(kept.listings == [try engine("http://one", key: "new").identity: listing("m")])
    }

    @Test func whatHasComeAndGoneIsSaid() throws {
        var old = FoundMembers()
        old.files["/f"] = try executors("http://a", "http://b")
        old.listings[try engine("http://one").identity] = listing("m", "n")
        var new = FoundMembers()
        new.files["/f"] = try executors("http://b", "http://c")
        new.files["/f"]?[0].weight = 5
        new.listings[try engine("http://one").identity] = listing("n", "o")
        #expect(
            old.changes(to: new) == [
                "/f: executor http://a:80: removed", "/f: executor http://c:80: added",
                "/f: executor http://b:80: changed", "http://one:80: model m: removed", "http://one:80: model o: added",
            ]
        )
        #expect(old.changes(to: old) == [])
        var other = new
        other.listings[try engine("http://one").identity]?.kind = .vllm
        #expect(new.changes(to: other).count == 1)
    }

    private func named(_ url: String) throws -> ExecutorSettings {
        var settings = ExecutorSettings(url: try ExecutorURL.parse(url).get())
        settings.resolve = .all
        return settings
    }

    @Test func theAddressesOfItsNamesAreKept() throws {
        var model = ModelSettings(id: "a", executors: [try named("http://one"), try named("http://one/again")])
        model.executorFile = ExecutorFile(path: "/list")
        let configuration = Configuration(listeners: [], models: [model])
        var found = FoundMembers()
        found.files["/list"] = [try named("http://two:8000")]
        let one = NameLookup(host: "one", port: 80)
        let two = NameLookup(host: "two", port: 8000)
        #expect(configuration.lookups(beside: found) == [one, two], "each once")
        let address = WeightedAddress(ResolvedAddress(host: "10.0.0.1", port: 80))
        found.addresses = [one: [address], two: [address], NameLookup(host: "three", port: 80): [address]]
        #expect(found.kept(for: configuration).addresses == [one: [address], two: [address]])
        let names = configuration.completed(by: found).configuration.models[0].executors.map(\.name)
        #expect(names == ["http://one:80 (10.0.0.1)", "http://one:80/again (10.0.0.1)", "http://two:8000 (10.0.0.1)"])
    }

    @Test func addressesThatHaveComeAndGoneAreSaid() {
        func found(_ addresses: [(String, Double)]) -> FoundMembers {
            var found = FoundMembers()
            found.addresses[NameLookup(service: "_a.b")] = addresses.map {
                WeightedAddress(ResolvedAddress(host: $0.0, port: 80), weight: $0.1)
            }
            return found
        }
        let old = found([("10.0.0.1", 1), ("10.0.0.2", 1)])
        #expect(
            old.changes(to: found([("10.0.0.2", 2), ("::1", 1)])) == [
                "_a.b: address 10.0.0.1:80: removed", "_a.b: address [::1]:80: added",
                "_a.b: address 10.0.0.2:80: another weight",
            ]
        )
    }

    @Test func aThousandChangesAreTwentyLines() throws {
        var new = FoundMembers()
        var many = FoundMembers.Listing()
        many.models = (0..<1000).map { EngineListing.Model(name: "m\($0)") }
        new.listings[try engine("http://one").identity] = many
        let lines = FoundMembers().changes(to: new)
        #expect(lines.count == 20 && lines.last == "and 981 more")
    }
}
