import Foundation
import Glibc

/// The kernel's table of TCP sockets, or of others, a line each: those with so many columns at least.
///
/// Read to its end: it comes in pieces of a page, and Foundation takes the first short read for the last.
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

// What the kernel says of a process and of its sockets.
extension ChildProcess {
    /// How many descriptors it has open.
    func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd").count
    }

    /// The inodes of its sockets.
    private func sockets() throws -> Set<String> {
        let folder = "/proc/\(identifier)/fd"
        let targets = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        return Set(targets.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) })
    }

    /// How many of its connections lead to an executor.
    func connections(to executor: Executor) throws -> Int {
        guard case .loopback(let port) = executor.address else { throw Unmet("not on a port") }
        let mine = try sockets()
        let suffix = ":" + String(port, radix: 16, uppercase: true)
        return try socketTable().filter { $0[2].hasSuffix(suffix) && mine.contains(String($0[9])) }.count
    }

    /// How many of the connections accepted at an address each of its event loops holds: those that hold any.
    ///
    /// The kernel says what an epoll descriptor watches, by inode.
    func acceptedConnectionsByLoop(at address: SocketAddress) throws -> [Int] {
        let accepted: Set<Substring>
        switch address {
        case .loopback(let port), .host(_, let port):
            let local = ":" + String(format: "%04X", port)
            accepted = Set(try socketTable().filter { $0[1].hasSuffix(local) && $0[3] == "01" }.map { $0[9] })
        case .unix(let path):
            // State 3: connected. A socket has the path of the one that it was accepted from.
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

    /// Nanoseconds of processor time of each thread with this name.
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
    /// The count of emitted events once it moves no more: whoever it emits for takes nothing.
    ///
    /// Each time its counters and those of the workers are asked for: so the executor could have written meanwhile, and
    /// the server could have read. What has only no processor time is not still.
    func emittedWhenStill(behind server: Server, within limit: Duration = .seconds(60)) async throws -> Int {
        var last = -1
        var since = 0
        return try await eventually("the executor's silence", within: limit, every: .milliseconds(50)) {
            _ = try await server.metrics()
            let emitted = try await counters().emitted.int ?? 0
            since = emitted == last && emitted > 0 ? since + 1 : 0
            last = emitted
            // Half a second at least: at the paces of these tests hundreds of events.
            return since >= 10 ? emitted : nil
        }
    }
}
