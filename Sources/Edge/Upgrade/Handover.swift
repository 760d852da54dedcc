// The first message of an upgrade: which descriptors the successor inherits, and the state of the main process.
internal import Configuration
internal import Glibc
internal import Inference
internal import Transport

/// The content of the message `handover`: listening sockets, connections to older processes, and the state as JSON.
///
/// The successor inherits the descriptors under the same numbers. Everything is encoded as JSON. A successor ignores
/// members that it does not know, so it may have another version than the main process, newer or older.
struct Handover: Equatable {
    /// The number of the message protocol that this version of the server speaks.
    static let protocolNumber = 1

    /// The sockets of one listener.
    struct ListenerSockets: Equatable {
        /// The configured address of the listener, as text.
        var address: String
        /// Distinguishes listeners with the same configured address, whose port is then 0.
        ///
        /// The number is 0 for the first listener with the address in the configuration, then 1, 2 and so on.
        var number = 0
        /// The descriptors of the sockets; never empty.
        var descriptors: [CInt]
        /// Whether systemd has opened the sockets.
        var isInherited = false

        /// The same sockets as Swift values, for the process that has inherited the descriptors.
        var sockets: [Socket] { descriptors.map { Socket(descriptor: $0) } }
    }

    /// An older process that drains, and the socket that connects the main process to it.
    struct Predecessor: Equatable {
        /// The descriptor of the main process's end of the connection to the older process.
        var descriptor: CInt
        /// The process id (pid) of the older process.
        var process: Int32
        /// The position of the older process in the sequence of upgrades: 1 for the first process, 2 for its successor.
        var number: Int
        /// The version of the program that the older process runs.
        var version: String
        /// When the older process began to drain, in seconds since 1970.
        var since: Int
        /// Whether the older process has to end within `drain_timeout`, to make room for another upgrade.
        var isHurried = false
        /// The index of the column in which the older process writes its counts, such as the number of its attempts, in
        /// the table that all processes share (`SharedCounts`); nil if the older process does not use the table.
        var column: Int?
    }

    /// The process id (pid) of the process that hands over, which is the main process.
    var process: Int32
    /// The version of the program that the main process runs.
    var version: String
    /// The position of the main process in the sequence of upgrades: 1 for the first process, 2 for its successor.
    var number: Int
    /// The sockets for clients.
    var listeners: [ListenerSockets]
    /// The socket of the admin listener.
    var admin: ListenerSockets
    /// The socket for the operator's commands; nil if the main process has no such socket open.
    var commands: ListenerSockets?
    /// The older processes that still drain, oldest first.
    var predecessors: [Predecessor]
    /// The table in which all processes of the upgrade publish their counts, such as the number of their connections;
    /// nil if there is none.
    var counts: CountsFile?
    /// The state of the main process, as the JSON of an `InheritedState`.
    var state: [UInt8] = Array("{}".utf8)

    /// The memory file (memfd) with the table of counts that all processes of an upgrade share (`SharedCounts`).
    ///
    /// The table has a column for each process. A process writes its counts only in its own column.
    struct CountsFile: Equatable {
        var descriptor: CInt
        /// The index of the successor's column in the table of counts, which has one column for each process.
        var column: Int
        /// The index of the main process's column in the table of counts, which has one column for each process.
        var giver: Int
    }

    /// All descriptors that the successor inherits, except the descriptor of its own connection to the main process.
    var descriptors: [CInt] {
        (listeners + [admin] + [commands].compactMap(\.self)).flatMap(\.descriptors) + predecessors.map(\.descriptor)
            + [counts?.descriptor].compactMap(\.self)
    }
}

// MARK: JSON

extension Handover {
    func write(to writer: inout JSONWriter) {
        writer.field("protocol", Self.protocolNumber)
        writer.field("version", version)
        writer.field("process", Int(process))
        writer.field("number", number)
        writer.key("listeners")
        writer.beginArray()
        for listener in listeners { listener.write(to: &writer) }
        writer.endArray()
        writer.key("admin")
        admin.write(to: &writer)
        if let commands {
            writer.key("commands")
            commands.write(to: &writer)
        }
        writer.key("predecessors")
        writer.beginArray()
        for predecessor in predecessors { predecessor.write(to: &writer) }
        writer.endArray()
        if let counts {
            writer.key("counts")
            writer.beginObject()
            writer.field("descriptor", Int(counts.descriptor))
            writer.field("column", counts.column)
            writer.field("giver", counts.giver)
            writer.endObject()
        }
        writer.key("state")
        writer.raw(state)
    }

    /// Reads a handover from JSON.
    ///
    /// The result is nil if the main process speaks a message protocol with another number, or if a required member is
    /// missing or malformed.
    init?(_ json: JSONValue) {
        guard json["protocol"]?.integer == Self.protocolNumber, let process = json["process"]?.integer,
            let number = json["number"]?.integer, let listeners = json["listeners"]?.array,
            let admin = json["admin"].flatMap({ ListenerSockets($0) }), let predecessors = json["predecessors"]?.array
        else { return nil }
        self.process = Int32(clamping: process)
        version = json["version"]?.string ?? ""
        self.number = number
        self.listeners = listeners.compactMap { ListenerSockets($0) }
        self.admin = admin
        commands = json["commands"].flatMap { ListenerSockets($0) }
        self.predecessors = predecessors.compactMap { Predecessor($0) }
        counts = json["counts"].flatMap { CountsFile($0) }
        if let state = json["state"] { self.state = state.encoded }
        guard self.listeners.count == listeners.count, self.predecessors.count == predecessors.count else { return nil }
    }
}

extension Handover.CountsFile {
    fileprivate init?(_ json: JSONValue) {
        guard let descriptor = json["descriptor"]?.integer, let column = json["column"]?.integer,
            let giver = json["giver"]?.integer
        else { return nil }
        self.init(descriptor: CInt(clamping: descriptor), column: column, giver: giver)
    }
}

extension Handover.ListenerSockets {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("address", address)
        writer.field("number", number)
        writer.key("descriptors")
        writer.beginArray()
        for descriptor in descriptors { writer.value(Int(descriptor)) }
        writer.endArray()
        writer.field("inherited", isInherited)
        writer.endObject()
    }

    fileprivate init?(_ json: JSONValue) {
        guard let address = json["address"]?.string,
            let descriptors = json["descriptors"]?.array?.compactMap({ $0.integer.map { CInt(clamping: $0) } }),
            !descriptors.isEmpty
        else { return nil }
        self.init(
            address: address,
            number: json["number"]?.integer ?? 0,
            descriptors: descriptors,
            isInherited: json["inherited"]?.bool ?? false
        )
    }
}

extension Handover.Predecessor {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("descriptor", Int(descriptor))
        writer.field("process", Int(process))
        writer.field("number", number)
        writer.field("version", version)
        writer.field("since", since)
        writer.field("hurried", isHurried)
        if let column { writer.field("column", column) }
        writer.endObject()
    }

    fileprivate init?(_ json: JSONValue) {
        guard let descriptor = json["descriptor"]?.integer, let process = json["process"]?.integer,
            let number = json["number"]?.integer, let since = json["since"]?.integer
        else { return nil }
        self.init(
            descriptor: CInt(clamping: descriptor),
            process: Int32(clamping: process),
            number: number,
            version: json["version"]?.string ?? "",
            since: since,
            isHurried: json["hurried"]?.bool ?? false,
            column: json["column"]?.integer
        )
    }
}
