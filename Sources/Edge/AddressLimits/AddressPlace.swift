// Which entries of the table of client addresses count a connection or request.

/// The entries of the address table in which a connection or request is counted: one for the client's address, and one
/// for the larger IPv6 network around the address.
struct AddressPlaces: Sendable {
    /// The table's entry for the client's address; nil if the table was full.
    let own: AddressPlace?
    /// The table's entry for the IPv6 /48 that contains the client's address; nil for an IPv4 address, or if the table
    /// was full.
    let around: AddressPlace?
}

/// The position of an entry in the address table, which counts the connections and requests of each client address.
///
/// The position stays the same as long as the entry's address or network has a connection or a request.
struct AddressPlace: Sendable, Equatable {
    let shard: Int
    let index: Int
    /// The factor by which all limits in `limits.per_address` are multiplied for this entry.
    ///
    /// The factor is 1 for an IPv4 address or an IPv6 /64, and 8 for an IPv6 /48.
    let scale: Int
}
