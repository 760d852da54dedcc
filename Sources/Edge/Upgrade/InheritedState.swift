// What a process hands over to its successor in an upgrade, besides sockets.
internal import Configuration
internal import Inference
internal import Routing
internal import Transport

/// The state of a process that its successor takes over.
///
/// Clocks of two processes differ. So times are durations, relative to the moment at which the state was captured.
///
/// The process that reads the JSON form may be of another version than the process that wrote it. It ignores members
/// that it does not know or that are not valid. If a member is missing, the successor begins without that part of the
/// state.
///
/// The state contains secrets, the TLS ticket keys. So it is passed only over the link between the two processes.
struct InheritedState: Equatable, Sendable {
    /// The largest size of the JSON form, in bytes; `json` leaves out parts of a larger state.
    static let bytesMax = 32 << 20
    /// The largest number of entries that are handed over in each part of the state, such as `keys`.
    private static let entriesMax = 100_000

    /// Identifies an engine, or one model at an engine, in the same way in the process that hands over and in its
    /// successor.
    struct Target: Hashable, Sendable {
        /// The engine's name, which is its URL.
        var url: String
        /// Tells engines with the same URL apart.
        var ordinal: Int
        /// The engine's name for the model; nil for the engine itself.
        var model: String?
    }

    /// The keys of TLS session tickets; nil if the state contains none.
    var ticketKeys: TicketKeys.Record?
    /// The random id that the process writes in the field `cdn-loop` of its requests to executors; nil if the state
    /// contains none.
    ///
    /// A request that comes back to the process in a loop is recognized by this id.
    var instanceID: String?
    /// The maintenance in force; nil if there is none.
    var maintenance: Maintenance?
    /// The operator's commands that are in force, such as to drain an executor or to change its weight.
    var orders = ExecutorOrders()
    /// The health of engines and executors, and their limits, which the edge infers when they refuse requests because
    /// they are busy (for example with status 429).
    var availability: [Target: AvailabilityRecord] = [:]
    /// The engines that refuse the request member `stream_options`.
    var usageRefused: Set<Target> = []
    /// What counts against each API key's limits per minute, such as its requests and tokens, by the key's id; unused
    /// keys are left out.
    var keys: [String: KeyUseRecord] = [:]
    /// What counts against the limits per minute of all callers without an API key together.
    var anonymous = KeyUseRecord()
    /// The models that engines have listed, and the addresses of host names.
    var found = InheritedMembers()

    /// Makes the state of a process that has just started.
    init() {}

    /// Captures the state of this process.
    ///
    /// What the API keys use after this moment is reported to the successor by `KeyRates`.
    ///
    /// - Parameters:
    ///   - found: the models and addresses that have been found so far.
    ///   - now: the time of the loops' clock.
    init(of running: RunningConfiguration, _ process: ProcessState, found: FoundMembers, at now: Nanoseconds) {
        ticketKeys = process.ticketKeys.record()
        instanceID = process.instanceID
        maintenance = process.maintenance.current
        orders = running.registry.orders
        for engine in running.registry.engines {
            availability[Target(engine)] = engine.record(at: now)
            if engine.refusesUsage { usageRefused.insert(Target(engine)) }
        }
        for executor in running.registry.executors { availability[Target(executor)] = executor.record(at: now) }
        let access = running.snapshot.access
        for entry in access.keys?.current.all ?? [] {
            let record = entry.use.record(at: now)
            if record != KeyUseRecord() { keys[entry.key.id] = record }
        }
        anonymous = access.anonymousUse.record(at: now)
        self.found = InheritedMembers(found)
    }

    /// Applies the state to this process, which has not served a request yet.
    ///
    /// `instanceID` and `found` are not applied here, because initializers took them from an earlier state of the main
    /// process. The function may be called again, with a newer state of the main process.
    ///
    /// - Parameter now: the time of the loops' clock.
    func restore(to running: RunningConfiguration, _ process: ProcessState, at now: Nanoseconds) {
        if let ticketKeys { _ = process.ticketKeys.restore(ticketKeys) }
        process.maintenance.set(maintenance)
        running.registry.restore(orders, at: now)
        let probed = running.snapshot.engines.filter { $0.probe != nil }.map(\.engine.id)
        for engine in running.registry.engines {
            let target = Target(engine)
            if let record = availability[target] { engine.restore(record, at: now) }
            if !probed.contains(engine.id) { engine.probesEnded(at: now) }
            if usageRefused.contains(target) { engine.refuseUsage() }
        }
        for executor in running.registry.executors {
            if let record = availability[Target(executor)] { executor.restore(record, at: now) }
        }
        let access = running.snapshot.access
        for entry in access.keys?.current.all ?? [] {
            if let record = keys[entry.key.id] { entry.use.restore(record, at: now) }
        }
        access.anonymousUse.restore(anonymous, at: now)
    }
}

