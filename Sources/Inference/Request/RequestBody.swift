// The body of a client's request in one buffer. The buffer grows as bytes arrive, and each attempt sends the body from
// it.

import Glibc

/// A growing buffer for a request body, with zero bytes after the body that a scanner may read.
///
/// Only one thread at a time may use the object.
@safe package final class RequestBody {
    /// The number of zero bytes that follow the body, because the JSON scanner reads beyond the end of the body.
    package static let padding = 64

    /// The smallest size of a buffer that contains bytes of a body, in bytes.
    ///
    /// The buffer is smaller only if the client announces a shorter body.
    package static let firstCapacity = 4096
    /// When a buffer below this size in bytes is full, its size grows fourfold; a larger buffer doubles its size.
    private static let fastGrowthMax = 256 << 10

    private var base: UnsafeMutableRawPointer
    /// The length of the body in bytes.
    package private(set) var count = 0
    /// How many bytes of the body the buffer can take before it must grow; the padding is not counted.
    package private(set) var capacity: Int
    /// The length of the body that the client has announced, in bytes; 0 if it has announced none.
    private let expected: Int

    /// Makes an empty body.
    ///
    /// - Parameter expected: The length that the client has announced, in bytes; 0 if it has announced none. The buffer
    ///   grows beyond this length only if more bytes arrive. Until the first bytes arrive, `capacity` is at most 4 KiB.
    package init(expecting expected: Int = 0) {
        self.expected = max(expected, 0)
        capacity = min(self.expected, Self.firstCapacity)
        unsafe base = Self.reallocated(nil, to: capacity)
        unsafe memset(base, 0, Self.padding)
    }
    deinit { unsafe free(base) }

    /// The memory that the buffer uses, in bytes.
    package var footprint: Int { capacity + Self.padding }

    /// The memory that the buffer will use once `bytes` more bytes are appended, in bytes.
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
    /// The zero bytes after the body are readable as well, although `bytes.count` does not include them.
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
