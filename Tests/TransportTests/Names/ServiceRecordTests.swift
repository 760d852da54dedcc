// Reading SRV records from the bytes of a DNS message, which may be malformed.
import Testing

@testable import Transport

@Suite struct ServiceRecordTests {
    private static let head: [UInt8] = [0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
    /// The question `_a._tcp.x SRV IN` in a DNS message.
    private static let question: [UInt8] = [2, 95, 97, 4, 95, 116, 99, 112, 1, 120, 0, 0, 33, 0, 1]

    private func record(_ data: [UInt8], type: UInt8 = 33, ttl: [UInt8] = [0, 0, 0, 60]) -> [UInt8] {
        [0xC0, 12, 0, type, 0, 1] + ttl + [0, UInt8(data.count)] + data
    }

    private func read(_ records: [[UInt8]]) -> ServiceAnswer? {
        var message = Self.head + Self.question
        message[7] = UInt8(records.count)
        return ServiceAnswer(message: message + records.flatMap(\.self))
    }

    @Test func recordsAreReadWithTheirTTL() throws {
        // Priority 1, weight 2, port 8000. The second record's target is a compression pointer to the first record's.
        let first = record([0, 1, 0, 2, 0x1F, 0x40, 2, 71, 80, 0])
        let target = UInt8(12 + Self.question.count + 12 + 6)
        let answer = try #require(read([first, record([0, 3, 1, 0, 0, 80, 0xC0, target], ttl: [0, 0, 0, 9])]))
        #expect(
            answer.records == [
                ServiceRecord(priority: 1, weight: 2, port: 8000, target: "gp"),
                ServiceRecord(priority: 3, weight: 256, port: 80, target: "gp"),
            ]
        )
        #expect(answer.secondsToLive == 9)
        #expect(answer.preferred == [answer.records[0]], "the lowest priority that there is")
    }

    @Test func whatNamesNoServerIsSkipped() throws {
        let none = record([0, 0, 0, 0, 0, 80, 0])
        let portless = record([0, 0, 0, 0, 0, 0, 1, 97, 0])
        let strange = record([0, 0, 0, 0, 0, 80, 2, 97, 47, 0])
        let alias = record([1, 98, 0], type: 5, ttl: [0, 0, 0, 5])
        let answer = try #require(read([none, portless, strange, alias]))
        #expect(answer.records.isEmpty && answer.secondsToLive == 5)
        #expect(try #require(read([record([1, 98, 0], type: 5, ttl: [0x80, 0, 0, 5])])).secondsToLive == 0)
        #expect(try #require(read([])).secondsToLive == 0)
    }

    /// A record's target (a domain name) that is malformed makes the whole message invalid.
    ///
    /// Its compression pointer points to itself, forward or beyond the message, or the target is cut off.
    @Test(arguments: [[0xC0, 45], [0xC0, 200], [0xFF, 0xFF], [0xC0], [0x80, 0], [63, 97], []] as [[UInt8]])
    func aFaultyTargetEndsTheReading(target: [UInt8]) {
        #expect(read([record([0, 0, 0, 0, 0, 80] + target)]) == nil)
    }

    @Test func everyPrefixAndEveryChangedByteIsRead() throws {
        let records = record([0, 1, 0, 2, 0x1F, 0x40, 2, 71, 80, 0]) + record([0, 3, 1, 0, 0, 80, 0xC0, 12])
        var message = Self.head + Self.question + records
        message[7] = 2
        for count in message.indices { #expect(ServiceAnswer(message: Array(message[..<count])) == nil) }
        var readable = 0
        for index in message.indices {
            for value in [0, 1, 0x3F, 0x40, 0xC0, 0xFF] as [UInt8] {
                var changed = message
                changed[index] = value
                if let answer = ServiceAnswer(message: changed) {
                    readable += 1
                    #expect(answer.records.count <= 2)
                }
            }
        }
        #expect(readable > 0)
    }

    /// A compression pointer in a name may point to another pointer: 128 in a row are followed, and 129 are an error.
    @Test(arguments: [(128, true), (129, false)])
    func soManyPointersAreFollowed(count: Int, isRead: Bool) {
        // A record of another type holds the name, and then pointers. The first points to the name, and each later one
        // to the pointer before it.
        let begin = 12 + Self.question.count + 12
        var chain: [UInt8] = [1, 97, 0]
        for number in 0..<count - 1 {
            let target = number == 0 ? begin : begin + 3 + 2 * (number - 1)
            chain += [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)]
        }
        let last = begin + 3 + 2 * (count - 2)
        let pointer = [0xC0 | UInt8(last >> 8), UInt8(last & 0xFF)]
        let head: [UInt8] = [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, UInt8(chain.count >> 8), UInt8(chain.count & 0xFF)]
        var message = Self.head + Self.question + head + chain
        message += record([0, 0, 0, 0, 0, 80] + pointer)
        message[7] = 2
        #expect(ServiceAnswer(message: message)?.records.map(\.target) == (isRead ? ["a"] : nil))
    }

    @Test func aNameIsBounded() {
        let label: [UInt8] = [63] + [UInt8](repeating: 97, count: 63)
        let long = label + label + label + label + label + [0]
        var bytes = Self.head + Self.question + [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 1, 71] as [UInt8]
        bytes += [0, 0, 0, 0, 0, 80] + long
        #expect(ServiceAnswer(message: bytes) == nil)
    }
}
