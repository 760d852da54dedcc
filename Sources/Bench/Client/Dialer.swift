// Opens the bench's connections to the server that it measures.
internal import HTTP
internal import Transport

/// Opens connections to one server, all with the same settings.
///
/// Used only by the thread of the event loop.
final class Dialer {
    let loop: EventLoop
    let target: BenchTarget
    private let tls: TLSContext?
    private let library = HTTP2Library.forBench()

    init(target: BenchTarget, loop: EventLoop) throws(BenchError) {
        self.target = target
        self.loop = loop
        guard target.isSecure else {
            tls = nil
            return
        }
        do throws(TLSError) {
            let alpn = target.version == .http2 ? "h2" : "http/1.1"
            tls = try TLSContext.client(caFile: target.caFile, verify: target.verifies, alpn: [alpn])
        } catch {
            throw BenchError("\(error)")
        }
    }

    /// Begins to open a connection to the server.
    ///
    /// - Throws: when the socket cannot be created.
    func connect() throws(BenchError) -> any ClientConnection {
        let channel: Channel
        do throws(SystemError) {
            channel = try Channel.connect(to: target.address, loop: loop, tls: try makeTLS())
        } catch {
            throw BenchError("\(target.address): \(error)")
        }
        switch target.version {
        case .http1: return HTTP1Client(channel: channel, target: target)
        case .http2: return HTTP2Client(channel: channel, target: target, library: library)
        }
    }

    private func makeTLS() throws(SystemError) -> TLSConnection? {
        guard let tls else { return nil }
        do throws(TLSError) {
            return try TLSConnection.client(in: tls, wire: loop.wire, serverName: target.host)
        } catch {
            fatalError("a client's TLS connection cannot be made: \(error)")
        }
    }
}

extension ChannelEnd {
    /// Why the connection ended, in a few words for the report of a bench.
    var wording: String {
        switch self {
        case .closed: "the connection was closed"
        case .failed(let error): "\(error)"
        case .tls(let error): "TLS: \(error)"
        }
    }
}
