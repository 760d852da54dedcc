import Dispatch
import Glibc
import Synchronization

/// A name server on port 53 of an address of loopback, over UDP, whose records a test changes: for root only.
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

    /// The time for which an answer holds, in seconds: the shortest that the server takes.
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

    /// Sets what a name has; a name without records exists and has none of any type.
    func set(_ name: String, _ records: [Record]) { state.withLock { $0.records[name] = records } }

    /// Whether every question is answered with SERVFAIL.
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
        // An answer, recursion available; the code is SERVFAIL, or NXDOMAIN where there is no such name.
        let code: UInt8 = isFailing ? 2 : known == nil ? 3 : 0
        let head = Array(query[..<2]) + [0x81, 0x80 | code, 0, 1, 0, UInt8(answers.count), 0, 0, 0, 0]
        return head + question + answers.flatMap(\.self)
    }

    /// A record whose owner is the name of the question; nil if it is of another type.
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
