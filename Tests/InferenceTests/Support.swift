// Helpers that the tests of Inference share.

import Inference

extension RequestBody {
    convenience init(_ text: String) {
        self.init(expecting: text.utf8.count)
        append(Array(text.utf8).span)
    }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

/// The events of a stream that arrives in these chunks, and whether the stream ended after a complete event.
func events(_ chunks: [[UInt8]]) -> (events: [String], isWhole: Bool) {
    var splitter = EventSplitter()
    var found: [String] = []
    for chunk in chunks { splitter.feed(chunk.span) { event, _ in found.append(text(copy(event))) } }
    let isWhole = splitter.finish { event, _ in found.append(text(copy(event))) }
    return (found, isWhole)
}

/// A generator with a seed (Knuth's linear congruential generator), so that each run uses the same numbers.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32 | state << 32
    }
}
