import Foundation
import Testing

/// How curl speaks.
enum Protocol: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case http1 = "--http1.1"
    /// By ALPN over TLS; in clear by `Upgrade: h2c`.
    case http2 = "--http2"
    case http2PriorKnowledge = "--http2-prior-knowledge"

    var testDescription: String { rawValue }
}

/// An answer as curl saw it.
struct Answer: Sendable {
    let status: Int
    /// `2`, `1.1` or `1.0`.
    let version: String
    let fields: [(name: String, value: String)]
    let body: String
    /// curl's own: 0, or why it was not content (18: a partial body, 28: timed out, 56: reset, 92: a stream error).
    let exitCode: Int

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    var json: JSON { get throws { try JSON(parsing: body) } }
}

extension Server {
    /// One request by curl.
    ///
    /// `path` is sent as it is; `body` makes it a POST.
    func curl(
        _ path: String,
        _ speaking: Protocol = .http2,
        secure: Bool = true,
        body: String? = nil,
        arguments: [String] = [],
        within limit: Duration = .seconds(120)
    ) async throws -> Answer {
        let scratch = try Scratch()
        defer { scratch.remove() }
        var all = curlArguments(path, speaking, secure: secure, body: body) + arguments
        all += ["--dump-header", scratch.file("head"), "--output", scratch.file("body"), "--write-out", "%{json}"]
        let completed = try await run("curl", all, within: limit)
        let report = try JSON(parsing: completed.output)
        // The last head: informational ones, and the 101 of an upgrade, come before it.
        let head = Self.read(scratch.file("head")).components(separatedBy: "\r\n\r\n").last { !$0.isEmpty } ?? ""
        return Answer(
            status: report.http_code.int ?? 0,
            version: report.http_version.string ?? "",
            fields: (try? RawAnswer(head: head))?.fields ?? [],
            body: Self.read(scratch.file("body")),
            exitCode: report.exitcode.int ?? -1
        )
    }

    /// A curl that streams, in the background: its output so far is the body so far.
    func streamingCurl(
        _ path: String = "/v1/chat/completions",
        _ speaking: Protocol = .http2,
        secure: Bool = true,
        body: String,
        arguments: [String] = [],
        in scratch: Scratch
    ) async throws -> ChildProcess {
        try await ChildProcess.start(
            "curl",
            curlArguments(path, speaking, secure: secure, body: body) + ["--no-buffer"] + arguments,
            in: scratch
        )
    }

    private func curlArguments(_ path: String, _ speaking: Protocol, secure: Bool, body: String?) -> [String] {
        var all = ["--silent", "--show-error", "--noproxy", "*", "--path-as-is", speaking.rawValue]
        if secure { all += ["--cacert", certificates.authority] }
        if let body { all += ["--header", "content-type: application/json", "--data-binary", body] }
        return all + [(secure ? tls : clear) + path]
    }

    private static func read(_ path: String) -> String {
        (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// The body of a chat request to `demo`; `more` is spliced in as further members.
func chat(stream: Bool = true, prompt: String = "Hello", tokens: Int = 8, more: String = "") -> String {
    let tail = more.isEmpty ? "" : "," + more
    return
        #"{"model":"demo","stream":\#(stream),"max_tokens":\#(tokens),"messages":[{"role":"user","content":"\#(prompt)"}]\#(tail)}"#
}
