// Reads a command and its arguments from the method and target of a request to the command socket.
package import HTTP
internal import Transport

/// One command of the operator.
///
/// The method and the path of a request name the command; the query has its arguments. Text arguments are written as
/// hexadecimal digits of their UTF-8 bytes, so that no character in them needs escaping.
package enum CommandRequest: Equatable, Sendable {
    case reload
    /// Report what a reload of the configuration file at this path would change; nil for the server's own file.
    case changes(file: String?)
    case status
    case order(OrderCommand)
    /// Begin maintenance. `text` is the message for clients, and `retryAfter` is in seconds. Each is nil for its
    /// default.
    case maintain(text: String?, retryAfter: Int?)
    case endMaintenance
    /// Open the log file again, after another program has renamed it.
    case reopenLog
    /// Start a new process that replaces the running one.
    case upgrade

    /// The reason why a request is not a valid command.
    enum Problem: Error, Equatable {
        case unknownPath
        /// The request's path names a command, but the request does not have this method, which the command needs.
        case otherMethod(String)
        /// An argument is missing or invalid; the associated text says why, in words for the operator.
        case argument(String)
    }

    /// The HTTP method of each command, by the path of the command.
    private static let methods: [String: String] = [
        "/reload": "POST", "/changes": "GET", "/status": "GET", "/executors/drain": "POST",
        "/executors/resume": "POST", "/executors/weight": "POST", "/maintenance/on": "POST",
        "/maintenance/off": "POST", "/log/reopen": "POST", "/upgrade": "POST",
    ]

    /// Reads an operator's command from the method and the target of an HTTP request to the command socket.
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
        case "/upgrade": self = .upgrade
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

    /// The method and the target of the request that the command line sends for this command.
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
        case .upgrade: (.post, "/upgrade")
        }
    }

    /// The arguments of a command, in the form `name=value&name=value`.
    struct Query {
        private var values: [Substring: Substring] = [:]

        init(_ text: Substring) {
            for item in text.split(separator: "&") {
                let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                values[parts[0]] = parts.count > 1 ? parts[1] : ""
            }
        }

        func has(_ name: Substring) -> Bool { values[name] != nil }
        /// Decodes an argument from hexadecimal digits; nil if the argument is missing.
        ///
        /// - Throws: `argument` if the value is not UTF-8 in hexadecimal digits.
        func text(_ name: Substring) throws(Problem) -> String? {
            guard let value = values[name] else { return nil }
            guard let bytes = Hexadecimal.bytes(String(value)), let text = String(validating: bytes, as: UTF8.self)
            else { throw .argument("\(name) is not a text in hexadecimal digits") }
            return text
        }
        func number(_ name: Substring) -> Int? { values[name].flatMap { Int($0) } }

        static func hexadecimal(_ text: String) -> String { Hexadecimal.text(Array(text.utf8)) }

        /// The query for these arguments, with its question mark.
        ///
        /// Arguments whose value is nil are left out. The result is empty if all are.
        static func written(_ arguments: [(name: String, value: String?)]) -> String {
            let items = arguments.compactMap { argument in argument.value.map { "\(argument.name)=\($0)" } }
            return items.isEmpty ? "" : "?" + items.joined(separator: "&")
        }
    }
}
