import Configuration
import LoopTesting
import Testing
import Transport

@testable import Edge

/// The counted requests of a test; each stays counted as long as its `AddressHold` exists.
private final class Holds { var all: [AddressHold] = [] }

@Suite struct AddressTableTests {
    private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(numeric: text, port: 1)) }

    private func limits(_ change: (inout AddressLimits) -> Void) -> AddressLimits {
        var limits = AddressLimits()
        (limits.newConnections, limits.handshakes) = (nil, nil)
        change(&limits)
        return limits
    }

    private func isGranted(
        _ table: AddressTable,
        _ address: SocketAddress,
        _ limits: AddressLimits,
        into holds: Holds
    ) -> Bool {
        do throws(AddressRefusal) {
            guard let hold = try table.hold(.request, for: address, limits: limits, at: 0) else { return true }
            holds.all.append(hold)
            return true
        } catch {
            return false
        }
    }

    @Test func addressesAreCountedApart() throws {
        let table = AddressTable()
        let limits = limits { $0.streams = 1 }
        let holds = Holds()
        #expect(try isGranted(table, address("192.0.2.1"), limits, into: holds))
        #expect(try !isGranted(table, address("192.0.2.1"), limits, into: holds))
        #expect(try !isGranted(table, address("::ffff:192.0.2.1"), limits, into: holds))
        #expect(try isGranted(table, address("192.0.2.2"), limits, into: holds))
        holds.all.removeFirst().end()
        #expect(try isGranted(table, address("192.0.2.1"), limits, into: holds))
    }

    @Test func aNetworkOf48BitsHasEightTimesTheLimitAndARefusalLeavesNoTrace() throws {
        let table = AddressTable()
        let limits = limits { $0.streams = 1 }
        let holds = Holds()
        for number in 0..<8 {
            #expect(try isGranted(table, address("2001:db8:1:\(number)::1"), limits, into: holds))
        }
        let ninth = try address("2001:db8:1:8::1")
        let refusal = #expect(throws: AddressRefusal.self) {
            try table.hold(.request, for: ninth, limits: limits, at: 0)
        }
        #expect(refusal?.group.description == "2001:db8:1::/48")
        #expect(table.held(by: ninth)?.isEmpty == true)
        #expect(try isGranted(table, address("2001:db8:2::1"), limits, into: holds))
        holds.all = []
        #expect(isGranted(table, ninth, limits, into: holds))
    }

    @Test func aUnixSocketIsNotCounted() throws {
        let table = AddressTable()
        let address = try #require(SocketAddress(unixPath: "/run/x"))
        #expect(try table.hold(.request, for: address, limits: limits { $0.streams = 1 }, at: 0) == nil)
        #expect(table.count == 0)
    }

    @Test func aTableOfHeldEntriesGrantsMoreWithoutCountingThem() throws {
        let table = AddressTable(capacity: 4, shards: 1)
        let limits = limits { $0.streams = 1 }
        let holds = Holds()
        for number in 0..<4 { #expect(try isGranted(table, address("10.0.0.\(number)"), limits, into: holds)) }
        for _ in 0..<3 { #expect(try isGranted(table, address("10.0.0.9"), limits, into: holds)) }
        #expect(table.uncountedClaims == 3 && table.count == 4 && holds.all.count == 4)
        #expect(try !isGranted(table, address("10.0.0.1"), limits, into: holds), "what is counted stays limited")
    }

    @Test func aKnownAddressIsThatOfItsWholeGroupAndOfNoOther() throws {
        let table = AddressTable()
        table.noteKnown(try address("2001:db8::1"), at: 1)
        table.noteKnown(try #require(SocketAddress(unixPath: "/run/x")), at: 1)
        #expect(table.isKnown(try address("2001:db8::2"), at: 2))
        #expect(!table.isKnown(try address("2001:db8:0:1::1"), at: 2))
        #expect(!table.isKnown(try #require(SocketAddress(unixPath: "/run/x")), at: 2))
        #expect(table.count == 1)
    }

    @Test func unknownKeysAreCountedByAddress() throws {
        let table = AddressTable()
        let address = try address("192.0.2.1")
        let limits = limits { $0.unknownKeys = 2 }
        for _ in 0..<2 { try table.countUnknownKey(of: address, limits: limits, at: 0) }
        #expect(throws: AddressRefusal.self) { try table.countUnknownKey(of: address, limits: limits, at: 0) }
    }

    /// The table grants and refuses random requests and connections of addresses as a plain dictionary of counts does.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theTableAgreesWithAModel(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let table = AddressTable(capacity: 256, shards: 4)
        let limits = limits { ($0.streams, $0.connections, $0.handshakes) = (5, 4, 2) }
        let addresses = try (0..<40).map { try address("10.0.0.\($0)") }
        var model: [Int: AddressHoldings] = [:]
        var holds: [(number: Int, claim: AddressClaim, hold: AddressHold)] = []
        for _ in 0..<20_000 {
            if Bool.random(using: &random), !holds.isEmpty {
                let last = holds.remove(at: Int.random(in: 0..<holds.count, using: &random))
                model[last.number]? -= AddressHoldings(last.claim)
                continue
            }
            let number = Int.random(in: 0..<40, using: &random)
            let claim: AddressClaim = Bool.random(using: &random) ? .request : .connection(isSecure: true)
            var held = model[number] ?? AddressHoldings(.unknownKey)
            held += AddressHoldings(claim)
            let fits = held.streams <= 5 && held.connections <= 4 && held.handshakes <= 2
            let hold: AddressHold?
            do throws(AddressRefusal) {
                hold = try table.hold(claim, for: addresses[number], limits: limits, at: 0)
            } catch {
                hold = nil
            }
            #expect((hold != nil) == fits, "address \(number), \(claim)")
            guard let hold else { continue }
            model[number] = held
            holds.append((number, claim, hold))
        }
        for (number, held) in model { #expect(table.held(by: addresses[number]) == held) }
        holds = []
        for number in model.keys { #expect(table.held(by: addresses[number])?.isEmpty == true) }
    }

    /// Threads that begin and end requests at the same time never exceed the limit, and the counts end at 0.
    @Test func countsAreExactAcrossThreads() throws {
        let table = AddressTable()
        let limits = limits { $0.streams = 3 }
        let address = try address("192.0.2.1")
        let most = Lock(0)
        let threads = (0..<4).map { number in
            Transport.Thread(name: "claims-\(number)") {
                for _ in 0..<5000 {
                    guard let hold = try? table.hold(.request, for: address, limits: limits, at: 0) else { continue }
                    let held = table.held(by: address)?.streams ?? 0
                    most.withLock { $0 = max($0, held) }
                    hold.end()
                    hold.end()
                }
            }
        }
        for thread in threads { thread.join() }
        #expect((1...3).contains(most.withLock { $0 }))
        #expect(table.held(by: address)?.isEmpty == true)
    }

    @Test func resetsRefuseTheirAddressAndNoOther() throws {
        let table = AddressTable()
        let second: Nanoseconds = 1_000_000_000
        let (one, other) = (try address("192.0.2.1"), try address("192.0.2.2"))
        #expect(table.countReset(of: one, most: 2, at: second) == nil)
        #expect(table.resetWait(of: one, at: second) == 0)
        #expect(table.countReset(of: one, most: 2, at: second)?.description == "192.0.2.1")
        #expect(table.countReset(of: one, most: 2, at: second) == nil, "one warning a minute")
        #expect(table.resetWait(of: one, at: second) == 60 * second)
        #expect(table.resetWait(of: other, at: second) == 0)
        #expect(table.resetWait(of: one, at: 61 * second) == 0)
    }

    @Test func a48MayResetEightTimesAsOften() throws {
        let table = AddressTable()
        let second: Nanoseconds = 1_000_000_000
        for number in 0..<15 {
            #expect(table.countReset(of: try address("2001:db8:1:\(number)::1"), most: 2, at: second) == nil)
        }
        let last = try address("2001:db8:1:15::1")
        #expect(table.countReset(of: last, most: 2, at: second)?.description == "2001:db8:1::/48")
        #expect(table.resetWait(of: try address("2001:db8:1:99::1"), at: second) > 0)
        #expect(table.resetWait(of: try address("2001:db8:2::1"), at: second) == 0)
        #expect(table.countReset(of: try #require(SocketAddress(unixPath: "/run/a")), most: 1, at: second) == nil)
    }
}
