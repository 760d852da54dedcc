import Foundation
import HTTP
import LoopTesting
import Testing

@testable import Edge

/// Methods that no endpoint supports, and `OPTIONS *`, which addresses the server as a whole.
@Suite struct ExchangeOwnAnswersTests {
    private func answer(_ request: String) throws -> String {
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
        let environment = TestEnvironment(snapshot)
        defer { environment.forget() }
        let client = try TestClient(environment)
        client.peer.send(request)
        client.settle()
        client.peer.poll()
        return client.peer.text
    }

    @Test(arguments: ["/v1/chat/completions", "/health", "/nothing", "/v1/models", "/"])
    func anUnknownMethodIs501(path: String) throws {
        #expect(try answer("FROB \(path) HTTP/1.1\r\nhost: x\r\n\r\n").hasPrefix("HTTP/1.1 501 "))
        #expect(try answer("get \(path) HTTP/1.1\r\nhost: x\r\n\r\n").hasPrefix("HTTP/1.1 501 "), "methods have case")
    }

    @Test func aKnownMethodIs404Or405() throws {
        #expect(try answer("PATCH /nothing HTTP/1.1\r\nhost: x\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
        #expect(try answer("PUT /health HTTP/1.1\r\nhost: x\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
    }

    @Test(arguments: ["*", "http://x"]) func optionsOfTheServerAre200(target: String) throws {
        let text = try answer("OPTIONS \(target) HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("\r\nallow: GET, HEAD, POST, OPTIONS\r\n"))
        #expect(text.contains("\r\ncontent-length: 0\r\n"))
    }

    /// Header fields that the operator configures are added to every answer that the edge itself writes.
    ///
    /// They do not replace a field that the answer already has.
    @Test(arguments: ["GET /health", "GET /nothing", "PUT /health", "OPTIONS *", "GET /v1/models", "POST /v1/messages"])
    func fieldsOfTheOperatorAreInEveryAnswer(request: String) throws {
        var settings = ServerSettings()
        settings.responseFields.append(name: "strict-transport-security", value: "max-age=1")
        settings.responseFields.append(name: "content-type", value: "text/plain")
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
        let client = try TestClient(TestEnvironment(snapshot), settings: settings)
        client.peer.send("\(request) HTTP/1.1\r\nhost: x\r\n\r\n")
        client.settle()
        let text = client.received
        #expect(text.contains("\r\nstrict-transport-security: max-age=1\r\n"), "\(text)")
        #expect(text.components(separatedBy: "content-type: ").count == 2, "\(text)")
    }

    @Test func aLaterMinorVersionIsServed() throws {
        #expect(try answer("GET /health HTTP/1.2\r\nhost: x\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    }
}
