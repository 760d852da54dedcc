// The thread that scans large request bodies and decodes compressed ones. A worker would be blocked for most of a
// second by 64 MiB of hostile JSON.
package import Inference
internal import Synchronization
internal import Transport

/// A value that is passed from one thread to another; the sender does not use it until it comes back.
// Sound because the exchange that posts a job does not use the body until the outcome is in its worker's mailbox. In
// the meantime the exchange may only release its reference, and reference counts are atomic.
package struct InTransit<Value>: @unchecked Sendable {
    let value: Value
}

/// The result of a job of the scan thread.
package enum ScanOutcome: Sendable {
    /// The scan of a body that had no content coding.
    case scanned(Result<RequestScan, RequestScanError>)
    /// The decoded body, the reservation of its memory, and the result of its scan.
    case decoded(InTransit<RequestBody>, BodyHold, Result<RequestScan, RequestScanError>)
    /// The body could not be decoded.
    case undecodable(BodyDecodingError)
    /// There is no memory for the scan, or for the decoded body.
    case noMemory
}

/// One thread that scans the bodies of all workers, one body after the other, in the order of `ScanQueue`.
final class ScanThread: Sendable {
    /// Workers scan bodies of up to this many bytes themselves.
    static let threshold = 1 << 20

    struct Job: Sendable {
        var body: InTransit<RequestBody>
        /// The reservation of the body's memory, which lasts until both this job and the exchange have released it.
        var charge: BodyCharge
        var budget: MemoryBudget
        var dialect: Dialect
        /// The names of JSON members that the scan finds besides the members that it always finds.
        var names: MemberNames
        /// The content coding, such as gzip, that is removed before the scan; nil for a body without a coding.
        var coding: ContentCoding?
        /// The maximum length of the body after the coding is removed, in bytes.
        ///
        /// The decoding of a longer body fails. The limit is not used for a body without a coding.
        var bytesMax: Int
        /// Called on the scan thread with the outcome.
        var reply: @Sendable (ScanOutcome) -> Void
    }

    private let jobs = Lock(ScanQueue<Job>())
    /// Wakes the thread: carries one message for each job in `jobs`.
    private let wakeUps = Mailbox<Void>()

    /// Starts the thread, which runs until the process exits.
    init() {
        let (jobs, wakeUps) = (jobs, wakeUps)
        _ = Thread(name: "scan") {
            let loop = EventLoop()
            let scanner = JSONScanner()
            loop.attach(wakeUps) {
                guard let (job, caller) = jobs.withLock({ $0.pop() }) else { return }
                let outcome = Self.carryOut(job, with: scanner)
                if case .decoded(let body, _, _) = outcome {
                    let more = body.value.count - job.body.value.count
                    jobs.withLock { $0.charge(more, to: caller) }
                }
                job.reply(outcome)
            }
            loop.run()
        }
    }

    /// Decodes and scans the body of a job; called on the scan thread.
    static func carryOut(_ job: Job, with scanner: JSONScanner) -> ScanOutcome {
        guard let coding = job.coding else {
            return scan(job.body.value, for: job, with: scanner).map { .scanned($0) } ?? .noMemory
        }
        let hold = BodyHold(budget: job.budget)
        do throws(BodyDecodingError) {
            let body = try job.body.value.decoded(from: coding, bytesMax: job.bytesMax) { hold.grow(to: $0) }
            guard let result = scan(body, for: job, with: scanner) else { return .noMemory }
            return .decoded(InTransit(value: body), hold, result)
        } catch {
            return error == .noMemory ? .noMemory : .undecodable(error)
        }
    }

    /// Scans a body; returns nil if there is no memory for the scan.
    private static func scan(
        _ body: RequestBody,
        for job: Job,
        with scanner: JSONScanner
    ) -> Result<RequestScan, RequestScanError>? {
        // The scanner needs several times the size of the body while it scans.
        let memory = JSONScanner.memoryForScan(of: body.count)
        guard job.budget.reserve(memory) else { return nil }
        defer { job.budget.release(memory) }
        do throws(RequestScanError) {
            return .success(try scanner.scanRequest(body, dialect: job.dialect, naming: job.names))
        } catch {
            return .failure(error)
        }
    }

    /// Queues a job; may be called on any thread.
    ///
    /// - Parameter caller: the id of the caller's API key, or the client's address. The jobs of different callers take
    ///   turns.
    func post(_ job: Job, of caller: String) {
        let bytes = job.body.value.count
        jobs.withLock { $0.push(job, bytes: bytes, of: caller) }
        wakeUps.post(())
    }
}
