import Dispatch
import Glibc
import Synchronization

/// A DNS server on UDP port 53 of a loopback address.
///
/// Tests set its records. Only root may open this port.
final class NameServer: Sendable {
    enum Record: Sendable {
        case address(String)
        case service(String, port: Int, priority: Int = 0, weight: Int = 0)
    }

    private struct State {
        var records: [String: [Record]] = [:]
        var isFailing = false
        var isStopped = false
    }

    /// The TTL of the records in seconds: the edge treats any shorter TTL as this one.
    private static let secondsToLive: UInt32 = 5

    let address: String
    private let state = Mutex(State())
    private let descriptor: CInt
    private let ended = DispatchSemaphore(value: 0)

    init(address: String) throws {
        self.address = address
        descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = SocketAddress.host(address, port: 53).withPointer { bind(descriptor, $0, $1) }
        guard bound == 0 else { throw Unmet("cannot bind \(address):53: \(String(cString: strerror(errno)))") }
        DispatchQueue(label: "NameServer").async { [self] in serve() }
    }

    /// Sets the records of a name; after an empty list the name still exists, so the server does not answer NXDOMAIN.
    func set(_ name: String, _ records: [Record]) { state.withLock { $0.records[name] = records } }

    /// Sets whether the server answers every query with SERVFAIL.
    func setFailing(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }

    func stop() {
        state.withLock { $0.isStopped = true }
        ended.wait()
    }

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 2048)
        while !state.withLock({ $0.isStopped }) {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 50) > 0 else { continue }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                    let count = recvfrom(descriptor, &buffer, buffer.count, 0, peer, &length)
                    guard count > 16 else { return }
                    let answer = answer(to: Array(buffer[..<count]))
                    _ = sendto(descriptor, answer, answer.count, 0, peer, length)
                }
            }
        }
        close(descriptor)
        ended.signal()
    }

    private func answer(to query: [UInt8]) -> [UInt8] {
        var labels: [String] = []
        var index = 12
        while query[index] != 0 {
            let end = index + Int(query[index])
            labels.append(String(decoding: query[index + 1...end], as: UTF8.self))
            index = end + 1
        }
        let type = query[index + 2]
        let question = query[12..<index + 5]
        let (known, isFailing) = state.withLock {
            ($0.records[labels.joined(separator: ".").lowercased()], $0.isFailing)
        }
        let answers = isFailing ? [] : (known ?? []).compactMap { Self.encoded($0, type: type) }
        // The header says that this is a response and that recursion is available. The response code is SERVFAIL (2),
        // NXDOMAIN (3) if the name is not known, or else success.
        let code: UInt8 = isFailing ? 2 : known == nil ? 3 : 0
        let head = Array(query[..<2]) + [0x81, 0x80 | code, 0, 1, 0, UInt8(answers.count), 0, 0, 0, 0]
        return head + question + answers.flatMap(\.self)
    }

    /// Encodes a record of the name that was asked for; nil if the record's type is not the type that was asked for.
    private static func encoded(_ record: Record, type: UInt8) -> [UInt8]? {
        let data: [UInt8]
        switch (record, type) {
        case (.address(let text), 1): data = text.split(separator: ".").compactMap { UInt8($0) }
        case (.service(let target, let port, let priority, let weight), 33):
            let labels = target.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            data = bytes(priority) + bytes(weight) + bytes(port) + labels + [0]
        default: return nil
        }
        return [0xC0, 12, 0, type, 0, 1] + bytes(0) + bytes(Int(secondsToLive)) + bytes(data.count) + data
    }

    private static func bytes(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
}
