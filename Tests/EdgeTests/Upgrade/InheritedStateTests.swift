import Configuration
import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

@Suite struct InheritedStateTests {
    private let second: Nanoseconds = 1_000_000_000

    /// A process in which every value that an upgrade hands over differs from that of a process that has just started.
    private func used() throws -> UpgradeProcess {
        let old = try UpgradeProcess()
        old.test.clock.advance(by: 500 * second)
        old.test.loop.turn(waitMax: 0)
        let now = old.now
        old.process.maintenance.set(Maintenance(text: "back \"soon\"\u{7}", retryAfter: 77, since: 1_700_000_000))
        old.running.registry.give(.drain, to: .init(url: "http://127.0.0.1:9", model: "b"), at: now)
        old.running.registry.give(.weight(7), to: .init(url: "http://127.0.0.1:10"), at: now)
        let (nine, ten) = (old.executor("a", port: 9), old.executor("a", port: 10))
        for _ in 0..<3 { old.pool("a").report(.fault(.connectTimeout), of: ten, at: now) }
        old.pool("a").report(.busy(9 * second), of: nine, at: now)
        nine.engine.refuseUsage()
        let (use, limits) = (old.running.snapshot.access.anonymousUse, KeyLimits(requestsPerMinute: 60))
        for _ in 0..<30 { #expect(use.begin(limits, at: now) == nil) }
        return old
    }

    private func capture(_ process: UpgradeProcess) -> InheritedState {
        InheritedState(of: process.running, process.process, found: process.running.members, at: process.now)
    }

    @Test func aStateSurvivesItsJSON() throws {
        let state = capture(try used())
        #expect(!state.json.contains(UInt8(ascii: "\n")))
        #expect(InheritedState(json: state.json) == state)
        let fresh = capture(try UpgradeProcess())
        #expect(InheritedState(json: fresh.json) == fresh && fresh != state)
    }

    @Test func aSuccessorGoesOnWithIt() throws {
        let old = try used()
        let state = try #require(InheritedState(json: capture(old).json))
        let new = try UpgradeProcess(inherited: state)
        #expect(new.process.instanceID == old.process.instanceID)
        let now = new.now
        state.restore(to: new.running, new.process, at: now)
        #expect(new.process.maintenance.current == old.process.maintenance.current)
        #expect(new.process.ticketKeys.record() == old.process.ticketKeys.record())
        #expect(new.executor("b", port: 9).isDrained && !new.executor("a", port: 9).isDrained)
        #expect(new.executor("a", port: 10).orderedWeight == 7)
        let (nine, ten) = (new.executor("a", port: 9), new.executor("a", port: 10))
        #expect(ten.engine.health == .ejected(until: now + 3 * second) && ten.cause == .faults(.connectTimeout))
        #expect(nine.engine.health == .healthy && nine.learntLimit(at: now) == 1)
        #expect(nine.pause(at: now) == 9 * second && nine.engine.refusesUsage && !ten.engine.refusesUsage)
        let rate = new.running.snapshot.access.anonymousUse.requestRate(KeyLimits(requestsPerMinute: 60), at: now)
        #expect(rate?.remaining == 30)
    }

    /// The old process sends its state twice: when it starts the new process, and when it hands over.
    ///
    /// The later state replaces the earlier one.
    @Test func aNewerStateReplacesAnOlderOne() throws {
        let old = try used()
        let new = try UpgradeProcess()
        capture(old).restore(to: new.running, new.process, at: new.now)
        old.process.maintenance.set(nil)
        old.running.registry.give(.resume, to: .init(url: "http://127.0.0.1:9"), at: old.now)
        old.pool("a").report(.good, of: old.executor("a", port: 10), at: old.now)
        capture(old).restore(to: new.running, new.process, at: new.now)
        #expect(new.process.maintenance.current == nil && !new.executor("b", port: 9).isDrained)
        #expect(new.executor("a", port: 10).engine.health == .healthy)
    }

    /// The old process hands over that probes have found an engine dead.
    ///
    /// The new process ignores this if its configuration does not probe the engine, because nothing would ever find it
    /// alive.
    @Test func whatProbesHaveFoundEndsWithThem() throws {
        let old = try UpgradeProcess()
        let engine = old.executor("a", port: 10).engine
        for _ in 0..<3 { engine.report(.failed, rise: 2, fall: 3, at: old.now) }
        #expect(engine.isDead)
        let probed = try UpgradeProcess(
            models: "- {id: a, executors: [{url: 'http://127.0.0.1:10', health: {path: /health}}]}"
        )
        let unprobed = try UpgradeProcess(
            models: "- {id: a, executors: [{url: 'http://127.0.0.1:10', health: {interval: 0s}}]}"
        )
        for (new, isDead) in [(probed, true), (unprobed, false)] {
            capture(old).restore(to: new.running, new.process, at: new.now)
            #expect(new.executor("a", port: 10).engine.isDead == isDead)
        }
    }

    @Test func modelsThatWereFoundAreThereFromTheStart() throws {
        let models = "- {id: a, executors: [{url: 'http://127.0.0.1:9'}]}\n- {discover: 'http://127.0.0.1:8'}"
        let old = try UpgradeProcess(models: models)
        var listing = FoundMembers.Listing()
        listing.kind = .vllm
        listing.models = [EngineListing.Model(name: "x", contextLength: 4096), EngineListing.Model(name: "y")]
        var found = FoundMembers()
        found.listings[old.running.configuration.discoveries[0].identity] = listing
        let state = InheritedState(of: old.running, old.process, found: found, at: old.now)
        #expect(InheritedState(json: state.json) == state)
        let new = try UpgradeProcess(models: models, inherited: InheritedState(json: state.json))
        #expect(new.running.snapshot.models.map(\.entry.name) == ["a", "x", "y"])
        #expect(new.running.members.listings.values.first == listing)
        // This process has a configuration that does not ask the engine for its models, so the inherited list of models
        // has no effect.
        let other = try UpgradeProcess(inherited: state)
        #expect(other.running.snapshot.models.map(\.entry.name) == ["a", "b"])
    }

    // MARK: Other versions, and what is no state

    @Test func unknownMembersAreIgnoredAndMissingOnesAreDefaults() throws {
        let state = try #require(
            InheritedState(json: Array(#"{"future":{"x":[1]},"orders":[{"url":"u","drained":true,"y":2}]}"#.utf8))
        )
        #expect(state.orders.effective(url: "u", model: "m").isDrained && state.ticketKeys == nil)
        let empty = try #require(InheritedState(json: Array("{}".utf8)))
        #expect(empty == InheritedState())
        let new = try UpgradeProcess(inherited: empty)
        let keys = new.process.ticketKeys.record()
        empty.restore(to: new.running, new.process, at: new.now)
        #expect(new.process.ticketKeys.record() == keys && new.process.instanceID.hasPrefix("freeinference-"))
        #expect(new.executor("a", port: 9).health == .healthy)
    }

    @Test(arguments: ["", "x", "[]", "null", "1", #"{"orders":["#, #"{"a":1}}"#])
    func whatIsNoObjectIsRefused(text: String) {
        #expect(InheritedState(json: Array(text.utf8)) == nil)
    }

    @Test func whatIsTooLargeIsRefused() {
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: InheritedState.bytesMax)
        #expect(InheritedState(json: Array("{}".utf8) + padding) == nil)
    }

    @Test(arguments: [
        #"{"ticket_keys":7,"maintenance":[],"orders":{},"availability":3,"keys":"x","anonymous":[],"found":null}"#,
        #"{"ticket_keys":{"keys":["zz"],"age_seconds":1},"instance_id":"other-0123456789abcdef"}"#,
        #"{"instance_id":"freeinference-0123456789abcde\n","ticket_keys":{"keys":[1],"age_seconds":"x"}}"#,
        #"{"orders":[{"model":"m"},7,{"url":5}],"availability":[{}],"usage_refused":[{"model":"m"}],"keys":[{}]}"#,
        #"{"orders":[{"url":"u","weight":-1},{"url":"u","weight":1e9}],"anonymous":{"requests":{"spent":-3}}}"#,
        #"{"found":{"listings":[{"models":[{}]}],"addresses":[{"name":"n","port":70000},{"name":"n","port":1}]}}"#,
        #"{"anonymous":{"tokens":{"spent":1e400,"age_ns":5},"requests":{"age_ns":-1}}}"#,
    ])
    func partsThatAreNotValidAreLeftOut(text: String) throws {
        #expect(try #require(InheritedState(json: Array(text.utf8))) == InheritedState())
    }

    @Test func hostileNumbersDoNoHarm() throws {
        let most = "9223372036854775807"
        let text = """
            {"maintenance":{"retry_after":\(most),"text":"\(String(repeating: "x", count: 2000))"},
            "ticket_keys":{"keys":["00","01"],"age_seconds":-\(most)},
            "availability":[{"url":"http://127.0.0.1:9","ordinal":0,"ejected_for_ns":\(most),"ejections":\(most),
            "faults":\(most),"cause":"probes","cause_probes":\(most),"healthy_for_ns":\(most),"learnt_running":\(most),
            "learnt_for_ns":\(most),"paused_for_ns":\(most),"succeeded_before_ns":\(most),"verdict":"failed"}],
            "anonymous":{"requests":{"spent":1e300,"age_ns":\(most)},"tokens":{"spent":1e300},"refused_for_ns":\(most)}}
            """
        let state = try #require(InheritedState(json: Array(text.utf8)))
        let new = try UpgradeProcess()
        let keys = new.process.ticketKeys.record()
        state.restore(to: new.running, new.process, at: new.now)
        #expect(new.process.ticketKeys.record() == keys, "keys of one byte are none")
        #expect(new.process.maintenance.current?.retryAfter == 60 && new.process.maintenance.current?.text == nil)
        let executor = new.executor("b", port: 9)
        #expect(executor.pause(at: new.now) == 3600 * second && executor.health != .healthy)
        new.pool("b").report(.fault(.connection), of: executor, at: new.now)
        let use = new.running.snapshot.access.anonymousUse
        #expect(use.begin(KeyLimits(requestsPerMinute: 5), at: new.now) != nil)
        #expect(use.begin(KeyLimits(requestsPerMinute: 5), at: new.now + 121 * second) == nil)
        #expect(InheritedState(json: capture(new).json) == capture(new))
    }
}
