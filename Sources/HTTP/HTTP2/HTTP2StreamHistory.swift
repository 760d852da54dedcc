// Which streams a client has opened and ended. nghttp2 forgets closed streams when the old priorities are off
// (SETTINGS_NO_RFC7540_PRIORITIES), and with them what RFC 9113 section 5.1 says of frames that come too late.
internal import CNghttp2

/// The last streams of one connection; older ones are given the benefit of the doubt.
struct HTTP2StreamHistory {
    private struct Entry {
        var id: Int32
        /// The client has sent END_STREAM or RST_STREAM.
        ///
        /// If it has not when the stream closes, we reset it, and frames that were on their way then are to be ignored.
        var isEndedByClient = false
    }

    private static let entriesMax = 128

    private var entries: [Entry] = []
    private var highest: Int32 = 0
    /// Streams up to this one have been forgotten.
    private var forgotten: Int32 = 0
    /// The stream whose HEADERS, on their way into the library, end it as they open it.
    private var endsOnOpening: Int32 = 0

    /// No stream of this number or a higher one has been opened.
    func isNew(_ id: Int32) -> Bool { id > highest }

    mutating func opened(_ id: Int32) {
        highest = max(highest, id)
        if entries.count == Self.entriesMax {
            forgotten = entries[Self.entriesMax / 2 - 1].id
            entries.removeFirst(Self.entriesMax / 2)
        }
        entries.append(Entry(id: id, isEndedByClient: id == endsOnOpening))
    }

    /// A frame has come that ends the client's side of the stream.
    mutating func endedByClient(_ id: Int32) {
        guard let index = entries.lastIndex(where: { $0.id == id }) else {
            if id > highest { endsOnOpening = id }
            return
        }
        if !entries[index].isEndedByClient { entries[index].isEndedByClient = true }
    }

    /// What is wrong with HEADERS or DATA on this stream, if it is not open; nil when nothing is, or nobody knows.
    func fault(ofFrameOn id: Int32, isOpen: Bool) -> nghttp2_error_code? {
        guard !isOpen, id % 2 == 1, id <= highest, id > forgotten else { return nil }
        guard let entry = entries.last(where: { $0.id == id }) else {
            // Below the highest and never opened: identifiers only grow (section 5.1.1).
            return NGHTTP2_PROTOCOL_ERROR
        }
        return entry.isEndedByClient ? NGHTTP2_STREAM_CLOSED : nil
    }
}
