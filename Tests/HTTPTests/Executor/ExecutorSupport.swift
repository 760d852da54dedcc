// A simulated executor that sends what the test tells it to, and a stand-in for an attempt that records the response.
import HTTP
import LoopTesting
import Transport

final class Attempt: ExecutorStreamHandler {
    var sent = 0
    var heads: [ResponseHead] = []
    var framing: [ResponseBody] = []
    var body: [UInt8] = []
    var ended = 0
    var failures: [ExecutorFailure] = []
    var calls = 0
    var onBody: (() -> Void)?
    weak var stream: (any ExecutorStream)?

    func requestSent() {
        calls += 1
        sent += 1
    }
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        calls += 1
        heads.append(head)
        framing.append(body)
    }
    func responseBody(_ bytes: Span<UInt8>) {
        calls += 1
        for index in bytes.indices { body.append(bytes[index]) }
        onBody?()
    }
    func responseEnded() {
        calls += 1
        ended += 1
    }
    func attemptFailed(_ failure: ExecutorFailure) {
        calls += 1
        failures.append(failure)
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    var isOver: Bool { ended + failures.count > 0 }
    /// The case name of the first failure, without associated values; nil without a failure.
    var failure: String? { failures.first.map { String(describing: $0).prefix { $0 != "(" }.description } }
}

final class BodyBytes: RequestBodySource {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    var length: Int { bytes.count }
    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        scratch.append(Array(bytes[offset..<min(bytes.count, offset + limit)]))
    }
}

/// Simulates an executor with a listening socket: the test itself sends and receives on each connection to it.
final class ExecutorTest {
    let test = TestLoop()
    var peers: [Peer] = []
    let client: ExecutorClient

    /// For each connection in `peers`, the simulated executor's HTTP/2 state, which `http2(_:)` makes when it is first
    /// used.
    var http2Peers: [HTTP2Peer] = []

    init(idleMax: Int = 1024, _ configure: (inout ExecutorClientSettings) -> Void = { _ in }) throws {
        nonisolated(unsafe) var accept: ((Peer) -> Void)?
        let address = try test.listen { socket, _ in accept?(Peer(descriptor: socket.descriptor)) }
        var settings = ExecutorClientSettings(
            addresses: AddressBook(address),
            connectTimeout: 2 * second,
            idleTimeout: 4 * second
        )
        settings.idleMax = idleMax
        configure(&settings)
        client = ExecutorClient(loop: test.loop, settings: settings)
        accept = { [weak self] in self?.peers.append($0) }
    }

    deinit {
        // Unfinished requests are cancelled, because the client would open new connections for them.
        for stream in streams { stream.cancel() }
        client.closeIdle()
        settle()
    }

    func settle() {
        for _ in 0..<12 {
            test.loop.turn(waitMax: 0)
            for peer in peers { peer.poll() }
        }
    }

    @discardableResult
    func run(until condition: () -> Bool) -> Bool {
        test.run {
            for peer in peers { peer.poll() }
            return condition()
        }
    }

    /// Sends a request and waits until a connection has received its head.
    func send(
        _ method: Method = .post,
        body: [UInt8]? = Array("{}".utf8),
        _ attempt: Attempt = Attempt()
    ) -> Attempt {
        let request = ExecutorRequest(
            method: method,
            target: Array("/v1/x".utf8),
            host: Array("executor".utf8),
            fields: FieldBlock(),
            body: body.map { BodyBytes($0) }
        )
        let stream = client.send(request, handler: attempt)
        attempt.stream = stream
        streams.append(stream)
        settle()
        return attempt
    }
    private var streams: [any ExecutorStream] = []
    func forget() { streams = [] }

    /// Sends `text` to the client on the connection with this index; on the latest connection without an index.
    func say(_ text: String, at index: Int? = nil) {
        peers[index ?? peers.count - 1].send(text)
        settle()
    }
}
