// The output buffer that all connections of a worker share.
import Testing
import Transport

@Suite struct ScratchTests {
    @Test func theScratchGrowsAndShrinks() {
        let scratch = Scratch(capacity: 8)
        scratch.append("0123456789")
        scratch.append(upTo: 100) { room in
            room[0] = 33
            return 1
        }
        #expect(Array(scratch.bytes) == Array("0123456789!".utf8))
        scratch.append([UInt8](repeating: 0, count: 3 << 20))
        scratch.removeAll()
        #expect(scratch.isEmpty)
        scratch.append("again")
        #expect(Array(scratch.bytes) == Array("again".utf8))
    }
}
