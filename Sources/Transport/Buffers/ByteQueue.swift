// Bytes on their way out: chains of pooled chunks. Confined to the worker that owns the pool.
internal import CLinux
internal import Glibc

/// One chunk's header; its bytes follow it in the same allocation.
@safe
struct Chunk {
    static let size = 4096
    static let room = size - MemoryLayout<Chunk>.size
    var next: UnsafeMutablePointer<Chunk>?
    var start: Int32 = 0
    var end: Int32 = 0

    static func bytes(of chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(chunk + 1)
    }
}

/// The chunks of one worker.
///
/// Keeps a bounded number of free ones, so that a burst does not become malloc traffic.
@safe
package final class ChunkPool {
    private var free: UnsafeMutablePointer<Chunk>?
    private var freeCount = 0
    private let freeMax: Int
    /// Bytes of all chunks in use.
    package private(set) var bytesInUse = 0

    /// - Parameter freeMax: how many free chunks of 4 KiB are kept.
    package init(freeMax: Int = 512) { self.freeMax = freeMax }

    deinit {
        while let chunk = unsafe free {
            unsafe free = chunk.pointee.next
            unsafe Glibc.free(chunk)
        }
    }

    func take() -> UnsafeMutablePointer<Chunk> {
        bytesInUse += Chunk.size
        if let chunk = unsafe free {
            unsafe free = chunk.pointee.next
            freeCount -= 1
            unsafe chunk.pointee = Chunk()
            return unsafe chunk
        }
        let memory = unsafe malloc(Chunk.size)!
        let chunk = unsafe memory.bindMemory(to: Chunk.self, capacity: 1)
        unsafe chunk.initialize(to: Chunk())
        return unsafe chunk
    }

    func giveBack(_ chunk: UnsafeMutablePointer<Chunk>) {
        bytesInUse -= Chunk.size
        guard freeCount < freeMax else {
            unsafe Glibc.free(chunk)
            return
        }
        unsafe chunk.pointee.next = free
        unsafe free = chunk
        freeCount += 1
    }
}

/// A first-in, first-out queue of bytes over pooled chunks; holds no memory when it is empty.
@safe
package struct ByteQueue: ~Copyable {
    private let pool: ChunkPool
    private var head: UnsafeMutablePointer<Chunk>?
    private var tail: UnsafeMutablePointer<Chunk>?
    package private(set) var count = 0

    package init(pool: ChunkPool) { self.pool = pool }

    deinit {
        var next = unsafe head
        while let chunk = unsafe next {
            unsafe next = chunk.pointee.next
            unsafe pool.giveBack(chunk)
        }
    }

    package var isEmpty: Bool { count == 0 }

    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard var source = bytes.baseAddress else { return }
        var left = bytes.count
        count += left
        while left > 0 {
            if unsafe tail == nil || tail!.pointee.end == Int32(Chunk.room) {
                let chunk = unsafe pool.take()
                if let last = unsafe tail { unsafe last.pointee.next = chunk } else { unsafe head = chunk }
                unsafe tail = chunk
            }
            let chunk = unsafe tail!
            let end = unsafe Int(chunk.pointee.end)
            let step = min(left, Chunk.room - end)
            unsafe (Chunk.bytes(of: chunk) + end).copyMemory(from: source, byteCount: step)
            unsafe chunk.pointee.end += Int32(step)
            unsafe source += step
            left -= step
        }
    }

    package mutating func append(_ bytes: [UInt8]) { append(bytes.span) }

    /// Calls `body` with the first contiguous bytes (empty when there are none) and drops as many as it returns.
    /// - Returns: how many were dropped.
    package mutating func consumeFirst(_ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        guard let chunk = unsafe head else { return 0 }
        let start = unsafe Int(chunk.pointee.start)
        let bytes = unsafe UnsafeRawBufferPointer(
            start: Chunk.bytes(of: chunk) + start,
            count: Int(chunk.pointee.end) - start
        )
        let used = unsafe body(bytes)
        drop(used)
        return used
    }

    /// Moves up to `limit` bytes to the end of `target`.
    package mutating func move(upTo limit: Int, to target: Scratch) {
        var left = min(limit, count)
        while left > 0 {
            unsafe left -= consumeFirst { bytes in
                let step = min(bytes.count, left)
                unsafe target.append(UnsafeRawBufferPointer(rebasing: bytes[..<step]))
                return step
            }
        }
    }

    package mutating func drop(_ amount: Int) {
        var left = amount
        count -= amount
        while left > 0, let chunk = unsafe head {
            let here = unsafe Int(chunk.pointee.end - chunk.pointee.start)
            if left < here {
                unsafe chunk.pointee.start += Int32(left)
                return
            }
            left -= here
            unsafe head = chunk.pointee.next
            if unsafe head == nil { unsafe tail = nil }
            unsafe pool.giveBack(chunk)
        }
    }

    package mutating func removeAll() { drop(count) }
}
