// A queue of output that waits to be sent, made of chunks from a `ChunkPool`. Confined to the worker that owns the
// `ChunkPool`.
internal import CLinux
internal import Glibc

/// The header of a chunk, which is one piece of a `ByteQueue`.
///
/// The bytes of the chunk follow the header in the same allocation, or belong to a `SharedBytes`.
@safe
struct Chunk {
    static let size = 4096
    static let room = size - MemoryLayout<Chunk>.size
    /// The memory of a chunk whose bytes belong to a `SharedBytes`: the header and malloc's overhead, in bytes.
    static let referenceSize = 64
    var next: UnsafeMutablePointer<Chunk>?
    /// The owner of the bytes, retained by the chunk; nil if the bytes follow the header.
    var shared: Unmanaged<SharedBytes>?
    var start: Int32 = 0
    var end: Int32 = 0

    static func bytes(of chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(chunk + 1)
    }
}

/// Allocates the chunks of one worker, and reuses free chunks.
///
/// Keeps a limited number of free chunks, so that a burst does not call malloc for each chunk.
///
/// The variable `taken` is private, because the compiler then sees every access and omits Swift's runtime check of
/// exclusive access (docs/decisions/0024-exclusivity-is-checked-in-release-builds.md).
@safe
package final class ChunkPool {
    private var free: UnsafeMutablePointer<Chunk>?
    private var freeCount = 0
    private let freeMax: Int
    private var taken = 0

    /// - Parameter freeMax: the maximum number of free chunks, of 4 KiB each, that the pool keeps.
    package init(freeMax: Int = 512) { self.freeMax = freeMax }

    deinit {
        while let chunk = unsafe free {
            unsafe free = chunk.pointee.next
            unsafe Glibc.free(chunk)
        }
    }

    /// The memory of all chunks that queues use now, in bytes.
    package var bytesInUse: Int { taken }

    func take() -> UnsafeMutablePointer<Chunk> {
        taken += Chunk.size
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
        taken -= Chunk.size
        guard freeCount < freeMax else {
            unsafe Glibc.free(chunk)
            return
        }
        unsafe chunk.pointee.next = free
        unsafe free = chunk
        freeCount += 1
    }
}

/// A first-in, first-out queue of bytes in pooled chunks; holds no memory while it is empty.
@safe
package struct ByteQueue: ~Copyable {
    private let pool: ChunkPool
    private var head: UnsafeMutablePointer<Chunk>?
    private var tail: UnsafeMutablePointer<Chunk>?
    /// The number of bytes in the queue.
    package private(set) var count = 0
    /// The memory that the queue uses, in bytes: its chunks, and the `footprint` of the shared bytes it references.
    package private(set) var footprint = 0

    package init(pool: ChunkPool) { self.pool = pool }

    deinit {
        var next = unsafe head
        while let chunk = unsafe next {
            unsafe next = chunk.pointee.next
            _ = unsafe Self.free(chunk, of: pool)
        }
    }

    package var isEmpty: Bool { count == 0 }

    /// Copies bytes to the end of the queue.
    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    /// Copies bytes to the end of the queue.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard var source = bytes.baseAddress else { return }
        var left = bytes.count
        count += left
        while left > 0 {
            if unsafe tail == nil || tail!.pointee.shared != nil || tail!.pointee.end == Int32(Chunk.room) {
                unsafe link(pool.take())
                footprint += Chunk.size
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

    /// Copies bytes to the end of the queue.
    package mutating func append(_ bytes: [UInt8]) { append(bytes.span) }

    /// Appends a reference to `shared` to the end of the queue, without copying the bytes.
    package mutating func append(_ shared: SharedBytes) {
        guard shared.count > 0 else { return }
        let memory = unsafe malloc(MemoryLayout<Chunk>.size)!
        let chunk = unsafe memory.bindMemory(to: Chunk.self, capacity: 1)
        unsafe chunk.initialize(to: Chunk())
        unsafe chunk.pointee.shared = Unmanaged.passRetained(shared)
        unsafe chunk.pointee.end = Int32(shared.count)
        unsafe link(chunk)
        count += shared.count
        footprint += Chunk.referenceSize + shared.footprint
    }

    private mutating func link(_ chunk: UnsafeMutablePointer<Chunk>) {
        if let last = unsafe tail { unsafe last.pointee.next = chunk } else { unsafe head = chunk }
        unsafe tail = chunk
    }

    /// Frees a chunk that the caller has unlinked.
    ///
    /// - Returns: the memory that the chunk took, in bytes.
    private static func free(_ chunk: UnsafeMutablePointer<Chunk>, of pool: ChunkPool) -> Int {
        guard let shared = unsafe chunk.pointee.shared else {
            unsafe pool.giveBack(chunk)
            return Chunk.size
        }
        let footprint = unsafe Chunk.referenceSize + shared._withUnsafeGuaranteedRef { $0.footprint }
        unsafe shared.release()
        unsafe Glibc.free(chunk)
        return footprint
    }

    /// Calls `body` with the bytes of the first chunk, and drops as many bytes as `body` returns.
    ///
    /// - Returns: how many bytes were dropped. If the queue is empty, the result is 0, and `body` is not called.
    package mutating func consumeFirst(_ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        guard let chunk = unsafe head else { return 0 }
        let range = unsafe Int(chunk.pointee.start)..<Int(chunk.pointee.end)
        let used: Int
        if let shared = unsafe chunk.pointee.shared {
            used = unsafe shared._withUnsafeGuaranteedRef { shared in
                unsafe shared.bytes.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[range])) }
            }
        } else {
            let start = unsafe Chunk.bytes(of: chunk) + range.lowerBound
            used = unsafe body(UnsafeRawBufferPointer(start: start, count: range.count))
        }
        drop(used)
        return used
    }

    /// Moves up to `limit` bytes from the front of the queue to the end of `target`.
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

    /// Drops the first `amount` bytes; the queue must hold at least that many.
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
            footprint -= unsafe Self.free(chunk, of: pool)
        }
    }

    /// Drops all bytes and frees the chunks.
    package mutating func removeAll() { drop(count) }
}
