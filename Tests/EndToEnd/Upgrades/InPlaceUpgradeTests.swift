import Foundation
import Glibc
import Testing

/// A new process takes the place of the running one, and no client notices.
@Suite struct InPlaceUpgradeTests {
    /// Expects that a request on a new connection gets a complete stream.
    private func expectService(_ server: Server, at location: SourceLocation = #_sourceLocation) async throws {
        let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 2))
        #expect(answer.status == 200 && eventData(answer.body).last == "[DONE]", "\(answer)", sourceLocation: location)
    }

    @Test(arguments: [(Protocol.http1, true), (.http2, true), (.http1, false), (.http2, false)])
    func aStreamGoesOnInTheOldProcess(_ way: (speaking: Protocol, secure: Bool)) async throws {
        try await withUpgrades { upgradable in
            let (server, executor) = (upgradable.server, upgradable.executor)
            let curl = try await server.streamingCurl(
                "/v1/chat/completions",
                way.speaking,
                secure: way.secure,
                body: UpgradableServer.long,
                in: upgradable.scratch
            )
            try await executor.counter("emitted", reaches: 2)
            let old = try await upgradable.main()
            #expect(old == server.process.identifier)
            // The executor makes no tokens until the new process serves, so the stream cannot end before.
            executor.process.signal(SIGSTOP)
            let new = try await upgradable.upgraded()
            #expect(new != old && upgradable.successors == [new] && curl.isRunning)
            executor.process.signal(SIGCONT)
            try await expectService(server)
            try await expect(curl.ending()) { $0 == .exited(0) }
            #expect(eventData(curl.output).last == "[DONE]" && eventData(curl.output).count == 63)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            #expect(upgradable.messages.contains("every exchange had ended"))
            try await expect(executor.counters()) { $0.aborted.int == 0 }
            try await expectService(server)
        }
    }

    @Test func aSignalUpgradesToo() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            for number in 1...2 {
                kill(try await upgradable.main(), SIGUSR2)
                try await eventually("upgrade \(number)") {
                    upgradable.messages.components(separatedBy: "has taken over from").count == number + 1 ? true : nil
                }
                try await expectService(server)
            }
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await upgradable.ended(upgradable.successors[0])
            try await expect(upgradable.main()) { $0 == upgradable.successors[1] }
        }
    }

    /// The old process serves one more request on each open HTTP/1.1 connection, and then closes it.
    @Test func aKeepAliveConnectionIsServedOnceMore() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            let request = "GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
            let idle = try await server.connect()
            try await idle.send(request)
            try await expect(idle.receiveAnswer()) { $0.status == 200 && $0["connection"] == nil }
            let fresh = try await server.connect()
            try await upgradable.upgraded()
            #expect(server.process.isRunning)
            for connection in [idle, fresh] {
                // The server answers only the first of two pipelined requests, and closes the connection without a
                // reset.
                try await connection.send(request + request)
                try await expect(connection.receiveAnswer()) { $0.status == 200 && $0["connection"] == "close" }
                try await expect(connection.receiveToEnd()) { $0.text.isEmpty && $0.ending == .closed }
                connection.close()
            }
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }

    /// An HTTP/2 client of the old process is sent GOAWAY only when its stream has ended.
    @Test func anHTTP2ClientSeesItsStreamEnd() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            let client = try await ChildProcess.start(
                Repository.python,
                [Repository.clients + "/h2_raw.py"] + server.target(secure: true) + [
                    "--tokens", "60", "stream_to_end",
                ],
                in: upgradable.scratch
            )
            try await upgradable.executor.counter("emitted", reaches: 2)
            upgradable.executor.process.signal(SIGSTOP)
            try await upgradable.upgraded()
            upgradable.executor.process.signal(SIGCONT)
            try await expect(client.ending()) { $0 == .exited(0) }
            let seen = try JSON(parsing: client.output)
            #expect(seen.ended.bool == true && seen.reset.isNull, "\(client.output)")
            #expect(seen.body.string?.hasSuffix("data: [DONE]\n\n") == true)
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }

    /// The file of a unix socket stays as long as a process listens on it.
    @Test func aUnixSocketOutlivesItsFirstOwner() async throws {
        try await withUpgrades(
            configure: { configuration, scratch in
                configuration.listeners = ["address: 'unix:\(scratch.file("edge.sock"))'"]
            }
        ) { upgradable in
            let path = upgradable.scratch.file("edge.sock")
            for _ in 1...2 {
                try await upgradable.upgraded()
                let connection = try await RawConnection(to: .unix(path: path))
                try await connection.send("GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                try await expect(connection.receiveAnswer()) { $0.status == 200 }
                connection.close()
            }
            try await expect(upgradable.server.process.ending()) { $0 == .exited(0) }
            let last = try await upgradable.main()
            #expect(FileManager.default.fileExists(atPath: path))
            kill(last, SIGTERM)
            try await upgradable.ended(last)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    /// The new process reads the configuration file, which may have another number of workers, and other listeners.
    @Test func theNewProcessReadsTheFile() async throws {
        try await withUpgrades(settings: "drain_timeout: 600s\nworkers: 3") { upgradable in
            let server = upgradable.server
            var next = server.configuration
            for workers in [1, 4] {
                next.settings = "drain_timeout: 600s\nworkers: \(workers)"
                next.clear = Port.free()
                try server.replaceFile(next.yaml(server.certificates))
                try await upgradable.upgraded()
                for _ in 0..<12 {
                    let connection = try await RawConnection(port: next.clear)
                    try await connection.send("GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                    try await expect(connection.receiveAnswer()) { $0.status == 200 }
                    connection.close()
                    try await expectService(server)
                }
            }
            // The file no longer contains the first listener, so nobody accepts there once the old process has ended.
            try await expect(server.process.ending()) { $0 == .exited(0) }
            await #expect(throws: Unmet.self) { try await server.connect() }
        }
    }

    /// Ten upgrades directly after one another, while clients open a new connection for each request: no request fails.
    @Test func tenUpgradesInARowFailNoRequest() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for _ in 0..<10 { try await upgradable.upgraded() } }
                for _ in 0..<2 {
                    group.addTask {
                        while upgradable.successors.count < 10 { try await expectService(server) }
                    }
                }
                try await group.waitForAll()
            }
            try await expect(server.process.ending()) { $0 == .exited(0) }
            for process in upgradable.successors.dropLast() { try await upgradable.ended(process) }
            try await expect(upgradable.main()) { $0 == upgradable.successors.last }
        }
    }

    /// With `upgrade_generations: 1`, a second upgrade makes the first process end its exchanges soon.
    ///
    /// A third upgrade is refused until the first process has ended.
    @Test func moreProcessesThanMayDrainAreRefused() async throws {
        let settings = "drain_timeout: 600s\nupgrade_generations: 1"
        try await withUpgrades(settings: settings) { upgradable in
            let (server, executor) = (upgradable.server, upgradable.executor)
            let body = chat(tokens: 2000, more: #""simulator":{"pace":30,"prefill_ms":1}"#)
            var streams: [ChildProcess] = []
            for _ in 0..<2 {
                streams.append(try await server.streamingCurl(body: body, in: upgradable.scratch))
                try await executor.counter("running", reaches: streams.count)
                try await upgradable.upgraded()
            }
            try await upgradable.said("this older process has to end")
            let refused = try await upgradable.upgrade()
            #expect(refused.status == .exited(2), "\(refused)")
            #expect(refused.output.contains("2 older processes drain, which is one more than upgrade_generations"))
            try await expectService(server)
            // The client of the first process leaves, so that process ends, and another upgrade is allowed.
            streams[0].signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await eventually("room") { try await upgradable.upgrade().succeeded ? true : nil }
            #expect(streams[1].isRunning)
            streams[1].signal(SIGTERM)
        }
    }

    /// A short run of `make bench-upgrade`: six upgrades under load, in which no stream, request or connection may
    /// fail.
    @Test func underLoadNothingFails() async throws {
        let seen = try await run(
            Repository.python,
            [
                Repository.root + "/Benchmarks/upgrade/run.py", "--freeinference", Repository.binary,
                "--upgrades", "6", "--streams", "60", "--clients", "10", "--interval", "1",
            ],
            within: .seconds(300)
        )
        #expect(seen.succeeded, "\(seen.output)\n\(seen.errors)")
        #expect(seen.output.contains("upgrades: 6 of 6") && seen.output.contains("faults: 0"))
    }

    @Test func aStopEndsAllProcessesAfterTheirStreams() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            let curl = try await upgradable.beginStream()
            upgradable.executor.process.signal(SIGSTOP)
            let new = try await upgradable.upgraded()
            kill(new, SIGTERM)
            try await upgradable.said("waiting for 1 older processes that drain")
            #expect(curl.isRunning && server.process.isRunning && UpgradableServer.isRunning(new))
            upgradable.executor.process.signal(SIGCONT)
            try await upgradable.expectWhole(curl)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await upgradable.ended(new)
        }
    }
}
