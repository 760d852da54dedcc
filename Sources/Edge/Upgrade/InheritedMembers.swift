// The models of engines and the addresses of host names that a process has found, to be handed over to its successor.
internal import Configuration
internal import Inference
internal import Transport

/// The models that engines have listed and the addresses of host names, as the process before this one knew them.
///
/// A successor begins with them. So a model does not vanish because its engine is slow to list it again.
struct InheritedMembers: Equatable, Sendable {
    /// How many engines' lists of models, and how many host names with their addresses, are handed over at most.
    private static let listingsMax = 10_000, lookupsMax = 10_000

    /// Each engine's list of models, by the URL of the engine.
    private var listings: [String: FoundMembers.Listing] = [:]
    private var addresses: [NameLookup: [WeightedAddress]] = [:]

    /// Makes a value without any lists of models or addresses.
    init() {}

    /// Copies the engines' lists of models, and the addresses of host names, from `found`.
    init(_ found: FoundMembers) {
        for (identity, listing) in found.listings.prefix(Self.listingsMax) { listings["\(identity.url)"] = listing }
        addresses = Dictionary(uniqueKeysWithValues: found.addresses.prefix(Self.lookupsMax).map { ($0, $1) })
    }

    /// Returns `found` with the inherited lists of models and the inherited addresses.
    ///
    /// An engine's list of models is left out if `configuration` does not ask this engine for its models. The addresses
    /// of a host name are left out if no executor of `configuration`, or of its files of executors, needs them.
    func added(to found: FoundMembers, for configuration: Configuration) -> FoundMembers {
        var found = found
        for identity in configuration.discoveries.map(\.identity) {
            if let listing = listings["\(identity.url)"] { found.listings[identity] = listing }
        }
        found.addresses = addresses
        return found.kept(for: configuration)
    }

    // MARK: JSON

    func write(to writer: inout JSONWriter) {
        writer.key("listings")
        writer.beginArray()
        for (url, listing) in listings.sorted(by: { $0.key < $1.key }) {
            writer.beginObject()
            writer.field("url", url)
            writer.field("kind", listing.kind.rawValue)
            writer.key("models")
            writer.beginArray()
            for model in listing.models {
                writer.beginObject()
                writer.field("name", model.name)
                if let length = model.contextLength { writer.field("context_length", length) }
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.key("addresses")
        writer.beginArray()
        for (lookup, found) in addresses.sorted(by: { $0.key.name < $1.key.name }) {
            writer.beginObject()
            writer.field("name", lookup.name)
            writer.field("port", Int(lookup.port))
            writer.field("service", lookup.isService)
            writer.key("found")
            writer.beginArray()
            for one in found {
                writer.beginObject()
                writer.field("host", one.address.host)
                writer.field("port", Int(one.address.port))
                writer.field("weight", one.weight)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }

    /// Reads the JSON that `write` makes; leaves out entries that are not valid.
    init(_ json: JSONValue) {
        for entry in (json["listings"]?.array ?? []).prefix(Self.listingsMax) {
            guard let url = entry["url"]?.string else { continue }
            var listing = FoundMembers.Listing()
            listing.kind = entry["kind"]?.string.flatMap { ExecutorSettings.Kind(rawValue: $0) } ?? .auto
            listing.models = (entry["models"]?.array ?? []).prefix(EngineListing.modelsMax).compactMap { model in
                guard let name = model["name"]?.string, EngineListing.isUsable(name) else { return nil }
                let length = model["context_length"]?.integer
                let isPlausible = length.map { (1...Int(UInt32.max)).contains($0) } == true
                return EngineListing.Model(name: name, contextLength: isPlausible ? length : nil)
            }
            listings[url] = listing
        }
        for entry in (json["addresses"]?.array ?? []).prefix(Self.lookupsMax) {
            guard let name = entry["name"]?.string, let port = Self.port(entry["port"]) else { continue }
            let isService = entry["service"]?.bool == true
            let lookup = isService ? NameLookup(service: name) : NameLookup(host: name, port: port)
            let found = (entry["found"]?.array ?? []).prefix(AddressList.addressesMax).compactMap(Self.address)
            if !found.isEmpty { addresses[lookup] = found }
        }
    }

    private static func address(_ json: JSONValue) -> WeightedAddress? {
        guard let host = json["host"]?.string, IPAddress(parsing: host) != nil, let port = port(json["port"]),
            let weight = json["weight"]?.double, weight.isFinite, weight >= 0
        else { return nil }
        return WeightedAddress(ResolvedAddress(host: host, port: port), weight: weight)
    }

    private static func port(_ json: JSONValue?) -> UInt16? { json?.integer.flatMap { UInt16(exactly: $0) } }
}
