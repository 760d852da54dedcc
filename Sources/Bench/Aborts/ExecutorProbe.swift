// Asks an executor for its metrics over HTTP/1.1, on the bench's event loop. The simulated executor also reports its
// counters, and the aborts that it has noticed.
internal import Transport

/// A report of the simulated executor that a request was aborted.
struct SeenAbort: Equatable {
    var sequence: Int
    var requestID: String
    /// When the executor noticed the abort, in nanoseconds of CLOCK_MONOTONIC.
    var at: Nanoseconds
    var phase: String
}

/// Sends an executor requests for its metrics and counters over one HTTP/1.1 connection.
///
/// Used only by the thread of the event loop.
final class ExecutorProbe {
    private static let timeout: Nanoseconds = 5_000_000_000

    private final class Answer: ClientStreamHandler {
        var status = 0
        var body: [UInt8] = []
        var end: StreamEnd?
        func responded(status: Int) { self.status = status }
        func received(_ bytes: Span<UInt8>, at now: Nanoseconds) {
            for index in bytes.indices { body.append(bytes[index]) }
        }
        func ended(_ end: StreamEnd) { self.end = end }
    }

    private let dialer: Dialer
    private var connection: (any ClientConnection)?

    init(url: String, loop: EventLoop) throws(BenchError) {
        dialer = try Dialer(target: BenchTarget(url: url, version: .http1), loop: loop)
    }

    /// How many chat requests the executor has received so far.
    ///
    /// If the executor does not count requests by path, the result is the number of all requests.
    func requests() throws(BenchError) -> Int {
        let text = try get("/simulator/counters")
        if text.contains("\"requests_by_path\"") { return Int(Self.number("/v1/chat/completions", in: text[...]) ?? 0) }
        guard let count = Self.number("requests", in: text[...]) else {
            throw BenchError("the executor's counters name no requests: \(text.prefix(200))")
        }
        return Int(count)
    }

    /// The aborts that the executor has noticed after the abort with the number `sequence`.
    func aborts(since sequence: Int) throws(BenchError) -> [SeenAbort] {
        Self.parse(try get("/simulator/aborts?since=\(sequence)"))
    }

    /// Sends a GET request, and runs the event loop until the response is complete.
    ///
    /// The loop serves its other connections meanwhile.
    func get(_ path: String) throws(BenchError) -> String {
        let answer = Answer()
        if connection?.isUsable != true { connection = try dialer.connect() }
        connection?.open(ClientStream(ClientRequest(method: "GET", path: path, fields: []), handler: answer))
        let last = Clock.monotonicNow() + Self.timeout
        while answer.end == nil, Clock.monotonicNow() < last { dialer.loop.turn(waitMax: 10) }
        guard answer.end == .whole, answer.status == 200 else {
            connection?.close()
            connection = nil
            let said = String(decoding: answer.body.prefix(200), as: UTF8.self)
            throw BenchError("\(dialer.target.url)\(path): status \(answer.status) \(said)")
        }
        return String(decoding: answer.body, as: UTF8.self)
    }

    func close() { connection?.close() }

    // MARK: Reading the executor's JSON, which has only flat objects of numbers and strings without escapes

    static func parse(_ text: String) -> [SeenAbort] {
        var found: [SeenAbort] = []
        for object in text.split(separator: "{") {
            let object = object.prefix { $0 != "}" }
            guard let sequence = number("sequence", in: object), let at = number("ns", in: object) else { continue }
            found.append(
                SeenAbort(
                    sequence: Int(sequence),
                    requestID: string("request_id", in: object) ?? "",
                    at: at,
                    phase: string("phase", in: object) ?? ""
                )
            )
        }
        return found
    }

    private static func value(_ key: String, in text: Substring) -> Substring? {
        guard let range = text.firstRange(of: "\"\(key)\":") else { return nil }
        return text[range.upperBound...].drop { $0 == " " }
    }

    static func number(_ key: String, in text: Substring) -> UInt64? {
        value(key, in: text).flatMap { UInt64($0.prefix { $0.isNumber }) }
    }

    static func string(_ key: String, in text: Substring) -> String? {
        guard let value = value(key, in: text), value.first == "\"" else { return nil }
        return String(value.dropFirst().prefix { $0 != "\"" })
    }
}
