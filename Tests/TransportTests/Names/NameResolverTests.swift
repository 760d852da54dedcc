// Tests the resolver of host names against a name server that the test runs.
import LoopTesting
import Testing

@testable import Transport

/// Tests the resolver against a name server that runs in the test.
///
/// The test advances the clock of the event loop. The timeouts inside c-ares use the real clock.
@Suite struct NameResolverTests {
    private final class Bench {
        let test = TestLoop()
        let server: NameServer
        let books: [AddressBook]
        private(set) var lists: [AddressList] = []
        /// How many times the resolver has changed one of the lists.
        private(set) var changes = 0
        private(set) var resolver: NameResolver!
        private(set) var said: [String] = []
        private(set) var settled = 0

        /// - Parameter timeoutMilliseconds: After this time without an answer, in real time, c-ares repeats a query.
        ///   The default is long, so that c-ares never repeats one on a busy machine.
        init(_ names: [String], lists: [NameLookup] = [], timeoutMilliseconds: Int32 = 60_000) throws {
            let server = try NameServer()
            self.server = server
            books = names.map { AddressBook(host: $0, port: 8000) }
            self.lists = lists.map { AddressList($0) { [unowned self] in changes += 1 } }
            resolver = NameResolver(
                loop: test.loop,
                books: books,
                lists: self.lists,
                source: server.source(timeoutMilliseconds: timeoutMilliseconds)
            ) { [unowned self] in
                said.append($0)
            }
        }

        deinit { resolver.stop() }

        func start() { resolver.start(timeout: 2 * second) { [unowned self] in settled += 1 } }

        @discardableResult
        func run(until condition: () -> Bool) -> Bool {
            test.run {
                server.serve()
                return condition()
            }
        }

        /// Advances the clock by `seconds`, and then lets the name server answer the queries that arrive.
        func pass(_ seconds: UInt64) {
            test.pass(seconds * second)
            for _ in 0..<20 {
                server.serve()
                test.loop.turn(waitMax: 1)
            }
        }

        /// The addresses that an SRV or address lookup has found, each with its port and weight.
        func listed(_ list: Int = 0) -> [String] {
            lists[list].addresses.map { "\($0.address.withPort) \($0.weight)" }
        }

        func hosts(_ book: Int = 0) -> [String] { books[book].addresses().map(\.host) }
    }

    @Test func bothFamiliesAreFound() throws {
        let bench = try Bench(["executor.test"])
        bench.server.records["executor.test"] = [
            .address("127.0.0.7", seconds: 60), .address("::1", seconds: 60), .address("127.0.0.8", seconds: 60),
        ]
        bench.start()
        #expect(bench.settled == 0)
        #expect(bench.run { bench.settled == 1 })
        #expect(Set(bench.hosts()) == ["127.0.0.7", "127.0.0.8", "::1"])
        #expect(bench.books[0].addresses().allSatisfy { $0.port == 8000 })
        #expect(bench.said.isEmpty, "all is as expected")
    }

