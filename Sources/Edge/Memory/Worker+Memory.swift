// What a worker holds for all its connections together.
internal import Inference
internal import Transport

extension Worker {
    /// A body above this many bytes is charged for its scan; what smaller ones take is within what the scanner keeps.
    private static let smallScanMax = 128 << 10

    /// Scans a request body on the worker's own thread; nil, and nothing scanned, when there is no memory for the scan.
    func scanHere(_ body: RequestBody, dialect: Dialect) -> Result<RequestScan, RequestScanError>? {
        let memory = body.count > Self.smallScanMax ? JSONScanner.memoryForScan(of: body.count) : 0
        guard memory == 0 || budget.reserve(memory) else { return nil }
        let result: Result<RequestScan, RequestScanError>
        do throws(RequestScanError) {
            result = .success(try scanner.scanRequest(body, dialect: dialect))
        } catch {
            result = .failure(error)
        }
        if memory > 0 { budget.release(memory) }
        let kept = scanner.memory
        if kept != scannerCharge.bytes { scannerCharge.set(kept, on: ownMemory) }
        return result
    }
}
