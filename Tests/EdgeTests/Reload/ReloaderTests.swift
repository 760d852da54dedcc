// Reloading the configuration, and adopting executors and models that the edge finds in files or at engines.
import Configuration
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Reloads without files and threads: the file is a string, and the test reports for the workers.
@Suite struct ReloaderTests {
    /// What the control thread of a process with two workers has; no worker runs, so the test makes their reports.
    private final class Bench {
        let running: RunningConfiguration
        let budget = MemoryBudget(limit: 1 << 30)
        private(set) var reloader: Reloader!
        var text: String
        var obstacle: String?
        var isDraining = false
        private(set) var posted: [(generation: Int, listeners: Set<ListenerKey>)] = []
        private(set) var reports: [ReloadReport] = []
        /// The arguments of all calls of `isReloading`, in order.
        private(set) var notified: [Bool] = []
        /// If true, the names of a new configuration count as resolved only when the test calls `named`, otherwise at
        /// once.
        var waitsForNames = false
        private(set) var named: (() -> Void)?
        var found = FoundMembers()
        /// The closures to call when `Reloader.adoptTimeout` has passed, one for each posted snapshot.
        private(set) var later: [() -> Void] = []

        init(_ text: String) throws {
            self.text = text
            running = try RunningConfiguration(
                Self.read(text).get(),
                environment: [:],
                budget: budget,
                log: LogSink()
            )
            reloader = Reloader(
                running,
                Reloader.Environment(
                    read: { [unowned self] in Self.read(self.text) },
                    obstacle: { [unowned self] in obstacle },
                    isDraining: { [unowned self] in isDraining },
                    adopt: { [unowned self] _, named in if waitsForNames { self.named = named } else { named() } },
                    post: { [unowned self] snapshot, sockets in
                        posted.append((snapshot.generation, Set(sockets.keys)))
                        return [0, 1]
                    },
                    found: { [unowned self] in found },
                    isReloading: { [unowned self] in notified.append($0) },
                    later: { [unowned self] _, body in later.append(body) }
                )
            )
        }

        deinit { running.sockets.close() }

        static func read(_ text: String) -> Result<Configuration, ConfigurationErrors> {
            Configuration.load(
                path: "c.yaml",
                environment: ["NAME": "value"],
                readFile: { _ in .success(Array(text.utf8)) },
                checkFile: { _ in nil }
            )
        }

        func reload() { reloader.reload { [unowned self] in reports.append($0) } }
        func adopt(_ worker: Int) { reloader.adopted(worker: worker, generation: running.snapshot.generation) }
    }

    private static func text(_ models: String = "a", more: String = "", ports: Int = 1) -> String {
        let listeners = Array(repeating: "{address: '127.0.0.1:0'}", count: ports).joined(separator: ", ")
        let list = models.split(separator: " ").map { "{id: '\($0)', executors: [{url: 'http://127.0.0.1:9'}]}" }
        return """
            listeners: [\(listeners)]
            admin: {address: '127.0.0.1:0', socket: off}
            models: [\(list.joined(separator: ", "))]
            \(more)
            """
    }

