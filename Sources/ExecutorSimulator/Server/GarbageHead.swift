// Simulates the fault `garbage_head`: the engine sends a response that is not HTTP.
internal import HTTP
internal import Transport

/// Takes over a connection, writes bytes that are not HTTP, and closes the connection after 20 ms.
///
/// Only the thread of the simulator's loop may use it.
final class GarbageHead: ChannelHandler, TimerTarget {
    private static let bytes = Array("HTTP/9.9 two hundred\u{1}\r\n:: \r\nnot a field\r\n\r\n".utf8)

    private let connection: ServerConnection
    private var isWritten = false

    private init(_ connection: ServerConnection) { self.connection = connection }

    /// Takes over the connection, writes the bytes when the channel is flushed, and closes the connection by a timer.
    static func send(on connection: ServerConnection) {
        let garbage = GarbageHead(connection)
        connection.channel.attach(garbage)
        connection.channel.mark()
        let loop = connection.channel.loop
        _ = loop.timers.schedule(at: loop.now + 20_000_000, target: garbage, kind: 0)
    }

    func timerFired(_ kind: Int) { connection.close(.edge) }

    func channelOpened(_ channel: Channel) {}
    func channel(_ channel: Channel, received bytes: Span<UInt8>) {}
    func channel(_ channel: Channel, ended end: ChannelEnd) { connection.close(.closed) }
    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard !isWritten else { return }
        isWritten = true
        scratch.append(Self.bytes)
    }
    func channelDrained(_ channel: Channel) {}
    func channelReleased(_ channel: Channel) { connection.channelReleased(channel) }
}
