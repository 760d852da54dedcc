// The output buffer of a worker. When the event loop writes output, the connections use the buffer one after the other:
// each fills it with output, and sends the output with one write.
internal import CLinux
internal import Glibc

/// A growable buffer that all connections of a worker use in turn.
///
/// Keeps at most 1 MiB between uses.
///
/// The variable `used` is private, because the compiler then sees every access and omits Swift's runtime check of
/// exclusive access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
@safe
package final class Scratch {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var used = 0

    package init(capacity: Int = 128 << 10) {
        self.capacity = capacity
        unsafe base = malloc(capacity)!
    }

    deinit { unsafe free(base) }

    /// How many bytes the buffer holds.
    package var count: Int { used }
    package var isEmpty: Bool { used == 0 }

    /// The bytes in the buffer; valid until the buffer is changed.
    package var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }

    /// Empties the buffer for its next use, and shrinks it to 128 KiB if it is larger than 1 MiB.
    package func removeAll() {
        used = 0
        if capacity > 1 << 20 {
            capacity = 128 << 10
            unsafe base = realloc(base, capacity)!
        }
    }

    /// Copies bytes to the end of the buffer.
    package func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        unsafe room(for: bytes.count).copyMemory(from: source, byteCount: bytes.count)
        used += bytes.count
    }

    /// Copies bytes to the end of the buffer.
    package func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    /// Copies bytes to the end of the buffer.
    package func append(_ bytes: [UInt8]) { append(bytes.span) }

    /// Copies the UTF-8 bytes of `text` to the end of the buffer.
    package func append(_ text: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Calls `fill` with `limit` bytes of free space, and appends the bytes that `fill` writes there.
    ///
    /// `fill` returns the number of these bytes.
    package func append(upTo limit: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        let target = unsafe UnsafeMutableRawBufferPointer(start: room(for: limit), count: limit)
        let written = unsafe fill(target)
        precondition(written >= 0 && written <= limit)
        used += written
    }

    private func room(for amount: Int) -> UnsafeMutableRawPointer {
        if count + amount > capacity {
            capacity = max(capacity * 2, count + amount)
            unsafe base = realloc(base, capacity)!
        }
        return unsafe base + count
    }
}
