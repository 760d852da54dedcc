// The addresses behind the SRV records of a service, while some of the records' server names resolve and others do not.
import Testing

@testable import Transport

@Suite struct ServiceAddressesTests {
    private let records = [
        ServiceRecord(priority: 0, weight: 6, port: 8000, target: "a.test"),
        ServiceRecord(priority: 0, weight: 0, port: 8001, target: "b.test"),
        ServiceRecord(priority: 0, weight: 1, port: 8002, target: "a.test"),
    ]

    private func hosts(_ hosts: [String], seconds: Int = 60) -> Result<NameAnswer, NameError> {
        .success(NameAnswer(addresses: hosts.map { SocketAddress(numeric: $0, port: 0)! }, secondsToLive: seconds))
    }

    private func weights(_ service: ServiceAddresses) throws -> [String: Double] {
        let found = try #require(try service.result?.get())
        return Dictionary(uniqueKeysWithValues: found.weighted.map { ($0.address.withPort, $0.weight) })
    }

    @Test func theWeightOfARecordIsSharedByTheAddressesOfItsTarget() throws {
        var service = ServiceAddresses()
        #expect(service.begin(NameAnswer(services: records, secondsToLive: 30)) == ["a.test", "b.test"])
        service.answered("a.test", hosts(["10.0.0.1", "10.0.0.2"], seconds: 20))
        #expect(service.result == nil, "one is not answered")
        service.answered("b.test", hosts(["10.0.0.3"]))
        #expect(
            try weights(service) == [
                "10.0.0.1:8000": 3, "10.0.0.2:8000": 3, "10.0.0.3:8001": 0, "10.0.0.1:8002": 0.5, "10.0.0.2:8002": 0.5,
            ]
        )
        #expect(try service.result?.get().secondsToLive == 20, "the shortest of all records")
    }

    @Test func aServerThatDoesNotResolveKeepsItsAddresses() throws {
        var service = ServiceAddresses()
        _ = service.begin(NameAnswer(services: records, secondsToLive: 30))
        service.answered("a.test", .failure(.noData))
        service.answered("b.test", hosts(["10.0.0.3"]))
        #expect(try weights(service) == ["10.0.0.3:8001": 0], "a server that never resolved has none")
        #expect(try service.result?.get().secondsToLive == 0, "it is asked for again soon")
        _ = service.begin(NameAnswer(services: records, secondsToLive: 30))
        service.answered("b.test", .failure(.noData))
        service.answered("a.test", hosts(["10.0.0.1"]))
        #expect(try weights(service) == ["10.0.0.3:8001": 0, "10.0.0.1:8000": 6, "10.0.0.1:8002": 1])
        // When a record disappears, the addresses of its server are removed too.
        #expect(service.begin(NameAnswer(services: [records[0]], secondsToLive: 30)) == ["a.test"])
        service.answered("a.test", .failure(.noData))
        #expect(try weights(service) == ["10.0.0.1:8000": 6])
    }

    @Test func noServerIsAnError() throws {
        var service = ServiceAddresses()
        _ = service.begin(NameAnswer(services: [records[0]], secondsToLive: 30))
        service.answered("a.test", .failure(NameError(code: 11)))
        let result = try #require(service.result)
        guard case .failure(let error) = result else {
            Issue.record("addresses from nowhere: \(result)")
            return
        }
        #expect(error.code == 11)
    }

    @Test func serversAreBounded() {
        var service = ServiceAddresses()
        let many = (0..<1000).map { ServiceRecord(priority: 0, weight: 0, port: 1, target: "s\($0).test") }
        #expect(service.begin(NameAnswer(services: many, secondsToLive: 1)).count == AddressList.addressesMax)
    }
}
