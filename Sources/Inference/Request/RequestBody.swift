// The body of a request in one buffer. The buffer is filled as bytes arrive, and each attempt sends the body from it.

import Glibc

/// A growing buffer of bytes with readable padding after them.
///
/// One thread at a time may use a body.
@safe package final class RequestBody {
    /// The number of zero bytes after the body, which the scanner may read.
    package static let padding = 64

    /// The smallest capacity, in bytes, of a buffer that is not empty.
    ///
    /// The buffer is smaller only if the client announces a shorter body.
    package static let firstCapacity = 4096
    /// A buffer below this capacity, in bytes, grows fourfold at a time; a larger buffer grows twofold.
    private static let fastGrowthMax = 256 << 10

    private var base: UnsafeMutableRawPointer
    /// The length of the body in bytes.
    package private(set) var count = 0
    /// How many bytes the buffer can hold before it grows, without the padding.
    package private(set) var capacity: Int
    /// The announced length in bytes; 0 if none was announced.
    private let expected: Int

    /// Makes an empty body.
    ///
    /// - Parameter expected: The length that the client has announced, in bytes; 0 if it has announced none. The buffer
    ///   grows beyond this length only if more bytes arrive. Before the first bytes, the buffer takes at most 4 KiB.
    package init(expecting expected: Int = 0) {
        self.expected = max(expected, 0)
        capacity = min(self.expected, Self.firstCapacity)
        unsafe base = Self.reallocated(nil, to: capacity)
        unsafe memset(base, 0, Self.padding)
    }
    deinit { unsafe free(base) }

    /// The memory that the buffer takes, in bytes.
    package var footprint: Int { capacity + Self.padding }

    /// The memory that the buffer will take after `bytes` more bytes have been appended, in bytes.
    package func footprint(appending bytes: Int) -> Int { grownCapacity(for: count + bytes) + Self.padding }

    /// Appends bytes; ends the process if there is no memory.
    package func append(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        grow(to: count + bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe _ = memcpy(base + count, source.baseAddress!, source.count)
        }
        count += bytes.count
        unsafe memset(base + count, 0, Self.padding)
    }

    /// Calls a closure with the bytes of the body.
    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        let bytes = unsafe UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count)
        return try body(unsafe bytes.span)
    }

    /// Calls a closure with the bytes of the body.
    ///
    /// The padding follows the bytes, but `bytes.count` does not include it.
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
