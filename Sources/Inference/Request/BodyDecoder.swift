// Decodes a compressed request body with zlib or libzstd, within bounds on the decoded length and on its ratio to the
// compressed length. No other file uses the two libraries.
internal import CZlib
internal import CZstd

/// Why a body cannot be decoded.
package enum BodyDecodingError: Error, Equatable, Sendable {
    /// The body is not in the coding that its `content-encoding` names, or is cut off.
    case malformed
    /// The decoded body is larger than the limit for bodies.
    case tooLarge
    /// The decoded body is more than `RequestBody.expansionMax` times as large as the compressed body, as in a
    /// decompression bomb.
    case tooDense
    /// A zstd frame requires a window larger than 8 MiB (RFC 9659).
    case windowTooLarge
    /// There is no memory for the decoded body.
    case noMemory
}

extension RequestBody {
    /// The highest allowed ratio of decoded to compressed length, for decoded bodies above `denseMax` bytes.
    package static let expansionMax = 100
    /// Up to this decoded length, in bytes, a body may have any ratio of decoded to compressed length.
    static let denseMax = 1 << 20
    /// The largest number of decoded bytes that one step produces.
    private static let stepSize = 64 << 10

    /// Decodes the body.
    ///
    /// - Parameters:
    ///   - bytesMax: The largest allowed length of the decoded body in bytes.
    ///   - grow: Called before the decoded body takes more memory. The argument is the memory, in bytes, that the body
    ///     will then take. If the closure returns false, the decoding ends with `noMemory`.
    /// - Throws: The reason why the body cannot be decoded.
    package func decoded(
        from coding: ContentCoding,
        bytesMax: Int,
        grow: (_ footprint: Int) -> Bool
    ) throws(BodyDecodingError) -> RequestBody {
        let decoder: any BodyDecoder = coding == .gzip ? GzipDecoder() : ZstdDecoder()
        let result = RequestBody()
        var chunk = [UInt8](repeating: 0, count: Self.stepSize)
        var used = 0
        while true {
            let step = withBytes { decoder.step($0.extracting(used..<$0.count), into: &chunk) }
            used += step.consumed
            if step.produced > 0 {
                try admit(step.produced, to: result, bytesMax: bytesMax, grow: grow)
                result.append(chunk.span.extracting(0..<step.produced))
            }
            switch step.outcome {
            case .continues: guard step.consumed + step.produced > 0 else { throw .malformed }
            case .ended: return result
            case .malformed: throw .malformed
            case .windowTooLarge: throw .windowTooLarge
            }
        }
    }

    /// Checks whether the decoded body may take more bytes, and reserves memory for them.
    private func admit(
        _ produced: Int,
        to result: RequestBody,
        bytesMax: Int,
        grow: (_ footprint: Int) -> Bool
    ) throws(BodyDecodingError) {
        let length = result.count + produced
        guard length <= bytesMax else { throw .tooLarge }
        guard length <= max(Self.denseMax, count * Self.expansionMax) else { throw .tooDense }
        guard grow(result.footprint(appending: produced)) else { throw .noMemory }
    }
}

/// The result of one call of zlib or libzstd.
private struct DecodingStep {
    enum Outcome { case continues, ended, malformed, windowTooLarge }

    var consumed: Int
    var produced: Int
    var outcome: Outcome
}

private protocol BodyDecoder {
    /// Decodes a part of `input`, which has the bytes that no earlier step has consumed.
    ///
    /// The decoded bytes are written at the beginning of `buffer`.
    func step(_ input: Span<UInt8>, into buffer: inout [UInt8]) -> DecodingStep
}

/// Decodes gzip members, one after the other (RFC 1952 section 2.2).
@safe
private final class GzipDecoder: BodyDecoder {
    /// The state of zlib.
    ///
    /// The state is allocated on the heap because zlib requires that its address does not change.
    private let stream: UnsafeMutablePointer<z_stream>
    /// The parameter `windowBits` of zlib: 15 for the largest window, plus 16, which makes zlib accept only gzip.
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

    func step(_ input: Span<UInt8>, into buffer: inout [UInt8]) -> DecodingStep {
        let capacity = buffer.count
        let result = unsafe input.withUnsafeBufferPointer { input in
            unsafe buffer.withUnsafeMutableBufferPointer { output in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        let left = unsafe Int(stream.pointee.avail_in)
        let consumed = min(input.count, Int(UInt32.max)) - left
        let produced = unsafe capacity - Int(stream.pointee.avail_out)
        var outcome = DecodingStep.Outcome.malformed
        if result == Z_STREAM_END {
            let isLast = consumed == input.count
            outcome = isLast ? .ended : .continues
            if !isLast { unsafe inflateReset(stream) }
        } else if result == Z_OK {
            // If all input is consumed and there is still room for output, the gzip member is cut off.
            outcome = consumed == input.count && produced < capacity ? .malformed : .continues
        }
        return DecodingStep(consumed: consumed, produced: produced, outcome: outcome)
    }
}

/// Decodes zstd frames, one after the other (RFC 8878 section 3).
@safe
private final class ZstdDecoder: BodyDecoder {
    private let context: OpaquePointer
    /// 8 MiB, the largest window for the content coding `zstd` (RFC 9659).
    private static let windowLogMax: CInt = 23

    init() {
        guard let made = unsafe ZSTD_createDCtx() else { fatalError("zstd: out of memory") }
        unsafe context = made
        let set = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogMax)
        precondition(ZSTD_isError(set) == 0, "this zstd cannot limit its window")
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    func step(_ input: Span<UInt8>, into buffer: inout [UInt8]) -> DecodingStep {
        let capacity = buffer.count
        return unsafe input.withUnsafeBufferPointer { input in
            unsafe buffer.withUnsafeMutableBufferPointer { output in
                var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
                var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: capacity, pos: 0)
                let result = unsafe ZSTD_decompressStream(context, &target, &source)
                let isWhole = unsafe source.pos == input.count
                let hasRoom = unsafe target.pos < capacity
                let isOverWindow = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                let outcome: DecodingStep.Outcome =
                    if ZSTD_isError(result) != 0 {
                        isOverWindow ? .windowTooLarge : .malformed
                    } else if result == 0 {
                        isWhole ? .ended : .continues
                    } else {
                        // If all input is consumed and there is still room for output, the frame is cut off.
                        isWhole && hasRoom ? .malformed : .continues
                    }
                return unsafe DecodingStep(consumed: source.pos, produced: target.pos, outcome: outcome)
            }
        }
    }
}
