import Foundation
import Glibc
import Testing

/// Tests upgrades that fail: the running process continues to serve, reports why, and ends no stream early.
@Suite struct UpgradeFaultTests {
    /// Runs `body`, which attempts an upgrade that fails, while a stream is under way.
    ///
    /// Afterwards the stream must end completely, the first process must serve, and an upgrade to the binary under test
    /// must succeed.
    private func whileStreaming(
        settings: String = "drain_timeout: 600s",
        _ body: (UpgradableServer) async throws -> Void
    ) async throws {
        try await withUpgrades(settings: settings) { upgradable in
            let (server, executor) = (upgradable.server, upgradable.executor)
            let curl = try await upgradable.beginStream()
            executor.process.signal(SIGSTOP)
            do { try await body(upgradable) } catch {
                executor.process.signal(SIGCONT)
                throw error
            }
            try await expect(upgradable.main()) { $0 == server.process.identifier }
            try await expect(server.metrics()) { $0.sum("freeinference_upgrade_failed") == 1 }
            executor.process.signal(SIGCONT)
            try await upgradable.expectWhole(curl)
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
            for process in upgradable.successors { try await upgradable.ended(process) }
            try upgradable.restoreProgram()
            try server.replaceFile(server.configuration.yaml(server.certificates))
            try await upgradable.upgraded()
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }

    /// Asks for an upgrade, and expects that it is refused or fails with a message that contains `words`.
    private func expectFailure(
        of upgradable: UpgradableServer,
        _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let said = try await upgradable.upgrade()
        #expect(said.status == .exited(2), "\(said)", sourceLocation: location)
        for word in words {
            #expect(said.output.contains(word), "\(said)", sourceLocation: location)
            #expect(upgradable.messages.contains(word), "\(upgradable.messages)", sourceLocation: location)
        }
    }

    @Test func aFileThatIsNoProgram() async throws {
        try await whileStreaming { upgradable in
            try upgradable.replaceProgram(by: "this is no program\n")
            try await expectFailure(of: upgradable, "cannot be started", "Exec format error")
            try upgradable.replaceProgram(by: "#!/bin/sh\n", mode: 0o644)
            try await expectFailure(of: upgradable, "cannot be started", "Permission denied")
            try FileManager.default.removeItem(atPath: upgradable.program)
            try await expectFailure(of: upgradable, "cannot be started", "No such file or directory")
            #expect(upgradable.successors.isEmpty)
        }
    }

    /// An upgrade to an old version that cannot take over sockets fails, because it finds its addresses in use.
    @Test func aVersionThatDoesNotKnowUpgrades() async throws {
        try await whileStreaming { upgradable in
            try upgradable.replaceProgram(
                by: "#!/bin/sh\nunset FREEINFERENCE_UPGRADE\nexec '\(Repository.binary)' \"$@\"\n"
            )
            try await expectFailure(of: upgradable, "ended before it was ready")
            #expect(upgradable.messages.contains("Address already in use"), "\(upgradable.messages)")
        }
    }

    @Test(arguments: ["exit 0", "exit 7", "kill -SEGV $$", "kill -KILL $$"])
    func aProgramThatEndsAtOnce(how: String) async throws {
        try await whileStreaming { upgradable in
            try upgradable.replaceProgram(by: "#!/bin/sh\n\(how)\n")
            try await expectFailure(of: upgradable, "ended before it was ready")
        }
    }

    @Test func aProgramThatHangs() async throws {
        try await whileStreaming(settings: "drain_timeout: 600s\nupgrade_timeout: 1s") { upgradable in
            try upgradable.replaceProgram(by: "#!/bin/sh\nexec sleep 1000\n")
            try await expectFailure(of: upgradable, "was not ready within 1 s")
            try await upgradable.ended(try #require(upgradable.successors.first))
        }
    }

    @Test func aConfigurationThatIsRefused() async throws {
        try await whileStreaming { upgradable in
            let server = upgradable.server
            try server.replaceFile("listeners: [\n")
            try await expectFailure(of: upgradable, "the configuration has errors", "not valid YAML")
            let text = server.configuration.yaml(server.certificates)
            try server.replaceFile(text.replacing(server.certificates.chain, with: "/gone.pem"))
            try await expectFailure(of: upgradable, "/gone.pem")
        }
    }

    /// An upgrade to a configuration with a new listener fails if another program listens on its address.
    @Test func anAddressThatIsInUse() async throws {
        try await whileStreaming { upgradable in
            let other = try await FullListener()
            var next = upgradable.server.configuration
            next.clear = other.port
            try upgradable.server.replaceFile(next.yaml(upgradable.server.certificates))
            try await expectFailure(of: upgradable, "cannot listen on 127.0.0.1:\(other.port)")
        }
    }

    /// During an upgrade the server refuses a second upgrade and a reload.
    ///
    /// A SIGHUP is not lost: the new process reloads.
    @Test func whatIsAskedForDuringAnUpgrade() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            try upgradable.closeGate()
            async let first = upgradable.upgrade()
            try await upgradable.said("starts by")
            let second = try await upgradable.upgrade()
            #expect(second.status == .exited(2) && second.output.contains("an upgrade is under way"), "\(second)")
            let reload = try await server.command("reload")
            #expect(reload.status == .exited(2) && reload.output.contains("an upgrade is under way"), "\(reload)")
            server.process.signal(SIGHUP)
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
            try upgradable.openGate()
            try await expect(first) { $0.succeeded }
            try await upgradable.said("reload: nothing")
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
        }
    }

