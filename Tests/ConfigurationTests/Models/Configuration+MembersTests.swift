// Completing a configuration with the executors that files list and the models that engines list.

import Inference
import Testing

@testable import Configuration

@Suite struct ConfigurationMembersTests {
    /// A configuration with these items of `models`, where `list.yaml` lists one executor.
    private func configuration(_ models: String) throws -> Configuration {
        try read(
            "listeners: [{address: '127.0.0.1:1'}]\nmodels:\n\(models)\n",
            imports: ["list.yaml": "[{url: 'http://listed'}]"]
        ).get()
    }

    private func executor(_ url: String, weight: Int = 1) throws -> ExecutorSettings {
        var settings = ExecutorSettings(url: try ExecutorURL.parse(url).get())
        settings.weight = weight
        return settings
    }

    private func listing(_ names: [String], kind: ExecutorSettings.Kind = .auto) -> FoundMembers.Listing {
        var listing = FoundMembers.Listing()
        listing.kind = kind
        listing.models = names.map { EngineListing.Model(name: $0) }
        return listing
    }

    /// For each model, its id and the hosts of its executors as one text.
    private func pools(_ configuration: Configuration) -> [String] {
        configuration.models.map { "\($0.id): " + $0.executors.map { "\($0.url.host)" }.joined(separator: " ") }
    }

    private func found(_ configuration: Configuration, _ lists: [FoundMembers.Listing]) -> FoundMembers {
        var found = FoundMembers(configuration)
        for (discovery, list) in zip(configuration.discoveries, lists) { found.listings[discovery.identity] = list }
        return found.kept(for: configuration)
    }

    // MARK: Files

    @Test func executorsOfAFileComeBehindThoseOfTheConfiguration() throws {
        let configuration = try configuration(
            "- {id: a, executors: [{url: 'http://own'}], executors_from: list.yaml}\n"
                + "- {id: b, executors_from: {file: list.yaml, allow_empty: true}}"
        )
        var found = FoundMembers(configuration)
        #expect(pools(configuration.completed(by: found).configuration) == ["a: own listed", "b: listed"])
        found.files["list.yaml"] = [try executor("http://x"), try executor("http://y", weight: 3)]
        let completed = configuration.completed(by: found)
        #expect(pools(completed.configuration) == ["a: own x y", "b: x y"] && completed.leftOut == [])
        #expect(completed.configuration.models[0].executors[2].weight == 3)
        found.files["list.yaml"] = []
        #expect(pools(configuration.completed(by: found).configuration) == ["a: own", "b: "])
    }

    @Test func anExecutorThatTheModelHasIsNotAddedAgain() throws {
        let configuration = try configuration(
            "- {id: a, executors: [{url: 'http://own'}], executors_from: list.yaml}"
        )
        var found = FoundMembers(configuration)
        found.files["list.yaml"] = [try executor("http://own", weight: 7), try executor("http://x")]
        let completed = configuration.completed(by: found)
        #expect(pools(completed.configuration) == ["a: own x"])
        #expect(completed.configuration.models[0].executors[0].weight == 1)
        #expect(completed.leftOut == ["list.yaml: http://own:80 is an executor of 'a' already"])
    }

    // MARK: Engines

    private static let twoEngines =
        "- {id: a, aliases: [a2], executors: [{url: 'http://own'}]}\n"
        + "- {discover: 'http://one', kind: vllm, weight: 2, timeouts: {stall: 3s}, balance: round-robin}\n"
        + "- {discover: 'http://two'}"

