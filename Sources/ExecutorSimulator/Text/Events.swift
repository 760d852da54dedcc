// Writes server-sent events.
internal import Inference

/// Writes complete server-sent events, including the blank line.
enum Events {
    /// The last event of a stream of OpenAI's chat completions or completions.
    static let done = Array("data: [DONE]\n\n".utf8)

    /// An event that has only data.
    static func data(_ json: [UInt8]) -> [UInt8] { Array("data: ".utf8) + json + Array("\n\n".utf8) }
    /// An event with a name and data.
    static func named(_ name: String, _ json: [UInt8]) -> [UInt8] { Array("event: \(name)\n".utf8) + data(json) }
    /// An event whose name is also in the member `type` of its data.
    static func typed(_ type: String, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        named(
            type,
            JSONText.object {
                $0.field("type", type)
                body(&$0)
            }
        )
    }

    /// A copy of an event, with CR LF in place of each LF.
    static func withCRLF(_ event: [UInt8]) -> [UInt8] { event.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } }
}
