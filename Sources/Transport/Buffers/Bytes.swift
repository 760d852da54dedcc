// Fast operations on byte arrays, for code that runs for each request. A span is appended as one block, because a loop
// would check the capacity for each byte. Numbers are appended without an intermediate String.
internal import Glibc

extension Span<UInt8> {
    /// Whether the bytes equal the UTF-8 bytes of `text`.
    package func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return unsafe withUnsafeBufferPointer {
            unsafe $0.isEmpty || memcmp($0.baseAddress!, text.utf8Start, count) == 0
        }
    }
}

extension [UInt8] {
    /// Appends a number as decimal text.
    package mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var divisor: UInt = 1
        while number.magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number.magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends the last `count` decimal digits of a non-negative number, padded with leading zeros.
    package mutating func append(digits number: Int, count: Int) {
        var divisor = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends the UTF-8 bytes of `text` as one block.
    package mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends bytes as one block.
    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
