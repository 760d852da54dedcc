import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Tests a worker on its own thread, which gets new configurations as messages.
@Suite struct WorkerTests {
    private let registry = Registry()
    private let process = ProcessState(
        budget: MemoryBudget(limit: 1 << 30),
        log: LogSink(),
        ticketKeys: TicketKeys { 0 },
        workers: 1,
        poller: .epoll
    )
    private let reports = Mailbox<WorkerReport>()

    private func start(_ snapshot: Snapshot, _ listeners: ListenerSet) -> Transport.Thread {
        let (process, reports) = (process, reports)
        let sockets = [snapshot.listeners[0].key: listeners]
        return Transport.Thread(name: "worker-0") {
            do throws(TLSError) {
                let worker = try Worker(
                    index: 0,
                    process: process,
                    snapshot: snapshot,
                    listeners: sockets,
                    report: { reports.post($0) }
                )
                worker.run()
            } catch {
                reports.post(.failed("\(error)"))
            }
            process.retire(0)
            reports.post(.ended(worker: 0))
        }
    }

    /// Requests the list of models on a connection, which stays open, and returns the response.
    private func models(_ peer: Peer) -> String {
        _ = peer.take()
        peer.send("GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n")
        // Waits for the end of the list, but gives up after 100,000 tries if the worker hangs.
        for _ in 0..<100_000 where !peer.text.hasSuffix("]}") {
            peer.poll()
            usleep(100)
        }
        return peer.text
    }

    @Test func requestsThatBeginLaterHaveTheNewOne() throws {
        let first = try registry.resolve(models: "- {id: first, executors: [{url: 'http://e'}]}")
        let second = try registry.resolve(models: "- {id: second, executors: [{url: 'http://e'}]}")
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        let listeners = try ListenerSet(addresses: [address], workers: 1)
        let (mailbox, thread) = (process.workers[0].mailbox, start(first, listeners))
        let peer = Peer(to: listeners.addresses[0])
        #expect(models(peer).contains(#""first""#))
        mailbox.post(.ask(1) { $0.snapshot.generation })
        mailbox.post(.adopt(second, [:]))
        mailbox.post(.ask(2) { $0.snapshot.generation })
        // The worker ignores a snapshot that is older than the one it has.
        mailbox.post(.adopt(first, [:]))
        mailbox.post(.ask(3) { $0.snapshot.generation })
        var said = Said()
        for _ in 0..<100_000 where said.answers[3] == nil {
            said.read(reports)
            usleep(100)
        }
        let list = models(peer)
        #expect(list.contains(#""second""#) && !list.contains(#""first""#))
        mailbox.post(.stop)
        thread.join()
        listeners.close()
        said.read(reports)
        #expect(said.answers == [1: 1, 2: 2, 3: 2] && said.hasEnded && said.failure == nil)
        #expect(said.counters?.models[WorkerCounters.noModel]?.ends[0] == 2, "two lists")
    }

    /// After an upgrade the worker of the old process still serves its connections, and ends after the last one.
    @Test func whatWaitsAtAHandOverIsServed() throws {
        let snapshot = try registry.resolve(models: "- {id: m, executors: [{url: 'http://e'}]}")
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        let listeners = try ListenerSet(addresses: [address], workers: 1)
        defer { listeners.close() }
        let (mailbox, thread) = (process.workers[0].mailbox, start(snapshot, listeners))
        let idle = Peer(to: listeners.addresses[0])
        #expect(models(idle).contains(#""m""#))
        let fresh = Peer(to: listeners.addresses[0])
        mailbox.post(.handOver)
        mailbox.post(.ask(1) { $0.isLeaving ? 1 : 0 })
        var said = Said()
        for _ in 0..<100_000 where said.answers[1] == nil {
            said.read(reports)
            usleep(100)
        }
        #expect(said.answers[1] == 0 && said.stoppedAccepting == 1, "health checks stay as they are")
        for peer in [idle, fresh] {
            let answer = models(peer)
            #expect(answer.contains(#""m""#) && answer.contains("connection: close\r\n"))
        }
        #expect(!said.hasEnded)
        let late = Peer(to: listeners.addresses[0])
        idle.close()
        fresh.close()
        thread.join()
        said.read(reports)
        #expect(said.hasEnded && said.failure == nil && said.stoppedAccepting == 1)
        late.poll()
        #expect(late.end == nil, "it waits for the process that accepts now")
    }

    /// Collects what the worker has reported to the control thread.
    private struct Said {
        var answers: [Int: Int] = [:]
        var counters: WorkerCounters?
        var hasEnded = false
        var stoppedAccepting = 0
        var failure: String?

        mutating func read(_ reports: Mailbox<WorkerReport>) {
            for report in reports.takeAll() {
                switch report {
                case .answered(worker: 0, let number, let answer): answers[number] = answer as? Int
                case .counted(worker: 0, let last): counters = last
                case .ended(worker: 0): hasEnded = true
                case .stoppedAccepting: stoppedAccepting += 1
                case .failed(let text): failure = text
                default: break
                }
            }
        }
    }
}
