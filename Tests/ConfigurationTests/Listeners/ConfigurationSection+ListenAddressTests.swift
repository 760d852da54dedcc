// Reading the address of a listener.
import Testing

@testable import Configuration

@Suite struct ConfigurationSectionListenAddressTests {
    @Test(arguments: [":443", "*:443"])
    func anAddressWithoutAHostSaysWhatToWrite(address: String) {
        let found = faults(valid().replacing("127.0.0.1:8080", with: address))
        #expect(
            found == [
                "c.yaml:1:23: listeners[].address: '\(address)': needs an address: 0.0.0.0:443 for all of IPv4, "
                    + "\"[::]:443\" for all of IPv6"
            ]
        )
    }
}
