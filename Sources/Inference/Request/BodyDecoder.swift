// Decodes a compressed request body by zlib or libzstd, bounded in what comes out and in how much more that is than what
// came in. The two libraries are touched nowhere else.
internal import CZlib
internal import CZstd

/// Why a body cannot be decoded.
package enum BodyDecodingError: Error, Equatable, Sendable {
    /// It is not what its `content-encoding` says, or is cut off.
    case malformed
    /// What comes out is larger than a body may be.
    case tooLarge
    /// So little becomes so much that it is a bomb.
    case tooDense
    /// A frame of zstd wants a window larger than 8 MiB (RFC 9659).
    case windowTooLarge
    /// There is no memory for what comes out.
    case noMemory
}

extension RequestBody {
    /// What comes out may be so many times what came in; below `denseMax` bytes it may be anything.
    package static let expansionMax = 100
    package static let denseMax = 1 << 20
    /// What is decoded in one step, in bytes.
    private static let stepSize = 64 << 10

    /// The body without its coding.
    ///
    /// - Parameters:
    ///   - bytesMax: what may come out.
    ///   - grow: asked for memory, in bytes in all, before what is decoded takes it; false ends the decoding.
    package func decoded(
        from coding: ContentCoding,
        bytesMax: Int,
        grow: (_ footprint: Int) -> Bool
    ) throws(BodyDecodingError) -> RequestBody {
        let dense = max(Self.denseMax, count * Self.expansionMax)
        let decoder: any BodyDecoder = coding == .gzip ? GzipDecoder() : ZstdDecoder()
        let result = RequestBody()
        var chunk = [UInt8](repeating: 0, count: Self.stepSize)
        var used = 0
        while true {
            let step = withBytes { decoder.step($0.extracting(used..<$0.count), into: &chunk) }
            used += step.consumed
            if step.produced > 0 {
                let length = result.count + step.produced
                guard length <= bytesMax else { throw .tooLarge }
                guard length <= dense else { throw .tooDense }
                guard grow(result.footprint(appending: step.produced)) else { throw .noMemory }
                result.append(chunk.span.extracting(0..<step.produced))
            }
            switch step.outcome {
            case .goesOn: guard step.consumed + step.produced > 0 else { throw .malformed }
            case .ended: return result
            case .malformed: throw .malformed
            case .windowTooLarge: throw .windowTooLarge
            }
        }
    }
}

/// What one call of a library came to.
private struct DecodingStep {
    enum Outcome { case goesOn, ended, malformed, windowTooLarge }

    var consumed: Int
    var produced: Int
    var outcome: Outcome
}

private protocol BodyDecoder {
    /// Decodes on, from the rest of the input into the room.
    func step(_ input: Span<UInt8>, into room: inout [UInt8]) -> DecodingStep
}

/// Members of gzip, one after the other (RFC 1952 section 2.2).
@safe
private final class GzipDecoder: BodyDecoder {
    /// zlib keeps the address.
    private let stream: UnsafeMutablePointer<z_stream>
    /// The largest window, and 16 for gzip alone.
    private static let windowBits: CInt = 15 + 16

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let made = unsafe czlib_inflateInit2(stream, Self.windowBits)
        precondition(made == Z_OK, "zlib: out of memory")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func step(_ input: Span<UInt8>, into room: inout [UInt8]) -> DecodingStep {
        let capacity = room.count
        let result = unsafe input.withUnsafeBufferPointer { input in
            unsafe room.withUnsafeMutableBufferPointer { room in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
                unsafe stream.pointee.next_out = room.baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: room.count)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        let left = unsafe Int(stream.pointee.avail_in)
        let consumed = min(input.count, Int(UInt32.max)) - left
        let produced = unsafe capacity - Int(stream.pointee.avail_out)
        var outcome = DecodingStep.Outcome.malformed
        if result == Z_STREAM_END {
            let isLast = consumed == input.count
            outcome = isLast ? .ended : .goesOn
            if !isLast { unsafe inflateReset(stream) }
        } else if result == Z_OK {
            // All is in, and there is room: nothing more will come of it.
            outcome = consumed == input.count && produced < capacity ? .malformed : .goesOn
        }
        return DecodingStep(consumed: consumed, produced: produced, outcome: outcome)
    }
}

/// Frames of zstd, one after the other (RFC 8878 section 3).
@safe
private final class ZstdDecoder: BodyDecoder {
    private let context: OpaquePointer
    /// RFC 9659: what is sent under this name needs no window above 8 MiB.
    private static let windowLogMax: CInt = 23

    init() {
        guard let made = unsafe ZSTD_createDCtx() else { fatalError("zstd: out of memory") }
        unsafe context = made
        let set = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogMax)
        precondition(ZSTD_isError(set) == 0, "this zstd cannot limit its window")
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    func step(_ input: Span<UInt8>, into room: inout [UInt8]) -> DecodingStep {
        let capacity = room.count
        return unsafe input.withUnsafeBufferPointer { input in
            unsafe room.withUnsafeMutableBufferPointer { room in
                var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
                var target = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: capacity, pos: 0)
                let result = unsafe ZSTD_decompressStream(context, &target, &source)
                let isWhole = unsafe source.pos == input.count
                let hasRoom = unsafe target.pos < capacity
                let isOverWindow = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                let outcome: DecodingStep.Outcome =
                    if ZSTD_isError(result) != 0 {
                        isOverWindow ? .windowTooLarge : .malformed
                    } else if result == 0 {
                        isWhole ? .ended : .goesOn
                    } else {
                        // All is in, there is room, and the frame is not over.
                        isWhole && hasRoom ? .malformed : .goesOn
                    }
                return unsafe DecodingStep(consumed: source.pos, produced: target.pos, outcome: outcome)
            }
        }
    }
}
