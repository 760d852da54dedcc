// Scans of large bodies, and the decoding of compressed ones, on a thread of their own: a hostile 64 MiB of JSON would hold
// a worker for most of a second.
package import Inference
internal import Synchronization
internal import Transport

/// A value on its way from one thread to another, which the sender does not touch until it comes back.
// Sound because the exchange that posts a job leaves the body alone until the answer is in its mailbox; letting go of
// its reference is all that it may do, and reference counts are atomic.
package struct InTransit<Value>: @unchecked Sendable {
    let value: Value
}

/// What the thread made of a body.
package enum ScanOutcome: Sendable {
    case scanned(Result<RequestScan, RequestScanError>)
    /// The body without its coding, what is charged for it, and its scan.
    case decoded(InTransit<RequestBody>, BodyHold, Result<RequestScan, RequestScanError>)
    case undecodable(BodyDecodingError)
    /// There is no room for the scan, or for the decoded body.
    case noMemory
}

/// One thread for all workers.
///
/// Bodies of up to `threshold` bytes are scanned where they are.
final class ScanThread: Sendable {
    static let threshold = 1 << 20

    struct Job: Sendable {
        var body: InTransit<RequestBody>
        /// Of the body: kept while anything holds it.
        var charge: BodyCharge
        var budget: MemoryBudget
        var dialect: Dialect
        /// What the body came in, to be decoded first.
        var coding: ContentCoding?
        /// What a decoded body may have, in bytes.
        var bytesMax: Int
        var reply: @Sendable (ScanOutcome) -> Void
    }

    private let jobs = Mailbox<Job>()

    /// Starts the thread.
    ///
    /// It lives as long as the process: there is nothing to end in order.
    init() {
        let jobs = jobs
        _ = Thread(name: "scan") {
            let loop = EventLoop()
            let scanner = JSONScanner()
            loop.attach(jobs) { job in job.reply(Self.carryOut(job, with: scanner)) }
            loop.run()
        }
    }

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

    /// Nil when there is no room for the scan.
    private static func scan(
        _ body: RequestBody,
        for job: Job,
        with scanner: JSONScanner
    ) -> Result<RequestScan, RequestScanError>? {
        // The scanner's own memory, several times the body's: one scan at a time has it.
        let memory = JSONScanner.memoryForScan(of: body.count)
        guard job.budget.reserve(memory) else { return nil }
        defer { job.budget.release(memory) }
        do throws(RequestScanError) {
            return .success(try scanner.scanRequest(body, dialect: job.dialect))
        } catch {
            return .failure(error)
        }
    }

    func post(_ job: Job) { jobs.post(job) }
}
