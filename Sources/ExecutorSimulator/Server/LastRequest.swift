// A record of the last request, for `GET /simulator/last`.
internal import Inference

/// The last request whose method is not GET and whose path does not begin with `/simulator/`.
///
/// GET requests do not count, because servers probe the state of an engine with them.
struct LastRequest {
    var method = ""
    var target: [UInt8] = []
    var authority: [UInt8] = []
    var version = ""
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    /// The request as JSON.
    func json() -> [UInt8] {
        JSONText.object { writer in
            writer.field("method", method)
            writer.field("target", String(decoding: target, as: UTF8.self))
            writer.field("authority", String(decoding: authority, as: UTF8.self))
            writer.field("version", version)
            // The array `fields` lists all header fields in order. The object `headers` has only the first value of
            // each name.
            writer.key("fields")
            writer.beginArray()
            for field in fields {
                writer.beginArray()
                writer.value(field.name)
                writer.value(field.value)
                writer.endArray()
            }
            writer.endArray()
            writer.object("headers") {
                var seen: Set<String> = []
                for field in fields where seen.insert(field.name).inserted {
                    $0.key(named: field.name)
                    $0.value(field.value)
                }
            }
            writer.field("body", String(decoding: body, as: UTF8.self))
            writer.field("body_bytes", body.count)
        }
    }
}
