// A channel handler for tests: it records every call and sends what the test tells it to.
import LoopTesting
import Transport

final class Recorder: ChannelHandler {
    var channel: Channel?
    var opened = 0
    var received: [UInt8] = []
    var ends: [ChannelEnd] = []
    var drained = 0
    var flushes = 0
    var released = 0
    var callsAfterRelease = 0
    var output: [UInt8] = []
    var echoes = false
    var onReceive: ((Channel) -> Void)?
    var onEnd: ((Channel) -> Void)?
    var onFlush: ((Channel) -> Void)?
    /// The client that the handler names for a TLS handshake; if nil, it names the address of the socket's peer.
    var client: HandshakeClient?

    init() {}

    init(_ socket: Socket, on test: TestLoop) {
        let peer = Sockets.localAddress(of: socket)!
        channel = try? Channel.accept(socket, peer: peer, loop: test.loop)
        channel!.attach(self)
    }

    func say(_ bytes: [UInt8]) {
        output += bytes
        channel?.mark()
    }

    private func count() { if released > 0 { callsAfterRelease += 1 } }

    func channelOpened(_ channel: Channel) {
        count()
        opened += 1
        channel.mark()
    }
    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        count()
        for index in bytes.indices { received.append(bytes[index]) }
        if echoes { for index in bytes.indices { output.append(bytes[index]) } }
        if echoes { channel.mark() }
        onReceive?(channel)
    }
    func channel(_ channel: Channel, ended end: ChannelEnd) {
        count()
        ends.append(end)
        onEnd?(channel)
    }
    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        count()
        flushes += 1
        scratch.append(output)
        output = []
        onFlush?(channel)
    }
    func channelDrained(_ channel: Channel) {
        count()
        drained += 1
    }
    func handshakeClient(_ channel: Channel) -> HandshakeClient {
        count()
        return client ?? HandshakeClient(address: IPAddress(channel.peer))
    }
    func channelReleased(_ channel: Channel) {
        released += 1
        self.channel = nil
    }

    var text: String { String(decoding: received, as: UTF8.self) }
    var endedInOrder: Bool {
        if case .closed? = ends.first { return ends.count == 1 }
        return false
    }
    var failure: SystemError? {
        if case .failed(let error)? = ends.first { return error }
        return nil
    }
}
