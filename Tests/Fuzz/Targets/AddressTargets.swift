// Fuzzes the code that finds a client's address: PROXY headers, forwarded fields, and lists of address ranges.
import Configuration
import HTTP
import Transport

/// Fuzzes the reader of PROXY headers, version 1 here and version 2 in the subclass.
///
/// As soon as a beginning of the bytes suffices for a result, further bytes must not change it.
class ProxyHeaderTarget: FuzzTarget {
    class var name: String { "proxy-v1" }
    /// Bytes that precede those of the fuzzer in half of the runs, so that the fuzzer need not find how a header
    /// begins.
    class var start: [UInt8] { Array("PROXY ".utf8) }
    required init() {}

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let bytes = (input.choice() & 1 == 0 ? Self.start : []) + input.rest
        let whole = ProxyHeader.read(bytes.span)
        var first: (count: Int, reading: ProxyHeader.Reading)?
        for count in 0...min(bytes.count, 300) {
            let reading = ProxyHeader.read(bytes.span.extracting(0..<count))
            if let first {
                findings.expect(reading == first.reading, "\(count) bytes differ from \(first.count): \(shown(bytes))")
            } else if reading != .incomplete {
                first = (count, reading)
            }
        }
        if let first {
            findings.expect(whole == first.reading, "the whole differs from its beginning: \(shown(bytes))")
        }
        guard case .header(let header) = whole else { return }
        findings.expect(header.length <= min(bytes.count, ProxyHeader.bytesMax), "a header of \(header.length) bytes")
        if let client = header.client {
            findings.expect(IPAddress(client) != nil && client.unmapped == client, "client \(client)")
        }
    }
}

final class ProxyHeaderV2Target: ProxyHeaderTarget {
    override class var name: String { "proxy-v2" }
    override class var start: [UInt8] { [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21] }
}

/// Fuzzes `x-forwarded-for` and `forwarded`: the address that a trusted proxy appends on the right must win.
///
/// Whatever the client has sent before it must not matter.
final class ForwardedFieldsTarget: FuzzTarget {
    static let name = "forwarded-fields"
    private static let proxies = AddressSet((try? AddressRange(parsing: "10.0.0.0/8")).map { [$0] } ?? [])

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let lines = Int(input.choice() % 3) + 1
        let bytes = input.rest
        let sources: [(ClientAddressSource, String, String)] = [
            (.xForwardedFor, "x-forwarded-for", "192.0.2.1"), (.forwarded, "forwarded", "for=192.0.2.1"),
        ]
        for (source, name, appended) in sources {
            for end in ["", appended, appended + ", " + appended.replacing("192.0.2.1", with: "10.0.0.7")] {
                var fields = FieldBlock()
                let length = bytes.count / lines + 1
                for start in stride(from: 0, to: bytes.count, by: length) {
                    let piece = Array(bytes[start..<min(bytes.count, start + length)])
                    fields.append(name: Array(name.utf8).span, value: piece.span)
                }
                if end.isEmpty {
                    _ = ForwardedAddress.client(in: fields, from: source, trusted: Self.proxies)
                    continue
                }
                // A proxy appends to the last line, or adds a line of its own.
                fields.append(name: name, value: end)
                let client = ForwardedAddress.client(in: fields, from: source, trusted: Self.proxies)
                findings.expect(client?.host == "192.0.2.1", "\(source): \(client?.host ?? "none") \(shown(bytes))")
                var joined = FieldBlock()
                let line = bytes + Array(", \(end)".utf8)
                joined.append(name: Array(name.utf8).span, value: line.span)
                let other = ForwardedAddress.client(in: joined, from: source, trusted: Self.proxies)
                findings.expect(
                    other?.host == "192.0.2.1",
                    "\(source), one line: \(other?.host ?? "none") \(shown(bytes))"
                )
            }
        }
    }
}

/// Fuzzes lists of address ranges: an accepted range that is written and read again must be the same.
///
/// The set of all addresses must contain exactly those of its ranges.
final class AddressListTarget: FuzzTarget {
    static let name = "cidr-lists"

    func run(_ input: FuzzInput, _ findings: Findings) {
        guard let file = try? AddressFile(parsing: input.rest) else { return }
        let set = file.set
        for range in file.ranges.prefix(50) {
            let again = try? AddressRange(parsing: range.description)
            findings.expect(again == range, "\(range) was read again as \(again?.description ?? "nothing")")
            let start = range.description.prefix { $0 != "/" }
            guard let first = IPAddress(parsing: String(start)) else {
                findings.expect(false, "\(start) is no address")
                continue
            }
            findings.expect(range.contains(first) && set.contains(first), "\(first) is not in \(range)")
        }
        for probe in [IPAddress(high: 0, low: 1), IPAddress(high: 0, low: 0xFFFF_0A00_0001)] {
            let isInRange = file.ranges.contains { $0.contains(probe) }
            findings.expect(isInRange == set.contains(probe), "\(probe): the set and its ranges disagree")
        }
    }
}