extension InheritedState.Target {
    init(_ engine: Engine) { self.init(url: engine.name, ordinal: engine.ordinal, model: nil) }
    init(_ executor: Executor) {
        self.init(url: executor.name, ordinal: executor.engine.ordinal, model: executor.model)
    }
}

// MARK: JSON

extension InheritedState {
    /// The state as a JSON object on one line, of at most `bytesMax` bytes.
    ///
    /// If the state is larger, `keys` is left out; if that is not enough, `found` is left out as well.
    var json: [UInt8] {
        let whole = encoded
        guard whole.count > Self.bytesMax else { return whole }
        var less = self
        less.keys = [:]
        let smaller = less.encoded
        guard smaller.count > Self.bytesMax else { return smaller }
        less.found = InheritedMembers()
        return less.encoded
    }

    private var encoded: [UInt8] {
        var writer = JSONWriter(reserving: 4096)
        writer.beginObject()
        if let instanceID { writer.field("instance_id", instanceID) }
        writeTicketKeys(to: &writer)
        writeMaintenance(to: &writer)
        writeOrders(to: &writer)
        writer.list("availability", availability.prefix(Self.entriesMax)) { writer, entry in
            entry.key.write(to: &writer)
            entry.value.write(to: &writer)
        }
        writer.list("usage_refused", usageRefused.prefix(Self.entriesMax)) { writer, target in
            target.write(to: &writer)
        }
        writer.list("keys", keys.prefix(Self.entriesMax)) { writer, entry in
            writer.field("id", entry.key)
            entry.value.write(to: &writer)
        }
        writer.key("anonymous")
        writer.beginObject()
        anonymous.write(to: &writer)
        writer.endObject()
        writer.key("found")
        writer.beginObject()
        found.write(to: &writer)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private func writeTicketKeys(to writer: inout JSONWriter) {
        guard let ticketKeys else { return }
        writer.key("ticket_keys")
        writer.beginObject()
        writer.field("age_seconds", Int(ticketKeys.age))
        writer.key("keys")
        writer.beginArray()
        for key in ticketKeys.keys { writer.value(Hexadecimal.text(key)) }
        writer.endArray()
        writer.endObject()
    }

    private func writeMaintenance(to writer: inout JSONWriter) {
        guard let maintenance else { return }
        writer.key("maintenance")
        writer.beginObject()
        if let text = maintenance.text { writer.field("text", text) }
        writer.field("retry_after", maintenance.retryAfter)
        writer.field("since", maintenance.since)
        writer.endObject()
    }

    private func writeOrders(to writer: inout JSONWriter) {
        writer.list("orders", orders.all.prefix(Self.entriesMax)) { writer, entry in
            writer.field("url", entry.target.url)
            if let model = entry.target.model { writer.field("model", model.text) }
            writer.field("drained", entry.order.isDrained)
            if let weight = entry.order.weight { writer.field("weight", weight) }
        }
    }

    /// Reads a state.
    ///
    /// - Returns: nil if the bytes are not a JSON object, or more than `bytesMax`.
    init?(json bytes: [UInt8]) {
        guard bytes.count <= Self.bytesMax, let json = JSONValue(parsing: bytes), case .object = json else {
            return nil
        }
        instanceID = json["instance_id"]?.string.flatMap { Self.isInstanceID($0) ? $0 : nil }
        ticketKeys = TicketKeys.Record(json["ticket_keys"])
        maintenance = Maintenance(json["maintenance"])
        for entry in Self.entries(json["orders"]) {
            guard let url = entry["url"]?.string else { continue }
            let target = ExecutorOrders.Target(url: url, model: entry["model"]?.string)
            if entry["drained"]?.bool == true { orders.give(.drain, to: target) }
            if let weight = entry["weight"]?.integer, OrderCommand.weights.contains(weight) {
                orders.give(.weight(weight), to: target)
            }
        }
        for entry in Self.entries(json["availability"]) {
            guard let target = Target(entry) else { continue }
            availability[target] = AvailabilityRecord(entry)
        }
        usageRefused = Set(Self.entries(json["usage_refused"]).compactMap { Target($0) })
        for entry in Self.entries(json["keys"]) {
            if let id = entry["id"]?.string { keys[id] = KeyUseRecord(entry) }
        }
        if let use = json["anonymous"] { anonymous = KeyUseRecord(use) }
        if let members = json["found"] { found = InheritedMembers(members) }
    }

    private static func entries(_ json: JSONValue?) -> ArraySlice<JSONValue> {
        (json?.array ?? []).prefix(entriesMax)
    }

    /// Whether a text has the form of `ProcessState.instanceID`; no other text may be written to the field `cdn-loop`.
    private static func isInstanceID(_ text: String) -> Bool {
        let prefix = ProcessState.instancePrefix
        return text.hasPrefix(prefix) && text.utf8.count == prefix.utf8.count + 16
            && text.utf8.dropFirst(prefix.utf8.count).allSatisfy { $0.hexDigitValue != nil }
    }
}
