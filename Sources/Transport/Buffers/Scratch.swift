// The worker's one output buffer: in the flush phase each connection fills it in turn, and one write takes it away.
internal import CLinux
internal import Glibc

/// A growable run of bytes, reused for every connection of a worker.
///
/// Never keeps more than 1 MiB between uses. What is filled is private with an accessor, so that the compiler sees every
/// access and leaves the check of exclusive access out (decision 0024).
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

    package var count: Int { used }
    package var isEmpty: Bool { used == 0 }

    package var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }

    package func removeAll() {
        used = 0
        if capacity > 1 << 20 {
            capacity = 128 << 10
            unsafe base = realloc(base, capacity)!
        }
    }

    package func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        unsafe room(for: bytes.count).copyMemory(from: source, byteCount: bytes.count)
        used += bytes.count
    }

    package func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    package func append(_ bytes: [UInt8]) { append(bytes.span) }

    package func append(_ text: StaticString) {
        unsafe append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Calls `fill` with room for `limit` bytes and keeps as many as it says it wrote.
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
