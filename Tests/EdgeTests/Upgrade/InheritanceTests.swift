import Configuration
import Glibc
import Testing

@testable import Edge

@Suite struct InheritanceTests {
    @Test func aProcessThatNobodyHandsOverToHasNone() throws {
        #expect(try Inheritance.receive(from: ["PATH": "/bin"]) == nil)
    }

    @Test(arguments: ["", "x", "-1", "0", "2", "9999", "4 5"]) func whatIsNoLinkIsRefused(text: String) {
        #expect(throws: StartError.self) { try Inheritance.receive(from: [Inheritance.variable: text]) }
    }

    @Test func whatIsHandedOverIsReceived() throws {
        let (own, other) = try linkPair()
        _ = fcntl(own, F_SETFD, 0)
        var handover = completeHandover
        (handover.listeners[0].descriptors, handover.listeners[1].descriptors) = ([own], [own])
        UpgradeLink.sendNow(.handover(handover), to: other)
        let inheritance = try #require(try Inheritance.receive(from: [Inheritance.variable: "\(own)"]))
        #expect(inheritance.handover.number == 3 && inheritance.descriptor == own)
        #expect(fcntl(own, F_GETFD) == FD_CLOEXEC)
        let key = ListenerKey(address: .tcp(host: "127.0.0.1", port: 0), number: 1)
        #expect(inheritance.sockets(for: key)?.isInherited == true)
        #expect(inheritance.sockets(for: ListenerKey(address: .tcp(host: "127.0.0.1", port: 0), number: 0)) == nil)
        inheritance.refuse(["because"])
        #expect(UpgradeLink.firstMessage(other) == .failed(["because"]))
        close(own)
        close(other)
    }

    @Test func aNewerProtocolIsRefusedWithWords() throws {
        let (own, other) = try linkPair()
        put(Array("{\"type\":\"handover\",\"protocol\":99}\n".utf8), to: other)
        #expect(throws: StartError.self) { try Inheritance.receive(from: [Inheritance.variable: "\(own)"]) }
        guard case .failed(let lines)? = UpgradeLink.firstMessage(other) else {
            Issue.record("no answer")
            return
        }
        #expect(lines.first?.contains("does not understand what the running server hands over") == true)
        close(own)
        close(other)
    }
}
