import Foundation
import Glibc

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
        let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
        return table.split(separator: "\n").filter { line in
            let columns = line.split(separator: " ")
            return columns.count > 9 && columns[2].hasSuffix(suffix) && mine.contains(String(columns[9]))
        }.count
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
    func emittedWhenStill(within limit: Duration = .seconds(20)) async throws -> Int {
        var last = -1
        var since = 0
        return try await eventually("the executor's silence", within: limit, every: .milliseconds(50)) {
            let emitted = try await counters().emitted.int ?? 0
            since = emitted == last && emitted > 0 ? since + 1 : 0
            last = emitted
            // Half a second: at the paces of these tests hundreds of events.
            return since >= 10 ? emitted : nil
        }
    }
}
