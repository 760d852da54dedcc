// Shared by all fuzz targets: the fuzzer's input, how it is cut into reads, and what the targets find wrong.
import LoopTesting

/// A part of the server that is tested with a fuzzer's bytes.
///
/// Each target is created once per process, and `run` must leave no state behind.
package protocol FuzzTarget: AnyObject {
    /// The name of the target's folder under `Tests/Fuzz/Corpus`.
    static var name: String { get }
    init()
    func run(_ input: FuzzInput, _ findings: Findings)
}

package enum FuzzTargets {
    package static var all: [any FuzzTarget.Type] {
        [
            HTTP1HeadTarget.self, HTTP1ChunksTarget.self, EventsTarget.self, JSONTarget.self, ConfigurationTarget.self,
            HTTP1ServerTarget.self, HTTP2SessionTarget.self, UpgradeTarget.self, HTTP1ExecutorTarget.self,
            HTTP2ExecutorTarget.self, ProxyHeaderTarget.self, ProxyHeaderV2Target.self, ForwardedFieldsTarget.self,
            AddressListTarget.self,
        ]
    }

    /// Runs a target once.
    ///
    /// - Returns: The messages of what it found wrong; empty if it found nothing.
    package static func run(_ target: any FuzzTarget, on bytes: [UInt8]) -> [String] {
        let findings = Findings()
        target.run(FuzzInput(bytes), findings)
        return findings.messages
    }
}

/// The faults that a target has found in one run.
package final class Findings {
    package private(set) var messages: [String] = []

    package init() {}

    /// Records a finding if the condition is false.
    func expect(
        _ condition: Bool,
        _ message: @autoclosure () -> String,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        if condition || messages.count >= 8 { return }
        messages.append("\(file):\(line): \(message())")
    }
}

/// The bytes of a fuzzer.
///
/// A target takes bytes that choose its settings from the end, so that the beginning can be text as a peer would send
/// it.
package struct FuzzInput {
    private var bytes: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    /// Removes and returns the last byte, by which the target chooses a setting; 0 if none remains.
    mutating func choice() -> UInt8 { bytes.popLast() ?? 0 }

    /// The bytes that have not been taken.
    var rest: [UInt8] { Array(bytes) }
}

/// Cuts bytes into the pieces in which a connection receives them; the same `choice` always gives the same cuts.
struct Cuts {
    private var random: SplitMix
    private let longest: Int

    static let none = Cuts(0)
    static let everywhere = Cuts(1)

    /// - Parameter choice: 0 cuts nowhere, 1 after each byte; any other number gives random cuts.
    init(_ choice: UInt8) {
        random = SplitMix(state: UInt64(choice))
        longest = choice == 0 ? .max : choice == 1 ? 1 : 2 << (Int(choice) % 11)
    }

    /// The length of the next piece.
    mutating func next(of left: Int) -> Int {
        guard longest > 1, longest < .max else { return min(left, longest) }
        return min(left, Int.random(in: 1...longest, using: &random))
    }

    /// Cuts `count` bytes into pieces.
    mutating func pieces(of count: Int) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = 0
        while start < count {
            let length = next(of: count - start)
            pieces.append(start..<start + length)
            start += length
        }
        return pieces
    }
}

extension SplitMix {
    /// Derives a random number from one byte of the input; the same byte always gives the same number.
    static func first(of choice: UInt8) -> UInt64 {
        var random = SplitMix(state: UInt64(choice))
        return choice == 0 ? 0 : random.next()
    }
}

/// The first 200 bytes as text, for a message.
func shown(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes.prefix(200), as: UTF8.self).debugDescription
}
