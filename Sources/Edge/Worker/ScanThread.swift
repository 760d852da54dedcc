// Scans of large bodies, on a thread of their own: a hostile 64 MiB of JSON would hold a worker for most of a second.
internal import Inference
internal import Synchronization
internal import Transport

/// A value on its way from one thread to another, which the sender does not touch until it comes back.
// Sound because the exchange that posts a job leaves the body alone until the answer is in its mailbox; letting go of
// its reference is all that it may do, and reference counts are atomic.
struct InTransit<Value>: @unchecked Sendable {
    let value: Value
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
        /// Nil when there is no room for the scan.
        var reply: @Sendable (Result<RequestScan, RequestScanError>?) -> Void
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
            loop.attach(jobs) { job in
                // The scanner's own memory, several times the body's: one scan at a time has it.
                let memory = JSONScanner.memoryForScan(of: job.body.value.count)
                guard job.budget.reserve(memory) else {
                    job.reply(nil)
                    return
                }
                defer { job.budget.release(memory) }
                do throws(RequestScanError) {
                    job.reply(.success(try scanner.scanRequest(job.body.value, dialect: job.dialect)))
                } catch {
                    job.reply(.failure(error))
                }
            }
            loop.run()
        }
    }

    func post(_ job: Job) { jobs.post(job) }
}
