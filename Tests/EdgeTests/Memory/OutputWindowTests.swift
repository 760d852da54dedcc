import Testing

@testable import Edge

@Suite struct OutputWindowTests {
    @Test func pausesAboveItsMarkAndResumesAtHalf() {
        var window = OutputWindow()
        // The edge opens the window when it starts to relay a response. Before that, no amount of output pauses the
        // executor.
        let closed = window.pauses(at: 1000)
        #expect(!closed)
        window.open(highWatermark: 100)
        let pauses = [100, 101, 200].map { window.pauses(at: $0) }
        #expect(pauses == [false, true, false] && window.isPaused)
        let resumes = [51, 50, 0].map { window.resumes(at: $0) }
        #expect(resumes == [false, true, false] && !window.isPaused)
    }

    @Test func givesBackWhatWasOpenedOnce() {
        var window = OutputWindow()
        window.open(highWatermark: 100)
        let given = [window.close(), window.close()]
        #expect(given == [100, 0])
        let pauses = window.pauses(at: 1000)
        #expect(!pauses)
    }
}