    /// The resolver sorts addresses by RFC 6724: an address to which this host has no route comes last.
    ///
    /// 2001:db8::/32 is reserved for documentation, so no host has a route to it.
    @Test func whatCannotBeReachedComesLast() throws {
        let bench = try Bench(["executor.test"])
        bench.server.records["executor.test"] = [
            .address("2001:db8::1", seconds: 60), .address("127.0.0.7", seconds: 60),
        ]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.hosts().first == "127.0.0.7" && bench.hosts().count == 2)
    }

    @Test func aliasesAreFollowed() throws {
        let bench = try Bench(["executor.test"])
        bench.server.records["executor.test"] = [.alias("host.test", seconds: 7)]
        bench.server.records["host.test"] = [.address("127.0.0.9", seconds: 200)]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.hosts() == ["127.0.0.9"])
        // The shorter TTL counts: the alias has 7 s, its address 200 s.
        bench.pass(6)
        #expect(bench.server.asked(for: "executor.test") == 1)
        bench.pass(2)
        #expect(bench.server.asked(for: "executor.test") == 2)
    }

    @Test func addressesNeedNoResolver() throws {
        let bench = try Bench(["127.0.0.1", "::1"])
        bench.start()
        #expect(bench.settled == 1)
        bench.pass(400)
        #expect(bench.server.questions.isEmpty)
    }

    /// Pairs of a record's TTL and the seconds until the resolver asks again, which are between 5 and 300.
    @Test(arguments: [(0, 5), (1, 5), (30, 30), (86400, 300)])
    func anAnswerIsAskedForAgainAfterItsTTL(ttl: UInt32, seconds: UInt64) throws {
        let bench = try Bench(["executor.test"])
        bench.server.records["executor.test"] = [
            .address("127.0.0.7", seconds: ttl), .address("127.0.0.8", seconds: ttl + 1000),
        ]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        bench.pass(seconds - 1)
        #expect(bench.server.asked(for: "executor.test") == 1)
        bench.server.records["executor.test"] = [.address("127.0.0.9", seconds: ttl)]
        bench.pass(2)
        #expect(bench.server.asked(for: "executor.test") == 2)
        #expect(bench.hosts() == ["127.0.0.9"])
        #expect(bench.said == ["executor.test is at 127.0.0.9:8000"])
    }

    @Test func aNewOrderIsNoNews() throws {
        let bench = try Bench(["executor.test"])
        let records: [NameServer.Record] = [.address("127.0.0.7", seconds: 9), .address("127.0.0.8", seconds: 9)]
        bench.server.records["executor.test"] = records
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        bench.server.records["executor.test"] = records.reversed()
        bench.pass(10)
        #expect(bench.server.asked(for: "executor.test") == 2 && bench.said.isEmpty)
    }

    @Test func aNameThatIsNotThereIsSaidOnce() throws {
        let bench = try Bench(["executor.test"])
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.hosts().isEmpty)
        #expect(bench.said.count == 1)
        #expect(bench.said[0].hasPrefix("warning: cannot resolve executor.test: "))
        // The resolver repeats a failed query after 5, 10, 20, 40, 60 and 60 s. The server counts queries for this very
        // name only, because a search list in /etc/resolv.conf adds queries for other names.
        for (count, seconds) in [5, 10, 20, 40, 60, 60].enumerated() {
            bench.pass(UInt64(seconds) - 1)
            #expect(bench.server.asked(for: "executor.test") == 1 + count)
            bench.pass(1)
            #expect(bench.server.asked(for: "executor.test") == 2 + count)
        }
        #expect(bench.said.count == 1)
        bench.server.records["executor.test"] = [.address("127.0.0.7", seconds: 60)]
        bench.pass(60)
        #expect(bench.hosts() == ["127.0.0.7"])
        #expect(bench.said.last == "executor.test is at 127.0.0.7:8000" && bench.said.count == 2)
        bench.pass(60)
        #expect(bench.said.count == 2)
    }

    @Test(arguments: [NameServer.Behaviour.failing, .silent, .answers])
    func aFailedRefreshKeepsTheLastAnswer(behaviour: NameServer.Behaviour) throws {
        let bench = try Bench(["executor.test"], timeoutMilliseconds: behaviour == .silent ? 100 : 60_000)
        bench.server.records["executor.test"] = [.address("127.0.0.7", seconds: 10)]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        bench.server.behaviour = behaviour
        // The name no longer exists.
        bench.server.records = [:]
        bench.pass(11)
        // If the server is silent, c-ares times out by the real clock, which the test cannot advance. So the loop is
        // turned, with 1 ms of the test's clock for each turn, until the timeout is reported.
        #expect(
            bench.run {
                bench.test.clock.advance(by: second / 1000)
                return !bench.said.isEmpty
            }
        )
        #expect(bench.hosts() == ["127.0.0.7"])
        #expect(bench.said[0].hasPrefix("warning: cannot resolve executor.test again: "))
        #expect(bench.said[0].hasSuffix("Its last addresses stay"))
        // The addresses are the same as before the failure, but the recovery is logged all the same.
        bench.server.behaviour = .answers
        bench.server.records["executor.test"] = [.address("127.0.0.7", seconds: 10)]
        bench.pass(5)
        #expect(bench.run { bench.said.count == 2 })
        #expect(bench.said[1] == "executor.test is at 127.0.0.7:8000")
    }

    @Test func aSilentServerHoldsTheStartForItsPatienceOnly() throws {
        let bench = try Bench(["one.test", "two.test", "127.0.0.1"])
        bench.server.behaviour = .silent
        bench.start()
        bench.test.pass(2 * second - 1)
        #expect(bench.settled == 0)
        bench.test.pass(1)
        #expect(bench.settled == 1)
        #expect(bench.said.count == 2 && bench.said.allSatisfy { $0.contains(".test: no answer yet.") })
    }

    @Test func oneNameDoesNotHoldUpAnother() throws {
        let bench = try Bench(["no.test", "executor.test", "localhost"])
        bench.server.records["executor.test"] = [.address("127.0.0.7", seconds: 60)]
        bench.start()
        #expect(bench.hosts(2).contains("127.0.0.1"), "/etc/hosts is read at once")
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.hosts(0).isEmpty && bench.hosts(1) == ["127.0.0.7"])
    }

    @Test func aCutAnswerIsAskedForOverTCP() throws {
        let bench = try Bench(["executor.test"])
        bench.server.behaviour = .truncating
        bench.server.records["executor.test"] = (1...60).map { .address("127.0.1.\($0)", seconds: 60) }
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.server.overTCP > 0)
        #expect(bench.hosts().count == AddressBook.addressesMax)
    }

    /// `stop` removes all timers of c-ares from the event loop, even if a query is unanswered.
    @Test func stoppingInTheMidstOfAQuestionLeavesNothing() throws {
        let bench = try Bench(["executor.test"])
        bench.server.behaviour = .silent
        bench.start()
        bench.pass(0)
        #expect(!bench.server.questions.isEmpty && bench.test.loop.timers.active > 0)
        bench.resolver.stop()
        #expect(bench.test.loop.timers.active == 0)
        bench.server.behaviour = .answers
        bench.pass(600)
        #expect(bench.settled == 0 && bench.said.isEmpty)
    }

    // MARK: Lists

    private static let engine = [NameLookup(host: "engine.test", port: 8000)]
    private static let service = [NameLookup(service: "_llm._tcp.test")]

    @Test func everyAddressOfANameIsListed() throws {
        let bench = try Bench(["engine.test"], lists: Self.engine)
        let records = ["127.0.0.9", "127.0.0.8", "::1"].map { NameServer.Record.address($0, seconds: 10) }
        bench.server.records["engine.test"] = records
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.listed() == ["127.0.0.8:8000 1.0", "127.0.0.9:8000 1.0", "[::1]:8000 1.0"])
        #expect(bench.changes == 1 && bench.hosts().count == 3, "a book of the same name is filled beside it")
        bench.server.records["engine.test"] = records.reversed()
        bench.pass(11)
        #expect(bench.server.asked(for: "engine.test") == 4 && bench.changes == 1, "a new order is no change")
        bench.server.records["engine.test"] = [records[0], .address("127.0.0.7", seconds: 10)]
        bench.pass(11)
        #expect(bench.listed() == ["127.0.0.7:8000 1.0", "127.0.0.9:8000 1.0"])
        #expect(bench.changes == 2)
        #expect(bench.said.allSatisfy { $0.hasPrefix("engine.test is at ") }, "that is about the book: \(bench.said)")
    }

    @Test(arguments: [NameServer.Behaviour.failing, .answers])
    func aListKeepsItsLastAddresses(behaviour: NameServer.Behaviour) throws {
        let bench = try Bench([], lists: Self.engine)
        bench.server.records["engine.test"] = [.address("127.0.0.7", seconds: 10)]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        bench.server.behaviour = behaviour
        // The name exists, but has no address.
        bench.server.records["engine.test"] = []
        bench.pass(11)
        #expect(bench.listed() == ["127.0.0.7:8000 1.0"] && bench.changes == 1)
        #expect(bench.said.count == 1 && bench.said[0].hasSuffix("Its last addresses stay"))
        bench.server.behaviour = .answers
        bench.server.records["engine.test"] = [.address("127.0.0.7", seconds: 10)]
        bench.pass(5)
        #expect(bench.run { bench.said.count == 2 })
        #expect(bench.said[1] == "engine.test resolves again, to 1 addresses" && bench.changes == 1)
    }

    @Test func tooManyAddressesAreSaidOnce() throws {
        let bench = try Bench([], lists: Self.engine)
        var records = (0..<300).map { NameServer.Record.address("127.1.\($0 / 200).\($0 % 200)", seconds: 5) }
        bench.server.behaviour = .truncating
        bench.server.records["engine.test"] = records
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.lists[0].addresses.count == AddressList.addressesMax)
        for changes in 2...3 {
            // An address in the list disappears from DNS. One of the 44 addresses for which the list had no room
            // replaces it.
            records.removeFirst()
            bench.server.records["engine.test"] = records
            bench.test.pass(6 * second)
            #expect(bench.run { bench.changes == changes })
            #expect(bench.lists[0].addresses.count == AddressList.addressesMax)
        }
        #expect(bench.said == ["warning: engine.test has 300 addresses, of which 256 are used"])
    }

    @Test func aServiceIsItsRecordsAndTheirTargets() throws {
        let bench = try Bench([], lists: Self.service)
        bench.server.records["_llm._tcp.test"] = [
            .service("a.test", port: 8001, priority: 1, weight: 30, seconds: 60),
            .service("b.test", port: 8002, priority: 1, weight: 10, seconds: 60),
            .service("backup.test", port: 8003, priority: 2, weight: 10, seconds: 60),
        ]
        bench.server.records["a.test"] = [.address("127.0.0.7", seconds: 9), .address("127.0.0.8", seconds: 60)]
        bench.server.records["b.test"] = [.alias("c.test", seconds: 60)]
        bench.server.records["c.test"] = [.address("127.0.0.9", seconds: 60)]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        #expect(bench.listed() == ["127.0.0.7:8001 15.0", "127.0.0.8:8001 15.0", "127.0.0.9:8002 10.0"])
        #expect(bench.server.asked(for: "backup.test") == 0 && bench.changes == 1)
        // The resolver asks again after the shortest TTL of all records, here 10 s. A record whose weight alone differs
        // changes the list.
        bench.server.records["_llm._tcp.test"] = [.service("b.test", port: 8002, weight: 20, seconds: 60)]
        bench.pass(8)
        #expect(bench.server.asked(for: "_llm._tcp.test", "SRV") == 1)
        bench.pass(2)
        #expect(bench.run { bench.changes == 2 })
        #expect(bench.listed() == ["127.0.0.9:8002 20.0"])
        #expect(bench.said.isEmpty)
    }

    /// An SRV record with the target `.` means that the service is not available (RFC 2782).
    ///
    /// The resolver keeps the last addresses, as it does after any failure.
    @Test func aServiceWithoutServersKeepsItsLastOnes() throws {
        let bench = try Bench([], lists: Self.service)
        bench.server.records["_llm._tcp.test"] = [.service("a.test", port: 8001, seconds: 5)]
        bench.server.records["a.test"] = [.address("127.0.0.7", seconds: 5)]
        bench.start()
        #expect(bench.run { bench.settled == 1 })
        bench.server.records["_llm._tcp.test"] = [.service("", port: 8001, seconds: 5)]
        bench.pass(6)
        #expect(bench.run { bench.said.count == 1 })
        #expect(bench.said[0].hasPrefix("warning: cannot resolve _llm._tcp.test again: "))
        #expect(bench.listed() == ["127.0.0.7:8001 0.0"] && bench.changes == 1)
    }

    @Test func aListThatIsNoLongerWantedIsNotAskedFor() throws {
        let bench = try Bench([], lists: Self.service + Self.engine)
        bench.server.records["_llm._tcp.test"] = [.service("a.test", port: 8001, seconds: 5)]
        bench.server.records["engine.test"] = [.address("127.0.0.7", seconds: 5)]
        bench.start()
        // The server has answered the SRV query, and the resolver now asks for the address of its target `a.test`.
        #expect(bench.run { bench.server.asked(for: "a.test") > 0 })
        bench.resolver.adopt([], [bench.lists[1]])
        #expect(bench.run { !bench.listed(1).isEmpty })
        bench.pass(6)
        #expect(bench.server.asked(for: "engine.test") == 2)
        #expect(bench.server.asked(for: "_llm._tcp.test", "SRV") == 1 && bench.listed(0).isEmpty)
    }
}
