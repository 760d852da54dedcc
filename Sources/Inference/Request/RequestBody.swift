// The body of a request: one buffer, filled as bytes arrive, never changed after, replayed by each attempt.

import Glibc

@safe package final class RequestBody {
    /// Readable bytes after the body, which the scanner needs.
    package static let padding = 64

    /// What a buffer has at first, in bytes, where its length is known.
    private static let firstCapacity = 4096
    /// Up to this capacity a buffer grows fourfold, beyond it twofold.
    private static let fastGrowthMax = 256 << 10

    private var base: UnsafeMutableRawPointer
    package private(set) var count = 0
    /// How many bytes fit before the buffer grows.
    package private(set) var capacity: Int
    /// The length that was announced; 0 when none was.
    private let expected: Int

    /// - Parameter expected: the length that the client has announced, 0 when none; the buffer does not grow beyond it,
    ///   but takes no more than 4 KiB before bytes have come.
    package init(expecting expected: Int = 0) {
        self.expected = max(expected, 0)
        capacity = min(self.expected, Self.firstCapacity)
        unsafe base = Self.reallocated(nil, to: capacity)
        unsafe memset(base, 0, Self.padding)
    }
    deinit { unsafe free(base) }

    /// What the buffer takes of memory, in bytes.
    package var footprint: Int { capacity + Self.padding }

    /// What the buffer will take of memory once `bytes` more have been appended.
    package func footprint(appending bytes: Int) -> Int { grownCapacity(for: count + bytes) + Self.padding }

    package func append(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        grow(to: count + bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe _ = memcpy(base + count, source.baseAddress!, source.count)
        }
        count += bytes.count
        unsafe memset(base + count, 0, Self.padding)
    }

    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        let bytes = unsafe UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count)
        return try body(unsafe bytes.span)
    }

    /// The body with the padding that follows it; `bytes` counts the body alone.
    @unsafe func withPaddedBytes<R>(_ body: (_ bytes: UnsafeBufferPointer<UInt8>) -> R) -> R {
        let bytes = unsafe UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count)
        return unsafe body(bytes)
    }

    private func grownCapacity(for needed: Int) -> Int {
        guard needed > capacity else { return capacity }
        let grown = max(needed, capacity * (capacity < Self.fastGrowthMax ? 4 : 2), Self.firstCapacity)
        return needed <= expected ? min(grown, expected) : grown
    }

    private func grow(to needed: Int) {
        guard needed > capacity else { return }
        capacity = grownCapacity(for: needed)
        unsafe base = Self.reallocated(base, to: capacity)
    }

    private static func reallocated(_ old: UnsafeMutableRawPointer?, to capacity: Int) -> UnsafeMutableRawPointer {
        guard let new = unsafe realloc(old, capacity + padding) else { fatalError("out of memory") }
        return unsafe new
    }
}
