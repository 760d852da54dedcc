// The body of a request: one buffer, filled as bytes arrive, never changed after, replayed by each attempt.

import Glibc

@safe package final class RequestBody {
    /// Readable bytes after the body, which the scanner needs.
    package static let padding = 64

    private var base: UnsafeMutableRawPointer
    package private(set) var count = 0
    /// How many bytes fit before the buffer grows.
    package private(set) var capacity: Int

    /// With a known length as its hint the buffer never grows.
    package init(capacityHint: Int = 0) {
        capacity = max(capacityHint, 0)
        unsafe base = Self.reallocated(nil, to: capacity)
        unsafe memset(base, 0, Self.padding)
    }
    deinit { unsafe free(base) }

    /// What the buffer takes of memory.
    package var footprint: Int { capacity + Self.padding }

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

    private func grow(to needed: Int) {
        guard needed > capacity else { return }
        capacity = max(needed, capacity * 2, 4096)
        unsafe base = Self.reallocated(base, to: capacity)
    }

    private static func reallocated(_ old: UnsafeMutableRawPointer?, to capacity: Int) -> UnsafeMutableRawPointer {
        guard let new = unsafe realloc(old, capacity + padding) else { fatalError("out of memory") }
        return unsafe new
    }
}
