import Foundation
import Testing

/// A way in which a request, or its connection, says who its client is.
enum Naming: String, CaseIterable, Sendable {
    case direct
    case proxyLineTCP4 = "PROXY v1 TCP4"
    case proxyLineTCP6 = "PROXY v1 TCP6"
    case proxyLineUnknown = "PROXY v1 UNKNOWN"
    case proxyTCP4 = "PROXY v2 TCP4"
    case proxyTCP6 = "PROXY v2 TCP6"
    case proxyUnix = "PROXY v2 UNIX"
    case proxyLocal = "PROXY v2 LOCAL"
    case noProxyHeader = "no PROXY header"
    case cfConnectingIP = "cf-connecting-ip"
    case xForwardedFor = "x-forwarded-for"
    case forwarded
    case noField = "no x-forwarded-for"

    /// The value of `client_address` of the listener to which the request goes.
    var listener: String {
        switch self {
        case .direct: "peer"
        case .proxyLineTCP4, .proxyLineTCP6, .proxyLineUnknown, .proxyTCP4, .proxyTCP6, .proxyUnix, .proxyLocal,
            .noProxyHeader:
            "proxy_protocol"
        case .noField: "x-forwarded-for"
        case .cfConnectingIP, .xForwardedFor, .forwarded: rawValue
        }
    }

    /// Whether the listener reads the client's address from a header field.
    var isOfFields: Bool { listener != "peer" && listener != "proxy_protocol" }

    /// Whether the request or its connection names a client with an IP address.
    var namesClient: Bool {
        switch self {
        case .direct, .proxyLineUnknown, .proxyUnix, .proxyLocal, .noProxyHeader, .noField: false
        case .proxyLineTCP4, .proxyLineTCP6, .proxyTCP4, .proxyTCP6, .cfConnectingIP, .xForwardedFor, .forwarded: true
        }
    }

    /// Whether the request names the client by an IPv6 address.
    var isIPv6: Bool { self == .proxyLineTCP6 || self == .proxyTCP6 || self == .forwarded }
}

/// A row of the table in `ClientAddressTests`: one request, and the client that the server must find out for it.
///
/// No two rows share an address, neither for the peer that connects nor for the client that the request names.
struct AddressedRequest: Sendable, CustomTestStringConvertible {
    /// The number of the table's row, from 1; a part of the row's addresses, so that these are unique.
    let number: Int
    let naming: Naming
    /// Whether the peer is in `trusted_peers`.
    let isTrusted: Bool
    let speaking: Speaking
    let secure: Bool

    static let all: [AddressedRequest] = {
        var rows: [AddressedRequest] = []
        for naming in Naming.allCases {
            for isTrusted in [true, false] {
                for speaking in Speaking.both {
                    for secure in [true, false] {
                        rows.append(
                            AddressedRequest(
                                number: rows.count + 1,
                                naming: naming,
                                isTrusted: isTrusted,
                                speaking: speaking,
                                secure: secure
                            )
                        )
                    }
                }
            }
        }
        return rows
    }()

    /// The range of peers that all listeners trust.
    static let trustedPeers = "127.0.2.0/24"
    /// An address that some of the fields name, and that must never be believed.
    private static let forged = "198.51.100.66"

    var testDescription: String {
        "\(naming.rawValue), \(isTrusted ? "trusted" : "untrusted"), \(speaking.rawValue), \(secure ? "TLS" : "clear")"
    }

    /// The id of the request, by which its log line is found.
    var requestID: String { "row-\(number)" }

    /// The address that the connection comes from.
    var peer: String { "127.0.\(isTrusted ? 2 : 1).\(number)" }

    /// The address of the client that the request names, written as in the log.
    var named: String { naming.isIPv6 ? "2001:db8:\(String(number, radix: 16))::1" : "203.0.113.\(number)" }

    // MARK: What must come of it

    /// What the server must do with the request.
    enum Outcome: Sendable, Equatable {
        /// The request is answered with 200; `source` is the label of `freeinference_requests_by_client_source_total`.
        case answered(client: String, source: String)
        /// The server closes the connection without an answer, and this metric grows.
        case closed(String)
    }

