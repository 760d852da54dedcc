import Configuration
import Testing

@testable import Edge

@Suite struct ListenerKeyTests {
    @Test func everyListenerHasAKeyOfItsOwn() {
        let free = ListenAddress.tcp(host: "127.0.0.1", port: 0)
        let fixed = ListenAddress.tcp(host: "127.0.0.1", port: 80)
        let keys = ListenerKey.keys(of: [free, fixed, free])
        #expect(Set(keys).count == 3)
        #expect(keys.map(\.number) == [0, 0, 1])
        #expect(keys.map(\.address) == [free, fixed, free])
        // The order of the listeners does not change a key.
        #expect(ListenerKey.keys(of: [fixed, free])[0] == keys[1])
    }
}
