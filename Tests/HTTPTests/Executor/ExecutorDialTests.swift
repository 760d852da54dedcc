// Tests what happens when a connection to an executor cannot be opened.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ExecutorDialTests {
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    @Test func aSystemWithoutRoomToWatchASocketFailsTheAttemptAndNotTheExecutor() throws {
        let executor = try ExecutorTest()
        executor.test.loop.registrationErrorForTest = 28  // ENOSPC
        let attempt = executor.send()
        guard case .unreachable(let error)? = attempt.failures.first else {
            Issue.record("\(attempt.failures)")
            return
        }
        #expect(error.call == "epoll_ctl" && error.isOutOfDescriptors && executor.client.connections == 0)
        executor.test.loop.registrationErrorForTest = nil
        let next = executor.send()
        executor.say(ok)
        #expect(next.text == "ok" && next.failures.isEmpty)
    }

    @Test func nobodyThereIsUnreachable() throws {
        let test = TestLoop()
        for address in [try refusingAddress(), SocketAddress(unixPath: temporaryDirectory() + "/none")!] {
            let client = ExecutorClient(
                loop: test.loop,
                settings: ExecutorClientSettings(
                    addresses: AddressBook(address),
                    connectTimeout: second,
                    idleTimeout: second
                )
            )
            let attempt = Attempt()
            let request = ExecutorRequest(method: .get, target: [], host: [], fields: FieldBlock(), body: nil)
            let stream = client.send(request, handler: attempt)
            #expect(attempt.calls == 0, "not inside the call")
            test.run { attempt.isOver }
            #expect(attempt.failure == "unreachable" && attempt.calls == 1 && client.connections == 0)
            stream.cancel()
        }
    }

    @Test func aConnectionThatDoesNotComeTimesOut() throws {
        let test = TestLoop()
        // A listening socket with a full backlog: Linux drops further connection attempts without an answer.
        let listening = try Sockets.listen(
            on: SocketAddress(numeric: "127.0.0.1", port: 0)!,
            shared: false,
            backlog: 0
        )
        defer { listening.close() }
        let address = Sockets.localAddress(of: listening)!
        let filler = Peer(to: address)
        let client = ExecutorClient(
            loop: test.loop,
            settings: ExecutorClientSettings(
                addresses: AddressBook(address),
                connectTimeout: second,
                idleTimeout: second
            )
        )
        let attempt = Attempt()
        let request = ExecutorRequest(method: .get, target: [], host: [], fields: FieldBlock(), body: nil)
        let stream = client.send(request, handler: attempt)
        test.settle()
        #expect(!attempt.isOver && attempt.sent == 0)
        test.pass(2 * second)
        #expect(attempt.failure == "connectTimeout" && client.connections == 0)
        stream.cancel()
        filler.close()
    }
}