    @Test func whatEnginesListIsServedUnderTheirNames() throws {
        let configuration = try configuration(Self.twoEngines)
        #expect(pools(configuration.completed(by: FoundMembers(configuration)).configuration) == ["a: own"])
        var first = listing(["x", "y"])
        first.models[0].contextLength = 4096
        let completed = configuration.completed(
            by: found(configuration, [first, listing(["z"], kind: .sglang)])
        ).configuration
        #expect(pools(completed) == ["a: own", "x: one", "y: one", "z: two"])
        let x = completed.models[1]
        #expect(x.isDiscovered && x.balance == .roundRobin && x.timeouts.stall == .seconds(3))
        #expect(x.executors[0].kind == .vllm && x.executors[0].weight == 2 && x.executors[0].model == "x")
        #expect(x.catalog.map(\.name) == ["context_length"] && completed.models[2].catalog.isEmpty)
        // The configuration does not set the engine's kind, so the kind comes from the engine's list.
        #expect(completed.models[3].executors[0].kind == .sglang)
        #expect(!completed.models[0].isDiscovered)
    }

    @Test func aNameInUseIsNotTaken() throws {
        let configuration = try configuration(Self.twoEngines)
        let completed = configuration.completed(
            by: found(configuration, [listing(["a", "a2", "x"]), listing(["x", "X"])])
        )
        #expect(pools(completed.configuration) == ["a: own", "x: one", "X: two"])
        #expect(completed.leftOut.count == 3)
        #expect(completed.leftOut.last?.hasPrefix("http://two:80: the name of its model 'x' is in use") == true)
    }

    @Test func anEngineKeepsItsNameForAsLongAsItListsIt() throws {
        let configuration = try configuration(Self.twoEngines)
        let (one, two) = (configuration.discoveries[0].identity, configuration.discoveries[1].identity)
        func pools(after earlier: FoundMembers, _ lists: [EngineIdentity: FoundMembers.Listing]) -> [String] {
            var found = FoundMembers(configuration)
            found.listings = lists
            members = found.kept(for: configuration, after: earlier)
            return self.pools(configuration.completed(by: members).configuration)
        }
        var members = FoundMembers()
        #expect(pools(after: members, [two: listing(["x"])]) == ["a: own", "x: two"])
        // `one` comes first in the configuration, but cannot take over a name that `two` already has.
        #expect(pools(after: members, [one: listing(["x"]), two: listing(["x"])]) == ["a: own", "x: two"])
        let leftOut = configuration.completed(by: members).leftOut
        #expect(leftOut.count == 1 && leftOut[0].hasPrefix("http://one:80: the name of its model 'x' is in use"))
        #expect(pools(after: members, [one: listing(["x"]), two: listing([])]) == ["a: own", "x: one"])
        #expect(pools(after: members, [one: listing(["x"]), two: listing(["x"])]) == ["a: own", "x: one"])
        // If no engine has had the name `y` before, the first engine in the configuration gets it.
        #expect(pools(after: FoundMembers(), [one: listing(["y"]), two: listing(["y"])]) == ["a: own", "y: one"])
    }

    @Test func anEngineThatJoinsIsOneMoreExecutor() throws {
        let configuration = try configuration(
            "- {id: a, aliases: [a2], executors: [{url: 'http://own'}]}\n"
                + "- {discover: 'http://one', join: true}\n- {discover: 'http://two', join: true}\n"
                + "- {discover: 'http://own', join: true}"
        )
        let completed = configuration.completed(
            by: found(configuration, [listing(["a", "x"]), listing(["a2", "x"]), listing(["a", "x"])])
        )
        // The configured executor of `a` at `own` stays as it is, so the list of `own` adds nothing to `a`.
        #expect(pools(completed.configuration) == ["a: own one two", "x: one two own"] && completed.leftOut == [])
        #expect(completed.configuration.models[0].executors.map(\.model) == [nil, "a", "a2"])
    }

    @Test func namesDifferByTheirBytes() throws {
        let configuration = try configuration(
            "- {id: \"\\u00e9\", executors: [{url: 'http://own'}]}\n- {discover: 'http://one'}"
        )
        let completed = configuration.completed(by: found(configuration, [listing(["e\u{301}"])]))
        #expect(completed.configuration.models.count == 2 && completed.leftOut == [])
    }
}
