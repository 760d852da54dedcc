// Tests which frames that arrive on a closed stream are protocol errors, and which were sent before the close.
import CNghttp2
import Testing

@testable import HTTP

@Suite struct HTTP2StreamHistoryTests {
    private func history(_ opened: [Int32], ended: [Int32] = []) -> HTTP2StreamHistory {
        var history = HTTP2StreamHistory()
        for id in opened { history.opened(id) }
        for id in ended { history.endedByClient(id) }
        return history
    }

    @Test func aStreamIsNewUntilItOrAHigherOneWasOpened() {
        let history = history([1, 5])
        #expect(!history.isNew(1) && !history.isNew(3) && !history.isNew(5) && history.isNew(7))
        #expect(HTTP2StreamHistory().isNew(1))
    }

    @Test func whatTheClientHasEndedIsClosed() {
        let history = history([1, 3], ended: [1])
        #expect(history.fault(ofFrameOn: 1, isOpen: false) == NGHTTP2_STREAM_CLOSED)
        #expect(history.fault(ofFrameOn: 1, isOpen: true) == nil)
        #expect(
            history.fault(ofFrameOn: 3, isOpen: false) == nil,
            "the server has reset it: frames may be on their way"
        )
    }

    /// A HEADERS frame may open and end a stream at once.
    ///
    /// Its END_STREAM is recorded before nghttp2 reports the open stream.
    @Test func aHeadMayOpenAndEndItsStream() {
        var history = history([1])
        history.endedByClient(3)
        history.opened(3)
        history.opened(5)
        #expect(history.fault(ofFrameOn: 3, isOpen: false) == NGHTTP2_STREAM_CLOSED)
        #expect(history.fault(ofFrameOn: 5, isOpen: false) == nil)
    }

    @Test func aStreamThatWasSkippedIsNeverOpened() {
        let history = history([1, 5])
        #expect(history.fault(ofFrameOn: 3, isOpen: false) == NGHTTP2_PROTOCOL_ERROR)
        #expect(history.fault(ofFrameOn: 7, isOpen: false) == nil, "it is new")
        #expect(history.fault(ofFrameOn: 2, isOpen: false) == nil, "nghttp2 itself refuses even identifiers")
    }

    @Test func ofOldStreamsNothingIsKnown() {
        let ids = (0..<129).map { Int32(2 * $0 + 1) }
        let history = history(ids, ended: ids)
        #expect(history.fault(ofFrameOn: 1, isOpen: false) == nil)
        #expect(history.fault(ofFrameOn: 127, isOpen: false) == nil, "the older half of 128 is forgotten at once")
        for id in ids where id > 127 { #expect(history.fault(ofFrameOn: id, isOpen: false) == NGHTTP2_STREAM_CLOSED) }
    }
}