    /// SIGTERM during an upgrade, before the new process is ready, ends both processes cleanly.
    @Test func aStopDuringAnUpgrade() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            let curl = try await upgradable.beginStream()
            try upgradable.closeGate()
            async let upgrade = upgradable.upgrade()
            try await upgradable.said("starts by")
            server.process.signal(SIGTERM)
            try await expect(upgrade) { $0.status == .exited(2) && $0.output.contains("the server is ending") }
            try await upgradable.expectWhole(curl)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await upgradable.ended(try #require(upgradable.successors.first))
        }
    }

    // MARK: Processes that are killed

    /// The new process is killed just after it has become the main process.
    ///
    /// The old process still finishes its streams.
    @Test func theNewProcessDiesAfterTheHandOver() async throws {
        try await withUpgrades { upgradable in
            let server = upgradable.server
            let curl = try await upgradable.beginStream()
            upgradable.executor.process.signal(SIGSTOP)
            let new = try await upgradable.upgraded()
            kill(new, SIGKILL)
            try await upgradable.ended(new)
            upgradable.executor.process.signal(SIGCONT)
            try await upgradable.expectWhole(curl)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            await #expect(throws: Unmet.self) { try await server.connect() }
        }
    }

    /// The old process is killed before the new process is ready.
    ///
    /// The new process serves all clients, including those that have connected in the meantime.
    @Test func theOldProcessDiesBeforeTheNewOneIsReady() async throws {
        try await withKilled { upgradable in
            try upgradable.closeGate()
            upgradable.server.process.signal(SIGUSR2)
            try await upgradable.said("starts by")
            upgradable.server.process.signal(SIGKILL)
            _ = try await upgradable.server.process.ending()
            let waiting = try await upgradable.server.connect()
            try await waiting.send("GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            try upgradable.openGate()
            try await expect(waiting.receiveAnswer()) { $0.status == 200 }
            try await upgradable.said("this one serves now")
        }
    }

    /// The old process is killed while it drains.
    ///
    /// Its streams break off, and the new process continues to serve.
    @Test func theOldProcessDiesWhileItDrains() async throws {
        try await withKilled { upgradable in
            let server = upgradable.server
            let body = chat(tokens: 2000, more: #""simulator":{"pace":30,"prefill_ms":1}"#)
            let curl = try await server.streamingCurl(body: body, in: upgradable.scratch)
            try await upgradable.executor.counter("emitted", reaches: 2)
            let new = try await upgradable.upgraded()
            server.process.signal(SIGKILL)
            try await expect(curl.ending()) { $0 != .exited(0) }
            try await upgradable.said("of before an upgrade has ended; 0 still drain")
            try await expect(upgradable.main()) { $0 == new }
            try await expect(server.curl("/v1/models")) { $0.status == 200 }
            // The next upgrade works, although one of the earlier processes was killed.
            try await upgradable.upgraded()
        }
    }

    /// The old process is killed in the middle of an upgrade, when the new process may accept connections already, but
    /// is not the main process yet.
    @Test(arguments: ["ready", "commit", "serving"])
    func theOldProcessDiesInTheMidstOfTheHandOver(step: String) async throws {
        try await withExecutor { executor in
            try await withServer(
                Configuration(executors: [executor.url]),
                launcher: [Repository.python, Repository.clients + "/dying_main.py", step, "--"]
            ) { server in
                for secure in [true, false] {
                    try await expect(server.curl("/v1/chat/completions", secure: secure, body: chat(tokens: 2))) {
                        $0.status == 200 && eventData($0.body).last == "[DONE]"
                    }
                }
            }
        }
    }

    /// Runs `body`, which upgrades and kills the first process, and checks that the newest process serves afterwards.
    private func withKilled(_ body: (UpgradableServer) async throws -> Void) async throws {
        try await withUpgrades(firstEnds: .signaled(SIGKILL)) { upgradable in
            try await body(upgradable)
            let answer = try await upgradable.server.curl("/v1/chat/completions", body: chat(tokens: 2))
            #expect(answer.status == 200 && eventData(answer.body).last == "[DONE]", "\(answer)")
        }
    }

    // MARK: What the system refuses

    /// The server refuses an upgrade if the limit of descriptors or of processes is reached.
    ///
    /// After the limit has been raised, an upgrade works.
    @Test(arguments: [("nofile", "Too many open files"), ("nproc", "Resource temporarily unavailable")])
    func aSystemWithoutRoom(limit: String, words: String) async throws {
        // The limit of processes does not apply to root, so as root the test runs the server as an unused user id.
        let isRoot = geteuid() == 0
        let launcher = isRoot ? ["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups"] : []
        try await withUpgrades(
            launcher: launcher,
            copiesProgram: isRoot,
            configure: { configuration, scratch in
                if isRoot { chown(scratch.path, 61234, 61234) }
                configuration.isClearOnly = true
            }
        ) { upgradable in
            let process = upgradable.server.process
            let most = limit == "nofile" ? try process.descriptors() : 1
            // prlimit may change the limits of another process of the same user, so it runs as the server's user.
            func prlimit(_ value: String) async throws -> Completed {
                let words = launcher + ["prlimit", "--pid", "\(process.identifier)", "--\(limit)=\(value)"]
                return try await run(words[0], Array(words.dropFirst()))
            }
            let before = try await prlimit("\(most):")
            #expect(before.succeeded, "\(before)")
            process.signal(SIGUSR2)
            try await upgradable.said(words)
            #expect(upgradable.messages.contains("upgrade refused"), "\(upgradable.messages)")
            let after = try await prlimit("4096:")
            #expect(after.succeeded, "\(after)")
            try await upgradable.upgraded()
            try await expect(upgradable.server.curl("/v1/models", secure: false)) { $0.status == 200 }
        }
    }
}
