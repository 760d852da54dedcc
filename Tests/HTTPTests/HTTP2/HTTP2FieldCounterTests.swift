// The counter of HTTP/2 header fields reads random header blocks with a known number of fields, cut at random places.
import LoopTesting
import Testing

@testable import HTTP

@Suite struct HTTP2FieldCounterTests {
    private func integer(_ value: Int, prefix: Int, flags: UInt8) -> [UInt8] {
        let mask = 1 << prefix - 1
        guard value >= mask else { return [flags | UInt8(value)] }
        var rest = value - mask
        var bytes = [flags | UInt8(mask)]
        while rest >= 128 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func text(_ random: inout SplitMix) -> [UInt8] {
        let length = [0, 1, 5, 126, 127, 128, 700].randomElement(using: &random)!
        // One bit of the length marks Huffman coding. The content is random, because the counter does not decode it.
        let huffman: UInt8 = Bool.random(using: &random) ? 0x80 : 0
        return integer(length, prefix: 7, flags: huffman)
            + (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private func field(_ random: inout SplitMix) -> [UInt8] {
        let index = [1, 14, 15, 16, 62, 63, 64, 126, 127, 300].randomElement(using: &random)!
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return integer(index, prefix: 7, flags: 0x80)
        case 1: return integer(index, prefix: 6, flags: 0x40) + text(&random)
        case 2: return [[0x40, 0x00, 0x10].randomElement(using: &random)!] + text(&random) + text(&random)
        case 3: return integer(index, prefix: 4, flags: Bool.random(using: &random) ? 0x10 : 0) + text(&random)
        default: return integer(index, prefix: 5, flags: 0x20)
        }
    }

    @Test(arguments: 0..<200) func everyFieldIsCountedOnceHoweverItIsCut(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        var counter = HTTP2FieldCounter()
        for _ in 0..<3 {
            let count = Int.random(in: 0...20, using: &random)
            let block = (0..<count).flatMap { _ in field(&random) }
            var rest = block[...]
            var type = HTTP2FrameHeader.headers
            repeat {
                let part = Array(rest.prefix(Int.random(in: 0...max(1, block.count), using: &random)))
                rest = rest.dropFirst(part.count)
                let isHeaders = type == HTTP2FrameHeader.headers
                let padding = isHeaders && Bool.random(using: &random) ? Int.random(in: 0...255, using: &random) : nil
                let hasPriority = isHeaders && Bool.random(using: &random)
                var payload: [UInt8] = padding.map { [UInt8($0)] } ?? []
                // Priority and padding hold bytes that would count as fields if the counter read them.
                if hasPriority { payload += [UInt8](repeating: 0x82, count: 5) }
                payload += part + [UInt8](repeating: 0x82, count: padding ?? 0)
                let flags: UInt8 = (padding == nil ? 0 : 8) | (hasPriority ? 32 : 0)
                counter.begin(HTTP2FrameHeader(length: payload.count, type: type, flags: flags, stream: 1))
                var bytes = payload[...]
                while !bytes.isEmpty {
                    let longest = [1, 40, 4000].randomElement(using: &random)!
                    let piece = Array(bytes.prefix(Int.random(in: 1...longest, using: &random)))
                    bytes = bytes.dropFirst(piece.count)
                    #expect(counter.isReading)
                    counter.read(piece.span)
                }
                #expect(!counter.isReading)
                type = HTTP2FrameHeader.continuation
            } while !rest.isEmpty
            #expect(counter.fields == count && !counter.isMalformed)
        }
    }

    @Test(
        arguments: [
            [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            [0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] as [[UInt8]]
    )
    func integersThatNghttp2RefusesAreNoticed(block: [UInt8]) {
        var counter = HTTP2FieldCounter()
        counter.begin(HTTP2FrameHeader(length: block.count, type: HTTP2FrameHeader.headers, flags: 4, stream: 1))
        counter.read(block.span)
        #expect(counter.isMalformed)
    }

    @Test func paddingLargerThanTheFrameIsNoField() {
        var counter = HTTP2FieldCounter()
        counter.begin(HTTP2FrameHeader(length: 4, type: HTTP2FrameHeader.headers, flags: 8, stream: 1))
        counter.read([200, 0x82, 0x82, 0x82].span)
        #expect(counter.fields == 0 && !counter.isReading)
    }
}
