// Requests for hosts that a listener does not serve.
import HTTP
import Inference
import LoopTesting
import Testing

@testable import Edge

@Suite struct ServedHostTests {
    private func client() throws -> TestClient {
        var settings = ServerSettings()
        settings.hosts = ServedHosts(["h"])
        settings.redirectPort = nil
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://e:1'}]}")
        return try TestClient(TestEnvironment(snapshot), settings: settings)
    }

    private func answer(_ request: String) throws -> (text: String, end: String?) {
        let client = try client()
        client.peer.send(request)
        client.settle()
        return (client.received, client.finished.map { "\($0.end)" })
    }

    @Test(arguments: ["GET /v1/models", "GET /", "OPTIONS *", "GET /health/x", "GET /.well-known/other"])
    func anotherHostIs421(request: String) throws {
        let (text, _) = try answer("\(request) HTTP/1.1\r\nhost: other\r\n\r\n")
        #expect(
            text.hasPrefix("HTTP/1.1 421 Misdirected Request\r\n") && text.contains("misdirected_request"),
            "\(text)"
        )
        let (served, _) = try answer("\(request) HTTP/1.1\r\nhost: H.:8080\r\n\r\n")
        #expect(!served.hasPrefix("HTTP/1.1 421 "), "\(served)")
    }

    @Test func itIsToldInTheClientsDialect() throws {
        let client = try client()
        client.ask(path: "/v1/messages", fields: "x: y")
        #expect(client.status == nil, "the host h is served: the request waits for its executor")
        let other = try self.client()
        other.peer.send("POST /v1/messages HTTP/1.1\r\nhost: other\r\ncontent-length: 2\r\n\r\n{}")
        other.settle()
        #expect(other.status == 421 && other.received.contains(#""type":"error""#), "\(other.received)")
        guard case .failed(let failure)? = other.finished?.end else {
            Issue.record("no failure")
            return
        }
        #expect(failure.label == "misdirected_request" && failure.side == .client)
        #expect(other.executors.isEmpty)
    }

    @Test func healthAndChallengesAreForEveryHost() throws {
        #expect(try answer("GET /health HTTP/1.1\r\nhost: other\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
        #expect(try answer("GET /health HTTP/1.0\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
        let challenge = "GET /.well-known/acme-challenge/t HTTP/1.1\r\nhost: other\r\n\r\n"
        #expect(try answer(challenge).text.hasPrefix("HTTP/1.1 404 "))
        #expect(try answer("GET / HTTP/1.0\r\n\r\n").text.hasPrefix("HTTP/1.1 421 "))
    }
}
