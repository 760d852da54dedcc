// Tests how the address of the admin listener is read and checked.
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

    @Test func anAddressThatOthersCanReachNeedsAllow() throws {
        for address in ["0.0.0.0:9901", "'[::]:9901'", "10.0.0.1:9901"] {
            let fault = try #require(faults(valid(and: "admin: {address: \(address)}")).first)
            #expect(fault.hasPrefix("c.yaml:6:18: admin.address: others can reach "), "\(fault)")
            #expect(fault.hasSuffix("list in admin.allow who may"), "\(fault)")
            #expect(faults(valid(and: "admin: {address: \(address), allow: [10.0.0.0/8, '::1']}")).isEmpty)
        }
        for local in ["127.0.0.1:9902", "127.9.9.9:1", "'[::1]:9902'", "'unix:/run/a'"] {
            #expect(faults(valid(and: "admin: {address: \(local)}")).isEmpty)
        }
    }

    @Test func hostsAndAllowAreChecked() {
        let written = valid(and: "admin: {hosts: [a.example, 'b:1', .x, ''], allow: [10.0.0.1/8, fd00::/8, x]}")
        let faults = faults(written)
        #expect(faults.count == 5, "\(faults)")
        #expect(faults.contains { $0.hasSuffix("admin.hosts: 'b:1': expected a name without a port") }, "\(faults)")
        #expect(faults.contains { $0.contains("admin.allow: '10.0.0.1/8': has bits set") }, "\(faults)")
        #expect(faults.contains { $0.contains("write 10.0.0.0/8") }, "\(faults)")
    }
}
