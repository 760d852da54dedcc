// Tests an event loop when epoll_ctl fails: with ENOSPC at the limit fs.epoll.max_user_watches, or with ENOMEM.
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct RegistrationTests {
    private let test = TestLoop()

    @Test(arguments: [ENOSPC, ENOMEM]) func anAcceptedSocketIsClosed(code: CInt) throws {
        let (socket, peer) = Peer.pair()
        test.loop.registrationErrorForTest = code
        let error = #expect(throws: SystemError.self) {
            try Channel.accept(socket, peer: Sockets.localAddress(of: socket)!, loop: test.loop)
        }
        #expect(error?.call == "epoll_ctl" && error?.code == code && error?.isOutOfDescriptors == true)
        peer.poll()
        #expect(peer.end == .closed)
        // The failure leaves no trace in the loop: the next channel works.
        test.loop.registrationErrorForTest = nil
        let (next, second) = Peer.pair()
        let handler = Recorder(next, on: test)
        second.send("hello")
        test.settle()
        #expect(handler.text == "hello")
    }

    @Test func aSocketThatConnectsIsClosed() throws {
        var accepted: [Peer] = []
        let address = try test.listen { socket, _ in accepted.append(Peer(descriptor: socket.descriptor)) }
        test.loop.registrationErrorForTest = ENOSPC
        #expect(throws: SystemError.self) { try Channel.connect(to: address, loop: test.loop) }
        test.run {
            accepted.first?.poll()
            return accepted.first?.end != nil
        }
        #expect(accepted.first?.end == .closed)
    }

    @Test func aListenerWaitsAndTriesAgain() throws {
        let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        defer { socket.close() }
        var accepted: [Socket] = []
        var codes: [CInt?] = []
        test.loop.registrationErrorForTest = ENOMEM
        let listener = Listener(
            loop: test.loop,
            socket: socket,
            accepted: { socket, _ in accepted.append(socket) },
            exhausted: { codes.append($0) }
        )
        #expect(listener.isWaiting && codes == [ENOMEM])
        let peer = Peer(to: Sockets.localAddress(of: socket)!)
        test.pass(second / 10)
        #expect(codes == [ENOMEM, ENOMEM] && accepted.isEmpty)
        test.loop.registrationErrorForTest = nil
        test.pass(second / 10)
        #expect(accepted.count == 1 && !listener.isWaiting)
        for socket in accepted { socket.close() }
        peer.close()
    }

    /// If the peer closes while the channel does not read, the channel is removed from epoll.
    ///
    /// Otherwise epoll would report the close again and again. The pending bytes are read when reading resumes.
    @Test func whatAPeerLeftBehindIsReadWithoutThePoller() throws {
        let (socket, peer) = Peer.pair()
        let handler = Recorder(socket, on: test)
        handler.channel?.setReading(false)
        test.settle()
        let bytes = pattern(100_000)
        #expect(peer.send(bytes) == bytes.count)
        peer.close()
        // Another test may just be starting a program, which has a copy of the peer's socket for a moment. The close
        // takes effect only after that.
        test.run { handler.channel?.isUnregistered == true }
        #expect(handler.channel?.isUnregistered == true && handler.received.isEmpty)
        test.loop.registrationErrorForTest = ENOSPC
        // From now on epoll_ctl fails. The handler pauses reading after each read, and still no byte may be lost.
        handler.onReceive = { $0.setReading(false) }
        test.run {
            handler.channel?.setReading(true)
            return !handler.ends.isEmpty
        }
        #expect(handler.received == bytes && handler.endedInOrder)
        handler.onReceive = nil
        handler.channel?.close()
        test.settle()
        #expect(handler.released == 1 && handler.callsAfterRelease == 0)
    }
}
