// Tests how the IP addresses of this machine's network interfaces are found.
import CertificateAuthority
import Foundation
import Testing
import Transport

@Suite struct InterfacesTests {
    @Test func theMachineHasALoopbackAddress() { #expect(Interfaces.addresses().contains("127.0.0.1")) }
}
