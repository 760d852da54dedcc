// Spans into arrays, by the block: a loop over bytes checks and grows at each.

extension [UInt8] {
    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
