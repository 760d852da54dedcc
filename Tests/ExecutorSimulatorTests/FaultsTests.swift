// Tests that the simulated executor understands the names of faults, such as `die_after:3`.

import Testing

@testable import ExecutorSimulator

@Suite struct FaultsTests {
    @Test func readsFaults() throws {
        let faults = try Faults("die_after:3,comments,crlf,split")
        #expect(faults.ending == .dieAfter(3))
        #expect(faults.hasComments && faults.hasCRLF && faults.isSplit)
        #expect(try Faults("status:503").ending == .status(503))
        #expect(try Faults("huge_event:70000").hugeEvent == 70000)
        #expect(try Faults("error_only:2").ending == .errorOnly(2))
        #expect(try Faults("mistake_event:0").ending == .mistakeEvent(0))
        #expect(try Faults("error_line:3").endsAfter == 3 && Faults("error_document").endsAfter == 0)
        #expect(try Faults("coalesce").coalescedEvents == .max)
        #expect(try Faults("coalesce:0").coalescedEvents == 1)
        let cuts = try Faults("split_every:3,split_at:9,split_at:4,no_last_lf")
        #expect(cuts.splitEvery == 3 && cuts.splitAt == [9, 4] && cuts.lacksLastLF)
        for wrong in ["split_every:x", "die_after:x", "die_after:-1", "nonsense", "status:9"] {
            #expect(throws: Faults.Malformed.self) { try Faults(wrong) }
        }
    }
}
