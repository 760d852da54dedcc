// Finding executors, models and addresses while the server runs.
import Configuration
import Foundation
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Finding members for a configuration, with files on a disk and engines on loopback.
@Suite struct MemberSourcesTests {
    private final class House {
        let test = TestLoop()
        let folder = temporaryDirectory()
        let running: RunningConfiguration
        private(set) var sources: MemberSources!
        private(set) var changes = 0
        private(set) var settled = 0
        private(set) var peers: [Peer] = []
        var list: String { "\(folder)/list.yaml" }

        /// - Parameters:
        ///   - models: the items of `models`. `LIST` stands for the path of a file with one executor, `ENGINE` for the
        ///     URL of an engine that answers when the test calls `answer`.
        init(_ models: String) throws {
            try "- url: http://one\n".write(toFile: "\(folder)/list.yaml", atomically: true, encoding: .utf8)
            var accepted: (Peer) -> Void = { _ in }
            let address = try test.listen { socket, _ in accepted(Peer(descriptor: socket.descriptor)) }
            let items = models.replacing("LIST", with: "\(folder)/list.yaml")
                .replacing("ENGINE", with: "http://127.0.0.1:\(address.port)")
            let text = """
                listeners: [{address: '127.0.0.1:0'}]
                admin: {address: '127.0.0.1:0', socket: off}
                models: [\(items)]
                """
            let configuration = try Configuration.load(
                path: "c.yaml",
                readFile: { $0 == "c.yaml" ? .success(Array(text.utf8)) : SystemFiles.read($0) }
            ).get()
            running = try RunningConfiguration(
                configuration,
                environment: [:],
                budget: MemoryBudget(limit: 1 << 30),
                log: LogSink()
            )
            sources = MemberSources(loop: test.loop, running: running, environment: [:]) { [unowned self] in
                changes += 1
            }
            accepted = { [unowned self] in peers.append($0) }
            sources.start { [unowned self] in settled += 1 }
        }

        deinit {
            sources.stop()
            running.sockets.close()
            try? FileManager.default.removeItem(atPath: folder)
        }

