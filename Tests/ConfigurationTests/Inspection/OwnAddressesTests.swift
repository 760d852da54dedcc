// Tests that the configuration check finds executors whose URL is one of the server's own listeners.

import Testing

@testable import Configuration

@Suite struct OwnAddressesTests {
    @Test(arguments: [
        ("127.0.0.1:80", "http://127.0.0.1", true), ("127.0.0.1:80", "http://localhost:80/x", true),
        ("0.0.0.0:80", "http://127.0.0.1", true), ("0.0.0.0:80", "http://127.1.2.3", true),
        ("0.0.0.0:80", "http://10.1.2.3", true), ("127.0.0.1:80", "http://0.0.0.0", true),
        ("0.0.0.0:443", "https://localhost", true), ("0.0.0.0:80", "http://edge-1", true),
        ("10.1.2.3:80", "http://EDGE-1:80", true), ("10.1.2.4:80", "http://edge-1", false),
        ("10.1.2.3:80", "http://10.1.2.3", true), ("0.0.0.0:80", "http://[::ffff:127.0.0.1]", true),
        ("10.1.2.3:80", "http://[::ffff:10.1.2.3]", true), ("10.1.2.3:80", "http://[::ffff:10.1.2.4]", false),
        ("[::]:80", "http://[::1]", true), ("[::]:80", "http://[fd00::3]", true),
        ("[::1]:80", "http://localhost", true),
        ("unix:/run/x.sock", "unix:/run//x.sock", true), ("127.0.0.1:9990", "http://127.0.0.1:9901", true),
        ("127.0.0.1:80", "http://127.0.0.1:81", false), ("127.0.0.1:80", "http://127.0.0.2", false),
        ("0.0.0.0:80", "http://10.1.2.4", false), ("10.1.2.3:80", "http://127.0.0.1", false),
        ("0.0.0.0:80", "http://[::1]", false), ("unix:/run/x.sock", "unix:/run/y.sock", false),
        ("0.0.0.0:80", "http://e", false),
    ])
    func anExecutorThatIsOurOwnListenerIsFound(listener: String, url: String, isOwn: Bool) {
        let text = valid(and: "authentication: {required: false}")
            .replacing("127.0.0.1:8080", with: listener).replacing("http://e:8000", with: url)
        let found = faults(text, inspection: inspection())
        #expect(found.count == (isOwn ? 1 : 0), "\(found)")
        guard isOwn, let fault = found.first else { return }
        #expect(fault.hasPrefix("c.yaml:5:15: models[].executors[].url: "))
        #expect(fault.hasSuffix("requests would come back to it without end"))
        #expect(fault.contains(url.contains("9901") ? "own admin.address" : "own listener"))
    }
}
