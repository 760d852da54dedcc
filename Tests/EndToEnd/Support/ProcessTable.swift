import Foundation
import Glibc

/// The rows of the kernel's table of TCP sockets, or of another kind; rows with fewer columns are skipped.
///
/// The file is read to its end by `read`, because it comes in pieces of a page and Foundation stops at the first
/// short read.
func socketTable(_ kind: String = "tcp", columns: Int = 10) throws -> [[Substring]] {
    let descriptor = open("/proc/net/\(kind)", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Unmet("no /proc/net/\(kind)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { break }
        bytes += piece.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        .filter { $0.count >= columns }
}

// What /proc tells about a process and its sockets.
extension ChildProcess {
    /// The number of open descriptors of the process.
    func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd").count
    }

    /// The inodes of the sockets that the process has open.
    private func sockets() throws -> Set<String> {
        let folder = "/proc/\(identifier)/fd"
        let targets = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        return Set(targets.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) })
    }

    /// The number of connections from the process to an executor.
    func connections(to executor: Executor) throws -> Int {
        guard case .loopback(let port) = executor.address else { throw Unmet("not on a port") }
        let mine = try sockets()
        let suffix = ":" + String(port, radix: 16, uppercase: true)
        return try socketTable().filter { $0[2].hasSuffix(suffix) && mine.contains(String($0[9])) }.count
    }

    /// How many of the connections accepted at `address` each event loop holds; loops with none are left out.
    ///
    /// /proc/PID/fdinfo lists the inodes that an epoll descriptor watches.
    func acceptedConnectionsByLoop(at address: SocketAddress) throws -> [Int] {
        let accepted: Set<Substring>
        switch address {
        case .loopback(let port), .host(_, let port):
            let local = ":" + String(format: "%04X", port)
            accepted = Set(try socketTable().filter { $0[1].hasSuffix(local) && $0[3] == "01" }.map { $0[9] })
        case .unix(let path):
            // State 3 is connected. An accepted unix socket has the path of its listening socket.
            let lines = try socketTable("unix", columns: 8)
            accepted = Set(lines.filter { $0[7] == path && $0[5] == "03" }.map { $0[6] })
        }
        let folder = "/proc/\(identifier)/fdinfo"
        return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { descriptor in
            guard let text = try? String(contentsOfFile: "\(folder)/\(descriptor)", encoding: .utf8) else { return nil }
            let count = text.split(separator: "\n").count { line in
                guard line.hasPrefix("tfd:"), let inode = line.firstRange(of: "ino:") else { return false }
                let digits = line[inode.upperBound...].prefix { $0.isHexDigit }
                return Int(digits, radix: 16).map { accepted.contains("\($0)"[...]) } ?? false
            }
            return count > 0 ? count : nil
        }
    }

    /// The processor time of all threads with this name, in nanoseconds.
    func processorTime(ofThread name: String) throws -> Int {
        let folder = "/proc/\(identifier)/task"
        return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, thread in
            let comm = (try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8)) ?? ""
            guard comm.trimmingCharacters(in: .whitespacesAndNewlines) == name else { return sum }
            let times = (try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8)) ?? ""
            return sum + (times.split(separator: " ").first.flatMap { Int($0) } ?? 0)
        }
    }
}

extension Executor {
    /// The executor's count of sent events, once it has stopped growing because the receiver takes nothing.
    ///
    /// Each step asks the executor and all workers for their counters, which shows that they had processor time to
    /// send and to receive.
    func emittedWhenStill(behind server: Server, within limit: Duration = .seconds(60)) async throws -> Int {
        var last = -1
        var since = 0
        return try await eventually("the executor's silence", within: limit, every: .milliseconds(50)) {
            _ = try await server.metrics()
            let emitted = try await counters().emitted.int ?? 0
            since = emitted == last && emitted > 0 ? since + 1 : 0
            last = emitted
            // Ten steps without growth take at least half a second, in which these tests would send hundreds of
            // events.
            return since >= 10 ? emitted : nil
        }
    }
}
