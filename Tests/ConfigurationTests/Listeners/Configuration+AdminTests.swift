// The address of the admin listener.
import Testing
import Transport

@testable import Configuration

@Suite struct ConfigurationAdminTests {
    @Test func theAdminListenerOverlapsToo() {
        let written = valid(and: "admin: {address: 0.0.0.0:8080}")
        #expect(
            faults(written) == ["c.yaml:6:18: admin.address: 127.0.0.1:8080 is a listener's address already"]
        )
        for address in ["127.0.0.1:9901", "0.0.0.0:9901"] {
            let text = valid(and: "authentication: {required: false}").replacing("127.0.0.1:8080", with: address)
            let why = "\(address) meets admin.address, which is 127.0.0.1:9901 by default"
            #expect(faults(text) == ["c.yaml:1:23: listeners[].address: \(why)"])
            #expect(faults(text + "\nadmin: {address: 127.0.0.1:9902}").isEmpty)
        }
    }
}