    var outcome: Outcome {
        if naming == .noProxyHeader, isTrusted {
            return .closed(#"freeinference_clients_refused_total{reason="proxy_header"}"#)
        }
        if !before.isEmpty, !isTrusted {
            return .closed(#"freeinference_other_protocol_connections_total{protocol="proxy_header"}"#)
        }
        guard isTrusted, naming.namesClient else { return .answered(client: peer, source: "peer") }
        return .answered(client: named, source: naming.listener)
    }

    /// Whether the server believes Cloudflare's other header fields, such as `cf-ray`, and logs them.
    var logsCloudflare: Bool { isTrusted && naming.isOfFields }

    /// The value of `cf-ray`, with which every request comes.
    var ray: String { "8d1c6f0a2b3c4d\(number < 16 ? "0" : "")\(String(number, radix: 16))-AMS" }

    /// Whether the limits for one address (`limits.per_address`) apply to the client.
    ///
    /// A trusted peer whose request names no client is exempt.
    var isCounted: Bool { outcome != .answered(client: peer, source: "peer") || !isTrusted }

    // MARK: What is sent

    /// The same request from another peer, and with another client's address.
    var ofAnother: AddressedRequest {
        AddressedRequest(
            number: number + Self.all.count,
            naming: naming,
            isTrusted: isTrusted,
            speaking: speaking,
            secure: secure
        )
    }

    /// The bytes of the connection before TLS or HTTP: a PROXY header.
    var before: [UInt8] {
        let destination = naming.isIPv6 ? "2001:db8::443" : "192.0.2.1"
        let block = { (version: UInt8, family: UInt8, bytes: [UInt8]) -> [UInt8] in
            Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [version, family, 0, UInt8(bytes.count)] + bytes
        }
        let ports: [UInt8] = [0x9C, 0x40, 0x01, 0xBB]
        let tcp4 = [203, 0, 113, UInt8(number), 192, 0, 2, 1] + ports
        switch naming {
        case .proxyLineTCP4: return Array("PROXY TCP4 \(named) \(destination) 40000 443\r\n".utf8)
        case .proxyLineTCP6: return Array("PROXY TCP6 \(named) \(destination) 40000 443\r\n".utf8)
        case .proxyLineUnknown: return Array("PROXY UNKNOWN\r\n".utf8)
        // The TLV of type 4 (PP2_TYPE_NOOP) with three bytes is skipped.
        case .proxyTCP4: return block(0x21, 0x11, tcp4 + [4, 0, 3, 0, 0, 0])
        case .proxyTCP6:
            let head: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, UInt8(number)] + Array(repeating: 0, count: 9) + [1]
            let tail: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]
            return block(0x21, 0x21, head + tail + ports)
        case .proxyUnix: return block(0x21, 0x31, Array(repeating: 0x2F, count: 216))
        // What follows the command LOCAL is not read.
        case .proxyLocal: return block(0x20, 0x11, tcp4)
        case .direct, .noProxyHeader, .cfConnectingIP, .xForwardedFor, .forwarded, .noField: return []
        }
    }

    /// The header fields: the one that the listener reads names the client, and all others name a forged address.
    var fields: [(String, String)] {
        var fields = [("x-request-id", requestID), ("cf-ray", ray), ("cf-ipcountry", "NL"), ("x-real-ip", Self.forged)]
        fields.append(("cf-connecting-ip", naming == .cfConnectingIP ? named : Self.forged))
        let isForwarded = naming == .forwarded
        fields.append(("forwarded", isForwarded ? Self.forwarded("\"[\(named)]:4711\"") : Self.forwarded("unknown")))
        // The first address is one that the client has invented, and the last one is that of a second trusted proxy.
        if naming == .xForwardedFor {
            fields.append(("x-forwarded-for", "\(Self.forged), \(named), 127.0.2.250"))
        } else if naming != .noField {
            fields.append(("x-forwarded-for", Self.forged))
        }
        return fields
    }

    private static func forwarded(_ client: String) -> String {
        "for=\(forged), for=\(client);proto=https, for=127.0.2.250"
    }
}

/// The observed results of all rows of the table in `ClientAddressTests`.
struct AddressedRequests: Sendable {
    /// The observed results of one row of the table.
    ///
    /// While the row's request runs as a stream, its client sends a second request, and another client sends one, too.
    /// Because of `limits.per_address.streams: 1`, the server refuses the second request if the limits apply to the
    /// client.
    struct Seen: Sendable {
        /// The status of the answer, or null if the connection was closed without one.
        let status: JSON
        /// The metrics among `families` whose values have grown during the request, and by how much.
        let grown: JSON
        /// The log lines of the request.
        let log: [JSON]
        /// The status that the client's second request has got, while its first one was running.
        let second: JSON
        /// The log lines of the client's second request.
        let secondLog: [JSON]
        /// The status that another client's request has got, while the row's client had a running stream.
        let beside: JSON
        /// The metrics among `families` whose values have grown during the second and the other client's request.
        let grownBeside: JSON
    }

