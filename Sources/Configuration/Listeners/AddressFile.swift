// The list of trusted peers, from the configuration or from a text file such as Cloudflare's published ranges.
internal import HTTP
package import Transport

/// A list of ranges of IP addresses, from a text file or from the configuration.
///
/// Each line of a file has one range or one address. Empty lines and comments, which begin with `#`, are ignored. The
/// word `unix:` stands for all peers of unix sockets.
package struct AddressFile: Sendable, Equatable {
    /// The largest file that is read, in bytes.
    static let bytesMax = 1 << 20
    /// The largest number of ranges that a file may list.
    static let rangesMax = 10_000

    /// The ranges, in the order of the list.
    package private(set) var ranges: [AddressRange] = []
    /// Whether the list contains `unix:`, which stands for all peers of unix sockets.
    package private(set) var hasUnixPeers = false

    /// Why a file cannot be used, in words for the operator, with the number of the line.
    package struct Problem: Error, Equatable, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// Reads the contents of a file.
    ///
    /// - Throws: the first problem. An empty list is a problem, because a file without any address is more likely a
    ///   failed download than an intention.
    package init(parsing bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.bytesMax else { throw Problem(description: "is larger than 1 MiB") }
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            var entry = line.prefix { $0 != UInt8(ascii: "#") }
            if entry.last == UInt8(ascii: "\r") { entry.removeLast() }
            let text = String(decoding: entry.trimmed, as: UTF8.self)
            if text.isEmpty { continue }
            do throws(AddressRange.Problem) {
                try add(text)
            } catch {
                let shown = ConfigurationSection.printable(String(text.prefix(64)))
                throw Problem(description: "line \(index + 1): '\(shown)': \(error)")
            }
            guard ranges.count <= Self.rangesMax else { throw Problem(description: "has more than 10000 ranges") }
        }
        guard !ranges.isEmpty || hasUnixPeers else { throw Problem(description: "lists no address") }
    }

    /// Makes an empty list, to which `add` adds ranges.
    package init() {}

    /// Adds a range, a single address, or `unix:`.
    package mutating func add(_ text: String) throws(AddressRange.Problem) {
        if text == "unix:" { hasUnixPeers = true } else { ranges.append(try AddressRange(parsing: text)) }
    }

    /// The list as an `AddressSet`, which says whether an address is in one of the ranges.
    package var set: AddressSet { AddressSet(ranges, unixPeers: hasUnixPeers) }
}
