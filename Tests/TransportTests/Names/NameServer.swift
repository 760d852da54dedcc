// A DNS server for tests, on loopback, over UDP and TCP. It answers only when the test calls `serve`.
import CLinux
import Glibc
import LoopTesting
import Transport

final class NameServer {
    enum Record {
        case address(String, seconds: UInt32)
        case alias(String, seconds: UInt32)
        case service(String, port: UInt16, priority: UInt16 = 0, weight: UInt16 = 0, seconds: UInt32)
    }
    enum Behaviour {
        case answers, silent, failing
        /// Answers over UDP are truncated (TC bit); the complete answer is available over TCP.
        case truncating
    }

    /// The records by name in lower case; any other name does not exist.
    var records: [String: [Record]] = [:]
    var behaviour = Behaviour.answers
    /// The questions so far, in order, each as a name and `A`, `AAAA` or `SRV`.
    private(set) var questions: [String] = []
    /// How many of the questions came over TCP.
    private(set) var overTCP = 0

    let port: UInt16
    private let datagrams: CInt
    private let listener: Socket
    private var connections: [Peer] = []

    init() throws {
        listener = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        let address = Sockets.localAddress(of: listener)!
        port = address.port
        datagrams = socket(AF_INET, clinux_SOCK_DGRAM_CLOEXEC, 0)
        _ = clinux_set_nonblocking(datagrams)
        var storage = address.storage
        guard clinux_bind(datagrams, &storage, address.length) == 0 else { throw SystemError("bind", errno) }
    }

    deinit {
        close(datagrams)
        listener.close()
    }

    /// The `NameSource` that makes a resolver query this server.
    func source(timeoutMilliseconds: Int32) -> NameSource {
        .serversForTest("127.0.0.1:\(port)", timeoutMilliseconds: timeoutMilliseconds, tries: 2)
    }

    func asked(for name: String, _ type: String = "A") -> Int { questions.count { $0 == "\(name) \(type)" } }

    /// Answers all questions that have arrived since the last call.
    func serve() {
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(datagrams, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count > 0 else { break }
            guard let answer = answer(to: Array(buffer[..<count]), isTCP: false) else { continue }
            _ = withUnsafePointer(to: storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(datagrams, answer, answer.count, 0, $0, length)
                }
            }
        }
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = clinux_accept4(listener.descriptor, &storage, &length, clinux_NONBLOCK_CLOEXEC)
            guard descriptor >= 0 else { break }
            connections.append(Peer(descriptor: descriptor))
        }
        for connection in connections {
            connection.poll()
            while connection.received.count >= 2 {
                let length = Int(connection.received[0]) << 8 | Int(connection.received[1])
                guard connection.received.count >= 2 + length else { break }
                let query = Array(connection.received[2..<2 + length])
                connection.received.removeFirst(2 + length)
                guard let answer = answer(to: query, isTCP: true) else { continue }
                connection.send(bytes16(UInt16(answer.count)) + answer)
            }
        }
    }

    private func answer(to query: [UInt8], isTCP: Bool) -> [UInt8]? {
        var labels: [String] = []
        var at = 12
        while query[at] != 0 {
            labels.append(String(decoding: query[at + 1...at + Int(query[at])], as: UTF8.self))
            at += 1 + Int(query[at])
        }
        let type = UInt16(query[at + 1]) << 8 | UInt16(query[at + 2])
        let question = query[12..<at + 5]
        let name = labels.joined(separator: ".").lowercased()
        questions.append("\(name) \([1: "A", 28: "AAAA", 33: "SRV"][type] ?? "?")")
        if isTCP { overTCP += 1 }
        if behaviour == .silent { return nil }
        let isCut = behaviour == .truncating && !isTCP
        var (count, body) = (0, [UInt8]())
        var (owner, isKnown) = (name, records[name] != nil)
        if behaviour != .failing, !isCut { (count, body, owner) = answers(for: name, type: type) }
        isKnown = isKnown && records[owner] != nil
        let code: UInt8 = behaviour == .failing ? 2 : isKnown ? 0 : 3
        // The header of an answer, with the flags "recursion desired" and "recursion available".
        let head =
            Array(query[..<2]) + [0x81 | (isCut ? 2 : 0), 0x80 | code, 0, 1] + bytes16(UInt16(count)) + [0, 0, 0, 0]
        return head + question + body
    }

    /// Follows the aliases of `name` to the records of type `type`.
    private func answers(for name: String, type: UInt16) -> (count: Int, body: [UInt8], owner: String) {
        var (count, body, owner) = (0, [UInt8](), name)
        while case .alias(let target, let seconds)? = records[owner]?.first {
            body += encoded(owner) + bytes16(5) + [0, 1] + bytes32(seconds) + bytes16(UInt16(encoded(target).count))
            body += encoded(target)
            count += 1
            owner = target
        }
        for case .service(let target, let port, let priority, let weight, let seconds) in records[owner] ?? []
        where type == 33 {
            let data = bytes16(priority) + bytes16(weight) + bytes16(port) + encoded(target)
            body += encoded(owner) + bytes16(type) + [0, 1] + bytes32(seconds) + bytes16(UInt16(data.count)) + data
            count += 1
        }
        for case .address(let text, let seconds) in records[owner] ?? [] where type != 33 {
            var bytes = [UInt8](repeating: 0, count: text.contains(":") ? 16 : 4)
            guard (bytes.count == 4) == (type == 1) else { continue }
            inet_pton(bytes.count == 4 ? AF_INET : AF_INET6, text, &bytes)
            body += encoded(owner) + bytes16(type) + [0, 1] + bytes32(seconds) + bytes16(UInt16(bytes.count)) + bytes
            count += 1
        }
        return (count, body, owner)
    }

    private func encoded(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
    private func bytes16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
    private func bytes32(_ value: UInt32) -> [UInt8] { bytes16(UInt16(value >> 16)) + bytes16(UInt16(value & 0xFFFF)) }
}
