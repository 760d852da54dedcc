// A blocking client for one request per connection, with which the tests call a simulator.
import Glibc
import Transport

struct LoopbackClient {
    private let descriptor: CInt

    init(to address: SocketAddress) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // A read fails after 60 s, which is longer than an answer takes on a machine that is busy with other tests.
        var wait = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(connected == 0, "cannot connect to \(address)")
    }

    /// Sends a request after whose answer the executor closes the connection.
    ///
    /// The request is of HTTP/1.0, or with `inChunks` of HTTP/1.1, so that the answer is in chunks.
    func post(_ path: String, _ body: String, inChunks: Bool = false) {
        let version = inChunks ? "HTTP/1.1\r\nconnection: close" : "HTTP/1.0"
        write("POST \(path) \(version)\r\nhost: executor\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    func get(_ path: String) { write("GET \(path) HTTP/1.0\r\nhost: executor\r\n\r\n") }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count)
        precondition(written == bytes.count)
    }

    /// Reads until the connection ends; returns the text, and whether the connection ended by a reset.
    func readAll() -> (text: String, isReset: Bool) {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return (String(decoding: all, as: UTF8.self), count < 0) }
            all.append(contentsOf: buffer[..<count])
        }
    }

    /// The result of one read, which waits until bytes arrive.
    func readSome() -> String {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    func close() { _ = Glibc.close(descriptor) }
}
