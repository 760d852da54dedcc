// Which streams a client has opened and ended, for the errors of RFC 9113 section 5.1 on closed streams. nghttp2 forgets
// closed streams when the priorities of RFC 7540 are off (SETTINGS_NO_RFC7540_PRIORITIES).
internal import CNghttp2

/// The latest streams of one connection.
///
/// Frames on older streams are not errors, because nothing is known of them.
struct HTTP2StreamHistory {
    private struct Entry {
        var id: Int32
        /// The client has sent END_STREAM or RST_STREAM.
        ///
        /// If it has sent neither when the stream closes, the server has reset the stream, and frames that were on their way
        /// are ignored.
        var isEndedByClient = false
    }

    private static let entriesMax = 128

    private var entries: [Entry] = []
    private var highest: Int32 = 0
    /// Nothing is known of streams up to this identifier.
    private var forgotten: Int32 = 0
    /// The stream whose HEADERS both open and end it, until nghttp2 reports that it has been opened.
    private var endsOnOpening: Int32 = 0

    /// Whether no stream of this or a higher identifier has been opened.
    func isNew(_ id: Int32) -> Bool { id > highest }

    /// nghttp2 has opened a stream.
    mutating func opened(_ id: Int32) {
        highest = max(highest, id)
        if entries.count == Self.entriesMax {
            forgotten = entries[Self.entriesMax / 2 - 1].id
            entries.removeFirst(Self.entriesMax / 2)
        }
        entries.append(Entry(id: id, isEndedByClient: id == endsOnOpening))
    }

    /// A frame has arrived that ends the client's side of the stream.
    mutating func endedByClient(_ id: Int32) {
        guard let index = entries.lastIndex(where: { $0.id == id }) else {
            if id > highest { endsOnOpening = id }
            return
        }
        if !entries[index].isEndedByClient { entries[index].isEndedByClient = true }
    }

    /// The error of HEADERS or DATA on a stream that is not open; nil if there is none, or if nothing is known of the stream.
    func fault(ofFrameOn id: Int32, isOpen: Bool) -> nghttp2_error_code? {
        guard !isOpen, id % 2 == 1, id <= highest, id > forgotten else { return nil }
        guard let entry = entries.last(where: { $0.id == id }) else {
            // The stream was never opened and a higher one was, but identifiers only grow (section 5.1.1).
            return NGHTTP2_PROTOCOL_ERROR
        }
        return entry.isEndedByClient ? NGHTTP2_STREAM_CLOSED : nil
    }
}
