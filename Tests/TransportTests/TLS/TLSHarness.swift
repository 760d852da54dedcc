// Shared by the TLS tests: two TLS ends in memory, and temporary certificates.

import CertificateAuthority
import Glibc
import Transport

/// One end of a TLS connection in memory: its buffers of ciphertext, and the plaintext that it has received.
final class End {
    let wire: TLSWire
    var connection: TLSConnection
    var received: [UInt8] = []
    var isClosed = false
    var failure: TLSError?
    private var buffer = [UInt8](repeating: 0, count: 20_000)

    init(server contexts: TLSServerContexts, wire: TLSWire = TLSWire()) {
        self.wire = wire
        connection = .server(in: contexts, wire: wire)
    }

    init(client context: TLSContext, serverName: String? = nil, resuming: TLSSession? = nil) throws {
        wire = TLSWire()
        connection = try .client(in: context, wire: wire, serverName: serverName, resuming: resuming)
    }

    /// Feeds ciphertext to the connection, as a socket would, and reads plaintext until no more comes.
    func take(_ ciphertext: [UInt8]) {
        ciphertext.withUnsafeBytes { bytes in
            wire.feed(bytes)
            while true {
                switch buffer.withUnsafeMutableBytes({ connection.read(into: $0) }) {
                case .bytes(let count): received += buffer[..<count]
                case .wantsMore: return
                case .closed:
                    isClosed = true
                    return
                case .failed(let error):
                    failure = error
                    return
                }
            }
        }
    }

    /// Returns the ciphertext that the connection wants to send, and clears it.
    func send() -> [UInt8] {
        let output = Array(wire.output)
        wire.clearOutput()
        return output
    }

    var isResumed: Bool { connection.isResumed }
    var isEstablished: Bool { connection.isEstablished }

    func write(_ plaintext: [UInt8]) -> TLSError? { plaintext.withUnsafeBytes { connection.write($0) } }
}

/// A client and a server that exchange ciphertext in memory.
final class Pair {
    let client: End, server: End
    /// The most bytes that one end receives in one read; smaller values test partial TLS records.
    var pieceSize = Int.max

    init(_ client: End, _ server: End) {
        self.client = client
        self.server = server
    }

    convenience init(
        _ context: TLSContext,
        _ contexts: TLSServerContexts,
        serverName: String? = nil,
        resuming: TLSSession? = nil
    ) throws {
        self.init(try End(client: context, serverName: serverName, resuming: resuming), End(server: contexts))
        client.take([])
        exchange()
    }

    /// Carries ciphertext in both directions until neither end has any to send.
    func exchange() {
        while true {
            let toServer = client.send()
            deliver(toServer, to: server)
            let toClient = server.send()
            deliver(toClient, to: client)
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    private func deliver(_ bytes: [UInt8], to end: End) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieceSize)
            end.take(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
    }

    var isEstablished: Bool { client.isEstablished && server.isEstablished }
}

/// A temporary directory that is removed with this object.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/freeinference-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no temporary directory") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// Makes a certificate and a new authority that signs it, in a new subdirectory.
    func certificate(
        _ names: [String],
        _ keyType: DevelopmentCertificates.KeyType = .p256,
        now: Int64 = Int64(time(nil))
    ) throws -> DevelopmentCertificates {
        count += 1
        return try makeDevelopmentCertificates(in: "\(path)/\(count)", names: names, keyType: keyType, now: now)
    }
    private var count = 0

    deinit { removeTree(path) }
}

/// The names of the files in a directory.
func entries(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

private func removeTree(_ path: String) {
    for name in entries(of: path) { removeTree("\(path)/\(name)") }
    remove(path)
}

/// A clock, in seconds, that the test advances.
final class TestClock: Sendable {
    private let seconds = Lock<Int64>(1_000_000)
    var now: Int64 { seconds.withLock { $0 } }
    func advance(_ count: Int64) { seconds.withLock { $0 += count } }
}

func makeTicketKeys(_ clock: TestClock = TestClock()) -> TicketKeys { TicketKeys { clock.now } }

/// Deterministic bytes without repetition, so that swapped or repeated parts are noticed.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