    @Test func itIsInForceWhenAllWorkersHaveIt() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text("a b", ports: 2)
        bench.reload()
        #expect(bench.reports == [] && bench.notified == [true])
        #expect(bench.posted.map(\.generation) == [2] && bench.posted[0].listeners.count == 2)
        bench.adopt(0)
        // A worker's report that it has adopted an earlier snapshot does not count.
        bench.reloader.adopted(worker: 1, generation: 1)
        #expect(bench.reports == [])
        bench.adopt(1)
        let report = try #require(bench.reports.first)
        #expect(report.outcome == .applied && report.generation == 2 && bench.notified == [true, false])
        #expect(report.changes.contains("models[b]: added"))
        #expect(bench.running.snapshot.models.map(\.entry.name) == ["a", "b"])
        #expect(bench.running.reloads[.applied] == 1)
    }

    @Test func aWorkerThatEndsIsNotWaitedFor() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text("b")
        bench.reload()
        bench.adopt(0)
        bench.reloader.ended(worker: 1)
        #expect(bench.reports.map(\.outcome) == [.applied])
    }

    /// A reload is reported even if a worker hangs, and the report names the worker.
    @Test func aWorkerThatIsLateIsNamed() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text("b")
        bench.reload()
        bench.adopt(0)
        bench.reload()
        #expect(bench.reports == [])
        bench.later[0]()
        let text = "worker 1 has not begun to use generation 2 within 30 s"
        #expect(bench.reports.map(\.outcome) == [.incomplete, .refused])
        #expect(bench.reports[0].errors == [text] && bench.reports[0].changes.contains("models[b]: added"))
        #expect(bench.reports[1].errors == ["\(text): no reload can begin before"])
        #expect(bench.running.lateWorkers == [1] && bench.running.snapshot.models[0].entry.name == "b")
        #expect(bench.notified == [true, false, true, false])
        #expect(bench.running.reloads[.incomplete] == 1)
        // The late worker adopts the snapshot, so that a further reload can begin.
        bench.adopt(1)
        #expect(bench.running.lateWorkers == [] && bench.reports.count == 2)
        bench.text = Self.text("c")
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.last?.outcome == .applied && bench.reports.last?.generation == 3)
        // The timeout of this reload passes after its end, and has no effect.
        bench.later[1]()
        #expect(bench.reports.count == 3 && bench.running.lateWorkers == [])
    }

    /// When the timeout of a finished reload fires during a later reload, no worker counts as late for the later one.
    @Test func theTimeOfAnEarlierReloadIsNotThatOfALaterOne() throws {
        let bench = try Bench(Self.text())
        for name in ["b", "c"] {
            bench.text = Self.text(name)
            bench.reload()
            if name == "b" {
                bench.adopt(0)
                bench.adopt(1)
            }
        }
        bench.later[0]()
        #expect(bench.reports.map(\.outcome) == [.applied] && bench.running.lateWorkers == [])
        bench.later[1]()
        #expect(bench.reports.map(\.outcome) == [.applied, .incomplete] && bench.running.lateWorkers == [0, 1])
    }

    @Test func anErrorChangesNothing() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text(more: "unknown_key: 1")
        bench.reload()
        let report = try #require(bench.reports.first)
        #expect(report.outcome == .refused && report.generation == 1)
        #expect(report.errors.count == 1 && report.errors[0].contains("unknown key 'unknown_key'"))
        #expect(bench.posted.isEmpty && bench.running.snapshot.generation == 1 && bench.notified == [true, false])
        #expect(bench.running.refusal?.errors == report.errors && bench.running.reloads[.refused] == 1)
        // The next reload without errors clears the refusal.
        bench.text = Self.text("b")
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.running.refusal == nil && bench.running.snapshot.generation == 2)
    }

    @Test func anAddressInUseChangesNothing() throws {
        let taken = try ListenerSet(addresses: [SocketAddress(numeric: "127.0.0.1", port: 0)!], workers: 1)
        defer { taken.close() }
        let bench = try Bench(Self.text())
        let keys = Set(bench.running.sockets.clients.keys)
        bench.text = Self.text("b").replacing(
            "listeners: [",
            with: "listeners: [{address: '127.0.0.1:\(taken.addresses[0].port)'}, "
        )
        bench.reload()
        let report = try #require(bench.reports.first)
        #expect(report.outcome == .refused && report.errors[0].contains("cannot listen on"), "\(report)")
        #expect(Set(bench.running.sockets.clients.keys) == keys && bench.posted.isEmpty)
    }

    @Test func theSameFileIsUnchanged() throws {
        let bench = try Bench(Self.text())
        bench.reload()
        #expect(bench.reports.map(\.outcome) == [.unchanged] && bench.reports[0].generation == 1)
        #expect(bench.posted.isEmpty)
    }

    @Test func whatIsAskedForMeanwhileIsOneMore() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text("b")
        bench.reload()
        bench.text = Self.text("c")
        for _ in 0..<50 { bench.reload() }
        #expect(bench.posted.map(\.generation) == [2])
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.count == 1 && bench.posted.map(\.generation) == [2, 3])
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.count == 51 && bench.reports.allSatisfy { $0.outcome == .applied })
        #expect(bench.posted.count == 2 && bench.running.snapshot.models[0].entry.name == "c")
    }

    @Test func theWorkersWaitForTheNamesOfNewExecutors() throws {
        let bench = try Bench(Self.text())
        bench.waitsForNames = true
        bench.text = Self.text("b")
        bench.reload()
        #expect(bench.posted.isEmpty)
        bench.named?()
        #expect(bench.posted.map(\.generation) == [2])
    }

    @Test func whatCannotChangeIsNamedAndTheRestIsApplied() throws {
        let bench = try Bench(Self.text(more: "workers: 2\npoller: auto"))
        #expect(bench.budget.reserve(100 << 20))
        let settings = "workers: 3\npoller: epoll\nmemory_limit: 64MiB\nlimits: {body: 1MiB}\nkeep_alive: 7s"
        bench.text = Self.text("b", more: settings)
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        let report = try #require(bench.reports.first)
        #expect(report.outcome == .applied && report.kept.count == 3, "\(report.kept)")
        for name in ["workers", "poller", "memory_limit"] {
            #expect(report.kept.contains { $0.hasPrefix("\(name): stays") })
        }
        let snapshot = bench.running.snapshot
        #expect(snapshot.process.workers == 2 && bench.budget.limit == 1 << 30)
        #expect(snapshot.limits.keepAlive == 7_000_000_000 && snapshot.models[0].entry.name == "b")
        // A value that is still not applied is not reported as a change by a further reload.
        bench.reload()
        #expect(bench.reports.last?.outcome == .unchanged)
    }

    /// A memory limit that a reload could not apply is applied by a later reload of the same file.
    @Test func aLimitOfMemoryIsTakenOnceThereIsRoom() throws {
        let bench = try Bench(Self.text())
        #expect(bench.budget.reserve(100 << 20))
        bench.text = Self.text(more: "memory_limit: 64MiB\nmax_connections: 100\nlimits: {body: 1MiB}")
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.last?.kept.count == 1 && bench.budget.limit == 1 << 30)
        bench.budget.release(100 << 20)
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.last?.outcome == .applied && bench.reports.last?.kept == [])
        #expect(bench.budget.limit == 64 << 20)
    }

    /// The sockets of a listener that is removed stay open while workers of a draining process may use them.
    @Test func aDrainKeepsTheSocketsToItsEnd() throws {
        let bench = try Bench(Self.text(ports: 2))
        let gone = try #require(bench.running.sockets.clients.first { $0.key.number == 1 }?.value)
        func bind() throws { try ListenerSet(addresses: [gone.addresses[0]], workers: 1).close() }
        bench.text = Self.text(ports: 1)
        bench.reload()
        bench.isDraining = true
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.count == 1)
        #expect(throws: ListenerSet.Failure.self) { try bind() }
        bench.reloader.closeLeftSockets()
        try bind()
    }

    @Test func aLimitOfMemoryHoldsAtOnce() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text(more: "memory_limit: 512MiB\nmax_connections: 100")
        bench.reload()
        #expect(bench.budget.limit == 512 << 20)
    }

    @Test func valuesOfTheEnvironmentAreNoted() throws {
        let bench = try Bench(Self.text())
        bench.text = Self.text("${NAME}")
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports[0].notes.count == 1 && bench.reports[0].notes[0].hasSuffix(": NAME"))
    }

    @Test func aRehearsalChangesNothing() throws {
        let bench = try Bench(Self.text())
        let report = bench.reloader.rehearse { Bench.read(Self.text("b", ports: 3)) }
        #expect(report.outcome == .applied && report.changes.contains("models[b]: added"))
        #expect(bench.running.snapshot.generation == 1 && bench.running.sockets.clients.count == 1)
        #expect(bench.running.reloads.values.allSatisfy { $0 == 0 } && bench.posted.isEmpty)
        #expect(bench.reloader.rehearse { Bench.read("x: 1") }.outcome == .refused)
    }

    @Test func theLogMovesToAnotherFile() throws {
        let folder = temporaryDirectory()
        let bench = try Bench(Self.text(more: "log: {file: \(folder)/a.log}"))
        #expect(bench.running.logFile.path == "\(folder)/a.log" && SystemFiles.exists("\(folder)/a.log"))
        bench.text = Self.text(more: "log: {file: \(folder)/b.log}")
        #expect(bench.reloader.rehearse { Bench.read(bench.text) }.outcome == .applied)
        #expect(!SystemFiles.exists("\(folder)/b.log"))
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.running.logFile.path == "\(folder)/b.log" && SystemFiles.exists("\(folder)/b.log"))
        // A log file that cannot be opened refuses the reload, and the earlier log file stays.
        bench.text = Self.text("b", more: "log: {file: \(folder)/missing/c.log}")
        bench.reload()
        #expect(bench.reports.last?.outcome == .refused)
        #expect(bench.reports.last?.errors.first?.contains("No such file or directory") == true)
        #expect(bench.running.logFile.path == "\(folder)/b.log" && bench.running.snapshot.generation == 2)
        bench.text = Self.text()
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.last?.outcome == .applied && bench.running.logFile.path == nil)
    }

    @Test func anObstacleRefusesIt() throws {
        let bench = try Bench(Self.text())
        bench.obstacle = "the server is draining"
        bench.text = Self.text("b")
        bench.reload()
        #expect(bench.reports.map(\.errors) == [["the server is draining"]])
        #expect(bench.running.snapshot.generation == 1)
    }

    // MARK: Members

    /// A configuration with the model `a`, and with an engine that the edge asks for its models.
    private static let discovering = """
        listeners: [{address: '127.0.0.1:0'}]
        admin: {address: '127.0.0.1:0', socket: off}
        models: [{id: a, executors: [{url: 'http://127.0.0.1:9'}]}, {discover: 'http://127.0.0.1:8'}]
        """

    private func listing(_ names: String..., at bench: Bench) -> FoundMembers {
        var listing = FoundMembers.Listing()
        listing.models = names.map { EngineListing.Model(name: $0) }
        var found = FoundMembers()
        for discovery in bench.running.configuration.discoveries { found.listings[discovery.identity] = listing }
        return found
    }

    private func names(_ bench: Bench) -> [String] { bench.running.snapshot.models.map(\.entry.name) }

    @Test func whatIsFoundIsANewGeneration() throws {
        let bench = try Bench(Self.discovering)
        #expect(names(bench) == ["a"] && bench.running.snapshot.engines.count == 2)
        bench.found = listing("x", "y", at: bench)
        bench.reloader.takeFound()
        #expect(names(bench) == ["a", "x", "y"] && bench.posted.map(\.generation) == [2])
        bench.adopt(0)
        bench.adopt(1)
        // If the edge adopts executors or models that it has found, this is not announced, reported or counted as a
        // reload.
        #expect(bench.notified == [] && bench.reports == [] && bench.running.reloads[.applied] == 0)
        // A second call without new members does nothing.
        bench.reloader.takeFound()
        #expect(bench.posted.count == 1)
        let x = bench.running.snapshot.models[1]
        bench.found = listing("x", at: bench)
        bench.reloader.takeFound()
        #expect(names(bench) == ["a", "x"] && bench.posted.map(\.generation) == [2, 3])
        #expect(bench.running.snapshot.models[1].entry === x.entry)
    }

    @Test func whatIsFoundDuringAReloadWaitsForItsEnd() throws {
        let bench = try Bench(Self.discovering)
        bench.text = Self.discovering + "\nkeep_alive: 7s"
        bench.reload()
        bench.found = listing("x", at: bench)
        bench.reloader.takeFound()
        #expect(bench.posted.map(\.generation) == [2] && names(bench) == ["a"])
        bench.adopt(0)
        bench.adopt(1)
        #expect(bench.reports.map(\.outcome) == [.applied] && names(bench) == ["a", "x"])
        #expect(bench.posted.map(\.generation) == [2, 3])
    }

    @Test func aReloadKeepsWhatEnginesHaveListed() throws {
        let bench = try Bench(Self.discovering)
        bench.found = listing("x", at: bench)
        bench.reloader.takeFound()
        bench.adopt(0)
        bench.adopt(1)
        bench.text = Self.discovering + "\nkeep_alive: 7s"
        bench.reload()
        bench.adopt(0)
        bench.adopt(1)
        #expect(names(bench) == ["a", "x"] && bench.reports.last?.changes == ["keep_alive: the default -> 7s"])
        // The new configuration removes the engine, and with it the engine's models.
        bench.text = Self.text()
        bench.reload()
        #expect(names(bench) == ["a"])
    }

    /// The models of an engine that a reload adds are in force when the reload ends.
    @Test func aReloadHasTheModelsOfItsNewEngines() throws {
        let bench = try Bench(Self.text())
        bench.waitsForNames = true
        bench.text = Self.discovering
        bench.reload()
        bench.found = listing("x", at: bench)
        bench.waitsForNames = false
        bench.named?()
        #expect(bench.posted.map(\.generation) == [3] && names(bench) == ["a", "x"])
        bench.adopt(0)
        bench.adopt(1)
        let report = try #require(bench.reports.first)
        #expect(report.generation == 3 && report.changes.contains("http://127.0.0.1:8: model x: added"))
    }

    @Test func whatIsFoundBeforeTheProcessIsReadyIsTakenThen() throws {
        let bench = try Bench(Self.discovering)
        bench.obstacle = "the server has not started yet"
        bench.found = listing("x", at: bench)
        bench.reloader.takeFound()
        #expect(bench.posted.isEmpty)
        bench.obstacle = nil
        bench.reloader.takeFound()
        #expect(names(bench) == ["a", "x"])
    }

    @Test func whatIsLeftOutIsSaidOnce() throws {
        let bench = try Bench(Self.discovering)
        bench.found = listing("a", "x", at: bench)
        bench.reloader.takeFound()
        #expect(names(bench) == ["a", "x"])
        #expect(bench.running.newlyLeftOut().count == 1 && bench.running.newlyLeftOut() == [])
    }
}
