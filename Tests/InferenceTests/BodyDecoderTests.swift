// Tests the decompression of request bodies: output of Python's gzip and of the zstd tool, truncated and corrupted
// bodies, and decompression bombs.
import Foundation
import HTTP
import Testing

@testable import Inference

/// One zstd frame (RFC 8878) of raw blocks (`times` = 1) and RLE blocks, which repeat one byte.
func zstdFrame(windowLog: UInt8 = 17, _ blocks: [(bytes: [UInt8], times: Int)]) -> [UInt8] {
    var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]
    for (index, block) in blocks.enumerated() {
        let isRepeated = block.times > 1
        let size = isRepeated ? block.times : block.bytes.count
        let header = (index == blocks.count - 1 ? 1 : 0) | (isRepeated ? 2 : 0) | size << 3
        frame += [UInt8(header & 255), UInt8(header >> 8 & 255), UInt8(header >> 16 & 255)] + block.bytes
    }
    return frame
}

@Suite struct BodyDecoderTests {
    private static let text = #"{"model":"demo","messages":[{"role":"user","content":"hello"}]}"#
    private static let vectors: [(ContentCoding, String)] = [
        (
            .gzip,
            "H4sIAAAAAAACA6tWys1PSc1RslJKSc3NV9JRyk0tLk5MTy1WsoquVirKz0kFSpUWpxYBpZLz80pS80qAAhmpOTn5SrWxtQDWlY+UPwAAAA=="
        ),
        (
            .gzip,
            "H4sIAAAAAAACA6tWys1PSc1RslJKSc3NV9JRyk0tBgD0dXDlFAAAAB+LCAAAAAAAAgMrTkxPLVayiq5WKsrPSVWyUiotTi1S0lFKzs8rSc0rAQpk"
                + "pObk5CvVxtYCADEYEG8rAAAA"
        ),
        (
            .zstd,
            "KLUv/QRY+QEAeyJtb2RlbCI6ImRlbW8iLCJtZXNzYWdlcyI6W3sicm9sZSI6InVzZXIiLCJjb250ZW50IjoiaGVsbG8ifV193pzq6A=="
        ),
        (
            .zstd,
            "KLUv/QRYoQAAeyJtb2RlbCI6ImRlbW8iLCJtZXOS/B2aKLUv/QRYWQEAc2FnZXMiOlt7InJvbGUiOiJ1c2VyIiwiY29udGVudCI6ImhlbGxvIn1d"
                + "fXy+NWg="
        ),
    ]
    private static func bytes(_ index: Int) -> [UInt8] { Array(Data(base64Encoded: vectors[index].1)!) }

    private func body(_ bytes: [UInt8]) -> RequestBody {
        let body = RequestBody()
        body.append(bytes.span)
        return body
    }
    private func decode(
        _ bytes: [UInt8],
        _ coding: ContentCoding,
        most: Int = 64 << 20,
        memory: Int = .max
    ) -> Result<[UInt8], BodyDecodingError> {
        do throws(BodyDecodingError) {
            let decoded = try body(bytes).decoded(from: coding, bytesMax: most) { $0 <= memory }
            return .success(decoded.withBytes { span in span.indices.map { span[$0] } })
        } catch {
            return .failure(error)
        }
    }

    @Test(arguments: vectors.indices) func whatOtherProgramsMakeIsDecoded(index: Int) {
        #expect(decode(Self.bytes(index), Self.vectors[index].0) == .success(Array(Self.text.utf8)))
    }

    @Test(arguments: [0, 2]) func whatIsCutOrBrokenIsRefusedAtEveryByte(index: Int) {
        let (whole, coding) = (Self.bytes(index), Self.vectors[index].0)
        for count in whole.indices {
            #expect(decode(Array(whole[..<count]), coding) == .failure(.malformed), "\(count)")
        }
        #expect(decode(whole + [1], coding) == .failure(.malformed), "what follows is no member and no frame")
        // Bytes 0 to 9 of a gzip stream are not checked by its checksum: they are fields such as time and system.
        for place in whole.indices where coding == .zstd || place > 9 {
            var broken = whole
            broken[place] ^= 0x10
            if case .success(let bytes) = decode(broken, coding) {
                #expect(bytes == Array(Self.text.utf8), "\(place): the checksum holds")
            }
        }
    }

    @Test func nothingAndTheOtherCodingAreRefused() {
        for coding in [ContentCoding.gzip, .zstd] {
            #expect(decode([], coding) == .failure(.malformed))
            #expect(decode(Array("{}".utf8), coding) == .failure(.malformed))
        }
        #expect(decode(Self.bytes(0), .zstd) == .failure(.malformed))
        #expect(decode(Self.bytes(2), .gzip) == .failure(.malformed))
    }

    @Test func moreThanABodyMayHaveIsTooLarge() {
        let frame = zstdFrame(Array(repeating: ([65], 100_000), count: 9))
        #expect(decode(frame, .zstd, most: 900_000) == .success([UInt8](repeating: 65, count: 900_000)))
        #expect(decode(frame, .zstd, most: 899_999) == .failure(.tooLarge))
        #expect(decode(frame, .zstd, memory: 500_000) == .failure(.noMemory))
    }

    @Test func bombsAreTooDense() {
        #expect(decode(zstdFrame(Array(repeating: ([65], 131_072), count: 9)), .zstd) == .failure(.tooDense))
        #expect(decode(gzipBomb(copies: 5000), .gzip) == .failure(.tooDense))
        // This body is compressed as densely as a bomb, but has only 1 MiB, and such a small body may be dense.
        let small = zstdFrame(Array(repeating: ([65], 131_072), count: 8))
        #expect(decode(small, .zstd) == .success([UInt8](repeating: 65, count: 1 << 20)))
        // This body is less dense: it has 12 kB of literal bytes in addition to 1.1 MB of repeated ones.
        let text = [UInt8](repeating: 66, count: 12_000)
        let mixed = zstdFrame([(text, 1)] + Array(repeating: ([65], 131_072), count: 9))
        #expect((try? decode(mixed, .zstd).get().count) == 12_000 + 9 * 131_072)
    }

    @Test func aWindowBeyondWhatTheNameAllowsIsRefused() {
        #expect(
            decode(zstdFrame(windowLog: 23, [([65], 1000)]), .zstd) == .success([UInt8](repeating: 65, count: 1000))
        )
        #expect(decode(zstdFrame(windowLog: 24, [([65], 1000)]), .zstd) == .failure(.windowTooLarge))
    }

    /// A gzip bomb: a space and `copies` repetitions of it.
    ///
    /// Each repetition has 258 spaces, and takes 13 bits with the fixed codes of RFC 1951 section 3.2.6.
    private func gzipBomb(copies: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0]
        func code(_ value: Int, _ length: Int) {
            for place in (0..<length).reversed() { bits.append(UInt8(value >> place & 1)) }
        }
        code(0x30 + 32, 8)
        for _ in 0..<copies {
            code(0xc0 + 5, 8)
            code(0, 5)
        }
        code(0, 7)
        while bits.count % 8 != 0 { bits.append(0) }
        let packed = stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
        }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + packed + [UInt8](repeating: 0, count: 8)
    }
}
