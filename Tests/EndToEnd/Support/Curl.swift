import Foundation
import Testing

/// The HTTP version that curl uses, as its option.
enum Protocol: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case http1 = "--http1.1"
    /// By ALPN over TLS; by `Upgrade: h2c` in clear text.
    case http2 = "--http2"
    case http2PriorKnowledge = "--http2-prior-knowledge"

    var testDescription: String { rawValue }
}

/// A response as curl reports it.
struct Answer: Sendable {
    let status: Int
    /// The HTTP version of the response: `2`, `1.1` or `1.0`.
    let version: String
    let fields: [(name: String, value: String)]
    let body: String
    /// curl's exit code: 0, or the error (18: partial body, 28: timeout, 56: reset, 92: HTTP/2 stream error).
    let exitCode: Int

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    var json: JSON { get throws { try JSON(parsing: body) } }
}

extension Server {
    /// Sends one request with curl.
    ///
    /// `path` is sent unchanged; a `body` makes the request a POST.
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
        // The last head counts; before it come informational responses, and the 101 of an upgrade.
        let head = Self.read(scratch.file("head")).components(separatedBy: "\r\n\r\n").last { !$0.isEmpty } ?? ""
        return Answer(
            status: report.http_code.int ?? 0,
            version: report.http_version.string ?? "",
            fields: (try? RawAnswer(head: head))?.fields ?? [],
            body: Self.read(scratch.file("body")),
            exitCode: report.exitcode.int ?? -1
        )
    }

    /// Starts a curl in the background that streams; its output is the body received so far.
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

/// The body of a chat request to `demo`; `more` is appended as further members.
func chat(stream: Bool = true, prompt: String = "Hello", tokens: Int = 8, more: String = "") -> String {
    let tail = more.isEmpty ? "" : "," + more
    return
        #"{"model":"demo","stream":\#(stream),"max_tokens":\#(tokens),"messages":[{"role":"user","content":"\#(prompt)"}]\#(tail)}"#
}