        /// Answers the request to the only engine with a list of these models.
        func answer(_ names: String...) {
            let isAsked = test.run { [self] in
                for peer in peers { peer.poll() }
                return peers.last?.text.contains("/v1/models") == true
            }
            #expect(isAsked)
            guard let peer = peers.last else { return }
            _ = peer.take()
            let body = #"{"data":[\#(names.map { #"{"id":"\#($0)"}"# }.joined(separator: ","))]}"#
            peer.send("HTTP/1.1 200 X\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        var listings: [[String]] { sources.found.listings.values.map { $0.models.map(\.name) } }
        var hosts: [String]? { sources.found.files[list]?.map(\.url.host) }
    }

    @Test func aFileIsLookedAtTwiceASecond() throws {
        let house = try House("{id: a, executors_from: LIST}, {id: b, executors_from: LIST}")
        #expect(house.settled == 1 && house.hosts == ["one"])
        try "- url: http://one\n- url: http://two\n".write(toFile: house.list, atomically: true, encoding: .utf8)
        house.test.pass(second / 2 - 1)
        #expect(house.changes == 0)
        house.test.pass(1)
        #expect(house.changes == 1 && house.hosts == ["one", "two"])
        house.test.pass(second)
        #expect(house.changes == 1)
        // An empty file of executors is an error, so the executors that it listed last stay in use.
        try "".write(toFile: house.list, atomically: true, encoding: .utf8)
        house.test.pass(second)
        #expect(house.changes == 1 && house.hosts == ["one", "two"])
    }

    @Test func anEmptyListIsTakenWhereEveryModelAllowsIt() throws {
        let allowing = "{id: a, executors_from: {file: LIST, allow_empty: true}}"
        let house = try House(allowing)
        let strict = try House("\(allowing), {id: b, executors_from: LIST}")
        for house in [house, strict] {
            try "[]".write(toFile: house.list, atomically: true, encoding: .utf8)
            house.test.pass(second)
        }
        #expect(house.changes == 1 && house.hosts == [])
        #expect(strict.changes == 0 && strict.hosts == ["one"])
    }

    @Test func theFirstAnswerIsWaitedFor() throws {
        let house = try House("{discover: ENGINE}")
        house.test.settle()
        #expect(house.settled == 0)
        house.answer("m")
        let isSettled = house.test.run { house.settled == 1 }
        #expect(isSettled && house.changes == 1 && house.listings == [["m"]])
        house.test.pass(3 * second)
        #expect(house.settled == 1)
    }

    @Test func anEngineIsWaitedForTwoSeconds() throws {
        let house = try House("{discover: ENGINE}")
        house.test.pass(2 * second - 1)
        #expect(house.settled == 0)
        house.test.pass(1)
        #expect(house.settled == 1 && house.changes == 0)
        // The engine's late answer is still used.
        house.answer("m")
        let isFound = house.test.run { house.changes == 1 }
        #expect(isFound && house.settled == 1)
    }

    /// The test resolves `localhost`, which is in `/etc/hosts`, so that no name server is asked.
    @Test func theAddressesOfNamesAreFound() throws {
        let house = try House("{id: a, executors: [{url: 'http://localhost:8000', resolve: all}]}")
        #expect(house.settled == 1 && house.running.snapshot.models[0].pool.members.isEmpty)
        let lookup = NameLookup(host: "localhost", port: 8000)
        let address = ResolvedAddress(host: "127.0.0.1", port: 8000)
        #expect(house.sources.found.addresses[lookup]?.contains(WeightedAddress(address)) == true)
        #expect(house.changes == 1)
        let prepared = try #require(house.running.prepare(found: house.sources.found))
        #expect(prepared.changes.contains("localhost: address 127.0.0.1:8000: added"))
        _ = house.running.commit(prepared)
        let names = house.running.snapshot.models[0].pool.members.map(\.executor.name)
        #expect(names.contains("http://localhost:8000 (127.0.0.1)"), "\(names)")
        // A new configuration has the name with another weight. The edge does not resolve the name again, and keeps
        // its addresses.
        var next = house.running.configuration
        next.models[0].executors[0].weight = 3
        let changed = try #require(try house.running.prepare(next, found: house.sources.found))
        _ = house.running.commit(changed)
        var isAdopted = false
        house.sources.adopt { isAdopted = true }
        #expect(isAdopted && house.changes == 1 && house.sources.found.addresses[lookup] != nil)
        #expect(house.running.snapshot.models[0].pool.members.allSatisfy { $0.weight == 3 })
    }

    /// After a reload, `adopt` uses the files of executors that the reload has read.
    ///
    /// It does not wait for engines that were already asked for their models.
    @Test func anotherConfigurationIsFollowed() throws {
        let house = try House("{discover: ENGINE}, {id: a, executors_from: LIST}")
        house.answer("m")
        let isSettled = house.test.run { house.settled == 1 }
        #expect(isSettled)
        var next = house.running.configuration
        next.discoveries[0].engine.weight = 3
        next.models = [ModelSettings(id: "b", executors: next.listedExecutors[house.list] ?? [])]
        let prepared = try #require(try house.running.prepare(next, found: house.sources.found))
        _ = house.running.commit(prepared)
        var isAdopted = false
        house.sources.adopt { isAdopted = true }
        #expect(isAdopted && house.listings == [["m"]] && house.sources.found.files == [:])
        #expect(house.running.snapshot.models.map(\.entry.name) == ["b", "m"])
        next.discoveries = []
        let without = try #require(try house.running.prepare(next, found: house.sources.found))
        _ = house.running.commit(without)
        house.sources.adopt {}
        #expect(house.sources.found == FoundMembers())
    }
}
