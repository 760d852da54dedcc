// What a request to the command socket asks for: the command with its arguments, read from method and target.
package import HTTP
internal import Transport

/// One command of the operator.
///
/// A request is a method and a path, with arguments in the query. Texts are in hexadecimal digits, so that a shell, a
/// URL and a path can hold any of them.
package enum CommandRequest: Equatable, Sendable {
    case reload
    /// Say what a reload would do with this file; nil for the server's own.
    case changes(file: String?)
    case status
    case order(OrderCommand)
    /// Begin maintenance with a text and a `retry-after` in seconds; nil for the defaults.
    case maintain(text: String?, retryAfter: Int?)
    case endMaintenance
    /// Open the log file again.
    case reopenLog

    /// Why a request is no command.
    enum Problem: Error, Equatable {
        case unknownPath
        /// The path is a command, with this method.
        case otherMethod(String)
        /// An argument is missing or wrong; in words for the operator.
        case argument(String)
    }

    /// The paths of the commands with their methods.
    private static let methods: [String: String] = [
        "/reload": "POST", "/changes": "GET", "/status": "GET", "/executors/drain": "POST",
        "/executors/resume": "POST", "/executors/weight": "POST", "/maintenance/on": "POST",
        "/maintenance/off": "POST", "/log/reopen": "POST",
    ]

    /// Reads a command from a request.
    init(_ method: HTTP.Method, target: String) throws(Problem) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(parts[0])
        let query = Query(parts.count > 1 ? parts[1] : "")
        guard let wanted = Self.methods[path] else { throw .unknownPath }
        guard method == (wanted == "GET" ? .get : .post) else { throw .otherMethod(wanted) }
        switch path {
        case "/reload": self = .reload
        case "/changes": self = .changes(file: try query.text("file"))
        case "/status": self = .status
        case "/executors/drain": self = .order(try OrderCommand(.drain, query))
        case "/executors/resume": self = .order(try OrderCommand(.resume, query))
        case "/executors/weight":
            guard let weight = query.number("value"), OrderCommand.weights.contains(weight) else {
                throw .argument("the weight must be between 0 and \(OrderCommand.weights.upperBound)")
            }
            self = .order(try OrderCommand(.weight(weight), query))
        case "/maintenance/off": self = .endMaintenance
        case "/log/reopen": self = .reopenLog
        default: self = try Self.maintenance(query)
        }
    }

    private static func maintenance(_ query: Query) throws(Problem) -> CommandRequest {
        let text = try query.text("text")
        guard text?.count ?? 1 <= Maintenance.textMax else {
            throw .argument("the text has more than \(Maintenance.textMax) characters")
        }
        if text?.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) == true {
            throw .argument("the text must be one line without control characters")
        }
        var seconds: Int?
        if query.has("retry_after") {
            seconds = query.number("retry_after")
            guard let seconds, (1...Maintenance.retryAfterMax).contains(seconds) else {
                throw .argument("retry-after must be between 1 and \(Maintenance.retryAfterMax) seconds")
            }
        }
        return .maintain(text: text?.isEmpty == true ? nil : text, retryAfter: seconds)
    }

    /// The method and the target of the request that asks for this command; the command line sends it.
    package var request: (method: HTTP.Method, target: String) {
        switch self {
        case .reload: (.post, "/reload")
        case .changes(let file): (.get, "/changes" + Query.written([("file", file.map(Query.hexadecimal))]))
        case .status: (.get, "/status")
        case .order(let command): (.post, command.target)
        case .maintain(let text, let retryAfter):
            (
                .post,
                "/maintenance/on"
                    + Query.written([
                        ("text", text.map(Query.hexadecimal)), ("retry_after", retryAfter.map { "\($0)" }),
                    ])
            )
        case .endMaintenance: (.post, "/maintenance/off")
        case .reopenLog: (.post, "/log/reopen")
        }
    }

    /// The arguments of a command, as `name=value&name=value`.
    struct Query {
        private var values: [Substring: Substring] = [:]

        init(_ text: Substring) {
            for item in text.split(separator: "&") {
                let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                values[parts[0]] = parts.count > 1 ? parts[1] : ""
            }
        }

        func has(_ name: Substring) -> Bool { values[name] != nil }
        /// A text in hexadecimal digits; nil if there is none.
        func text(_ name: Substring) throws(Problem) -> String? {
            guard let value = values[name] else { return nil }
            guard let bytes = Hexadecimal.bytes(String(value)), let text = String(validating: bytes, as: UTF8.self)
            else { throw .argument("\(name) is not a text in hexadecimal digits") }
            return text
        }
        func number(_ name: Substring) -> Int? { values[name].flatMap { Int($0) } }

        static func hexadecimal(_ text: String) -> String { Hexadecimal.text(Array(text.utf8)) }

        /// A query of those arguments that have a value, with its question mark; empty if none has.
        static func written(_ arguments: [(name: String, value: String?)]) -> String {
            let items = arguments.compactMap { argument in argument.value.map { "\(argument.name)=\($0)" } }
            return items.isEmpty ? "" : "?" + items.joined(separator: "&")
        }
    }
}
