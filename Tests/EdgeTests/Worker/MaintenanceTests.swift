import Inference
import LoopTesting
import Testing

@testable import Edge

/// Requests for models while the service is under maintenance.
@Suite struct MaintenanceTests {
    private func environment() throws -> TestEnvironment {
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}")
        return TestEnvironment(snapshot)
    }

    @Test func aRequestForAModelIsToldTheText() throws {
        let client = try TestClient(environment())
        client.environment.maintenance = Maintenance(text: "Back at five.", retryAfter: 7, since: 0)
        client.ask()
        #expect(client.status == 503 && client.executors.isEmpty)
        #expect(client.received.contains("retry-after: 7\r\n"))
        let error =
            #"{"error":{"message":"Back at five.","type":"overloaded_error","param":null,"code":"maintenance"}}"#
        #expect(client.received.contains(error), "\(client.received)")
        let finished = try #require(client.finished)
        #expect(finished.end == .failed(Failure(.maintenance, "Back at five.", retryAfter: 7)))
        let line = String(decoding: finished.logLine, as: UTF8.self)
        #expect(line.contains(#""end":"maintenance","side":"edge""#), "\(line)")
        // After the maintenance has ended, the next request on the same connection is served.
        client.environment.maintenance = nil
        client.ask()
        #expect(client.executors.count == 1)
    }

    @Test func anAnthropicClientIsToldInItsForm() throws {
        let client = try TestClient(environment())
        client.environment.maintenance = Maintenance(since: 0)
        client.ask(path: "/v1/messages")
        #expect(client.status == 503)
        let message = #""message":"The service is under maintenance. Try again later.""#
        #expect(client.received.contains(#"{"type":"error","error":{"type":"overloaded_error",\#(message)"#))
    }

    @Test func healthAndTheListOfModelsStay() throws {
        let client = try TestClient(environment())
        client.environment.maintenance = Maintenance(since: 0)
        for path in ["/health", "/v1/models", "/v1/models/m"] {
            client.peer.send("GET \(path) HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(client.received.contains("HTTP/1.1 200 ") && !client.received.contains("503"), "\(path)")
        }
    }

    @Test func theStateIsWhatWasSetLast() {
        let state = MaintenanceState()
        #expect(state.current == nil)
        state.set(Maintenance(text: "a", since: 1))
        state.set(Maintenance(text: "b", since: 2))
        #expect(state.current == Maintenance(text: "b", retryAfter: Maintenance.retryAfterDefault, since: 2))
        state.set(nil)
        #expect(state.current == nil)
    }
}
