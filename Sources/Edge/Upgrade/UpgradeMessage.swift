// The messages between the processes of an upgrade, one line of JSON each.
internal import Inference
internal import Transport

/// A message between the main process and its successor, or between the main process and an older one that drains.
enum UpgradeMessage: Equatable {
    /// From the main process to its successor, as the first message.
    case handover(Handover)
    /// From the successor: it is ready to serve, and waits for `commit`.
    ///
    /// `taken` lists the descriptors of the listening sockets that it uses: for clients, for the admin listener and for
    /// commands.
    case ready(taken: [CInt], version: String)
    /// From the successor: it cannot serve, for these reasons, and ends.
    case failed([String])
    /// To the successor: accept connections from now on.
    ///
    /// The bytes are the newest state of the main process, as `InheritedState` encodes it.
    case commit(state: [UInt8])
    /// To the successor: it is not needed, and has to end.
    case abort
    /// From the successor: it accepts connections.
    case serving
    /// To the successor: it is the main process from now on.
    ///
    /// `reloads` and `ends` say whether the operator asked during the upgrade for a reload, and for the end of the
    /// server.
    case main(reloads: Bool, ends: Bool)
    /// From an older process to the main process, each 250 ms: how many exchanges and connections it still has.
    case report(DrainingReport)
    /// From an older process to the main process: the requests and tokens of its exchanges that count against the
    /// limits of API keys, as JSON.
    case use([UInt8])
    /// From an older process to the main process: a signal from systemd, which may not know the new main process yet.
    case signal(CInt)
    /// To an older process: end within this time, in nanoseconds.
    ///
    /// Without a time, `drain_timeout` of the older process's own configuration applies.
    ///
    /// If `stops` is true, the whole server ends, so the older process closes idle connections soon
    /// (`ConnectionDrain.stopping`). If not, connections still end as `ConnectionDrain.handedOver` says, because a
    /// request that arrives while its connection is being closed would be lost.
    case hurry(stops: Bool, within: Nanoseconds? = nil)
    /// To an older process: end all exchanges and the process at once.
    case cut
    /// To an older process: open the log file again.
    case reopenLog

    /// The exchanges and connections that an older process still has.
    struct DrainingReport: Equatable {
        var exchanges: Int
        var connections: Int
        /// When the process ends at the latest, in seconds since 1970.
        var until: Int
    }

    /// The message as one line, with the newline at its end.
    var line: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("type", type)
        switch self {
        case .handover(let handover): handover.write(to: &writer)
        case .ready(let taken, let version):
            writer.key("taken")
            writer.beginArray()
            for descriptor in taken { writer.value(Int(descriptor)) }
            writer.endArray()
            writer.field("version", version)
        case .failed(let lines):
            writer.key("lines")
            writer.beginArray()
            for line in lines { writer.value(line) }
            writer.endArray()
        case .commit(let json):
            writer.key("state")
            writer.raw(json)
        case .use(let json):
            writer.key("use")
            writer.raw(json)
        case .main(let reloads, let ends):
            writer.field("reloads", reloads)
            writer.field("ends", ends)
        case .report(let report):
            writer.field("exchanges", report.exchanges)
            writer.field("connections", report.connections)
            writer.field("until", report.until)
        case .signal(let number): writer.field("number", Int(number))
        case .hurry(let stops, let time):
            writer.field("stops", stops)
            if let time { writer.field("within_ns", Int(clamping: time)) }
        case .abort, .serving, .cut, .reopenLog: break
        }
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    private var type: String {
        switch self {
        case .handover: "handover"
        case .ready: "ready"
        case .failed: "failed"
        case .commit: "commit"
        case .abort: "abort"
        case .serving: "serving"
        case .main: "main"
        case .report: "report"
        case .use: "use"
        case .signal: "signal"
        case .hurry: "hurry"
        case .cut: "cut"
        case .reopenLog: "reopen_log"
        }
    }

    /// Reads a message; nil for a line that this version does not understand.
    init?(line: [UInt8]) {
        guard let json = JSONValue(parsing: line), let type = json["type"]?.string,
            let message = Self.simple[type] ?? Self(type, json)
        else { return nil }
        self = message
    }

    /// The messages without content, by their type.
    private static let simple: [String: UpgradeMessage] = [
        "abort": .abort, "serving": .serving, "cut": .cut, "reopen_log": .reopenLog,
    ]

    private init?(_ type: String, _ json: JSONValue) {
        switch type {
        case "handover":
            guard let handover = Handover(json) else { return nil }
            self = .handover(handover)
        case "ready":
            guard let taken = json["taken"]?.array?.compactMap(\.integer) else { return nil }
            self = .ready(taken: taken.map { CInt(clamping: $0) }, version: json["version"]?.string ?? "")
        case "failed": self = .failed(json["lines"]?.array?.compactMap(\.string) ?? [])
        case "hurry":
            self = .hurry(
                stops: json["stops"]?.bool ?? false,
                within: json["within_ns"]?.integer.flatMap { Nanoseconds(exactly: $0) }
            )
        case "signal":
            guard let number = json["number"]?.integer.flatMap({ CInt(exactly: $0) }),
                Signals.handled.contains(number)
            else { return nil }
            self = .signal(number)
        case "commit": self = .commit(state: json["state"]?.encoded ?? Array("{}".utf8))
        case "use": self = .use(json["use"]?.encoded ?? Array("{}".utf8))
        case "main": self = .main(reloads: json["reloads"]?.bool ?? false, ends: json["ends"]?.bool ?? false)
        case "report":
            guard let exchanges = json["exchanges"]?.integer, let connections = json["connections"]?.integer,
                let until = json["until"]?.integer
            else { return nil }
            self = .report(DrainingReport(exchanges: exchanges, connections: connections, until: until))
        default: return nil
        }
    }
}
