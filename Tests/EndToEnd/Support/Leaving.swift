import Testing

/// One way in which a client leaves.
struct Leaver: Sendable, CustomTestStringConvertible {
    let speaking: Speaking
    var secure = false
    /// `reset` is RST_STREAM, `close` closes the socket, `abort` is a TCP reset, `half` only a FIN, `notify` a TLS
    /// close_notify.
    let how: String

    var testDescription: String { "\(speaking == .http2 ? "HTTP/2" : "HTTP/1.1")\(secure ? " TLS" : "") \(how)" }

    static let all = [
        Leaver(speaking: .http2, secure: true, how: "reset"), Leaver(speaking: .http2, secure: true, how: "close"),
        Leaver(speaking: .http2, secure: true, how: "abort"), Leaver(speaking: .http2, how: "close"),
        Leaver(speaking: .http1, how: "close"), Leaver(speaking: .http1, how: "abort"),
        Leaver(speaking: .http1, how: "half"), Leaver(speaking: .http1, secure: true, how: "close"),
        Leaver(speaking: .http1, secure: true, how: "notify"),
    ]
    /// The ways that end the whole connection.
    static let connections = all.filter { $0.how != "reset" }
}

/// What the executor recorded about a client that left.
struct Abort: Sendable {
    let phase: String
    let emitted: Int
}

extension Server {
    /// Starts clients that disconnect at the point `until` of their exchange, and returns the tokens that each had
    /// received.
    ///
    /// If `reached` is given, the clients wait at that point until `reached` has returned.
    func leave(
        _ leaver: Leaver,
        until: String,
        _ asked: Asked,
        arguments: [String] = [],
        reached: (() async throws -> Void)? = nil
    ) async throws -> [String: Int] {
        let scratch = try Scratch()
        defer { scratch.remove() }
        var all = [Repository.clients + "/leaving.py"] + target(secure: leaver.secure)
        all += ["--speaking", leaver.speaking.rawValue, "--how", leaver.how, "--until", until, "--path", asked.path]
        all += ["--body", asked.body] + arguments
        if reached != nil { all += ["--told", scratch.file("told")] }
        let child = try await ChildProcess.start(Repository.python, all, in: scratch)
        do {
            if let reached {
                try await reached()
                try scratch.write("", to: "told")
            }
            let status = try await child.ending(within: .seconds(120))
            guard status == .exited(0) else { throw Unmet("leaving.py") }
        } catch {
            try await child.stop(within: .zero)
            throw Unmet("\(error): \(child.output)\n\(child.errors)")
        }
        let report = child.output.split(separator: "\n").first.flatMap { try? JSON(parsing: String($0)) } ?? .null
        return Dictionary(uniqueKeysWithValues: report.tokens.keys.map { ($0, report.tokens[$0].int ?? -1) })
    }

    /// The log line of a client that `leave` started.
    func loggedLeaver(_ name: String = "leaver-0") async throws -> JSON {
        try await logged("of \(name)") { $0.request_id.string == name }
    }
}

extension Executor {
    /// The aborted requests that the executor has recorded, by request id.
    func aborts() async throws -> [String: Abort] {
        let entries = try await get("/simulator/aborts").json.array.map { entry in
            (
                entry.request_id.string ?? "",
                Abort(phase: entry.phase.string ?? "", emitted: entry.emitted.int ?? -1)
            )
        }
        return Dictionary(entries, uniquingKeysWith: { first, _ in first })
    }

    /// Waits until the executor has recorded an aborted request, and returns the record for one client.
    func abort(of name: String = "leaver-0") async throws -> Abort {
        try await counter("aborted", reaches: 1)
        let all = try await aborts()
        guard let abort = all[name] else { throw Unmet("no abort of \(name): \(all)") }
        return abort
    }
}