    /// The metrics that count where clients' addresses came from, and what was refused because of an address.
    static let families = [
        "freeinference_requests_by_client_source_total", "freeinference_clients_refused_total",
        "freeinference_other_protocol_connections_total", "freeinference_per_address_refusals_total",
    ]

    private let seen: [String: Seen]

    subscript(_ row: AddressedRequest) -> Seen? { seen[row.requestID] }

    /// Sends the requests of all rows to one server with ten listeners, one after the other.
    init(_ rows: [AddressedRequest]) async throws {
        let certificates = try await Certificates.shared()
        let ports = Dictionary(uniqueKeysWithValues: Self.listeners.map { ($0, Port.free()) })
        seen = try await withExecutor(["--prefill", "0ms", "--pace", "0"]) { executor in
            let configuration = EndToEnd.Configuration(executors: [executor.url])
            let yaml = Self.yaml(configuration, certificates, ports)
            return try await withServer(configuration, yaml: yaml) { server in
                let reports = try await Self.send(rows, to: ports, of: server)
                let log = Dictionary(grouping: try await server.settledLog()) { $0.request_id.string ?? "" }
                return Dictionary(
                    uniqueKeysWithValues: reports.map { report in
                        let name = report.name.string ?? ""
                        let seen = Seen(
                            status: report.status,
                            grown: report.grown,
                            log: log[name] ?? [],
                            second: report.second,
                            secondLog: log[name + "-second"] ?? [],
                            beside: report.beside,
                            grownBeside: report.grown_beside
                        )
                        return (name, seen)
                    }
                )
            }
        }
    }

    /// A listener: its `client_address`, and whether it has TLS.
    private struct Listener: Hashable {
        let source: String
        let secure: Bool
    }

    private static let listeners = Set(Naming.allCases.map(\.listener)).sorted().flatMap { source in
        [Listener(source: source, secure: true), Listener(source: source, secure: false)]
    }

    private static func yaml(
        _ configuration: EndToEnd.Configuration,
        _ certificates: Certificates,
        _ ports: [Listener: Int]
    ) -> String {
        var text = "workers: 1\ndrain_timeout: 1s\nlimits: {per_address: {streams: 1}}\nlisteners:\n"
        for listener in listeners {
            text += "  - address: 127.0.0.1:\(ports[listener] ?? 0)\n    client_address: \(listener.source)\n"
            text += "    trusted_peers: [\(AddressedRequest.trustedPeers)]\n"
            if listener.secure {
                text += "    tls: {certificates: [{chain: \(certificates.chain), key: \(certificates.key)}]}\n"
            }
        }
        text += "admin: {address: '127.0.0.1:\(configuration.admin)', socket: off}\n"
        text += "models:\n  - id: demo\n    executors:\n"
        return text + configuration.executors.map { "      - {url: '\($0)', health: {interval: 0s}}\n" }.joined()
    }

    /// Sends the requests by `Clients/client_addresses.py`, and returns its reports.
    private static func send(
        _ rows: [AddressedRequest],
        to ports: [Listener: Int],
        of server: Server
    ) async throws -> [JSON] {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let members = { (row: AddressedRequest) -> [String: Any] in
            let port = ports[Listener(source: row.naming.listener, secure: row.secure)] ?? 0
            return [
                "name": row.requestID, "port": port, "secure": row.secure, "speaking": row.speaking.rawValue,
                "peer": row.peer, "before": row.before.map { String(format: "%02x", $0) }.joined(),
                "fields": row.fields.map { [$0.0, $0.1] },
            ]
        }
        let requests = rows.map { row -> [String: Any] in
            var request = members(row)
            if case .answered = row.outcome { request["other"] = members(row.ofAnother) }
            return request
        }
        let data = try JSONSerialization.data(withJSONObject: requests)
        let file = try scratch.write(String(decoding: data, as: UTF8.self), to: "requests.json")
        let completed = try await run(
            Repository.python,
            [
                Repository.clients + "/client_addresses.py", "--admin", "\(server.configuration.admin)",
                "--ca", server.certificates.authority, "--families", families.joined(separator: ","), file,
            ]
        )
        guard completed.succeeded, completed.lines.count == rows.count else {
            throw Unmet("client_addresses.py: \(completed.output.suffix(4000))\n\(completed.errors)")
        }
        return completed.lines
    }
}
