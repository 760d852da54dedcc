// Scans of small request bodies on the worker's own thread, and the charge for the memory that the scanner keeps.
internal import Inference
internal import Transport

extension Worker {
    /// The largest body, in bytes, that the scanner can scan in the buffers that it keeps between scans.
    ///
    /// The scan of a larger body needs more memory, which is charged while the scan runs.
    private static let smallScanMax = 128 << 10

    /// Scans a request body on the worker's thread; returns nil if there is no memory for the scan.
    func scanHere(_ body: RequestBody, for exchange: Exchange) -> Result<RequestScan, RequestScanError>? {
        let memory = body.count > Self.smallScanMax ? JSONScanner.memoryForScan(of: body.count) : 0
        guard memory == 0 || budget.reserve(memory) else { return nil }
        let result: Result<RequestScan, RequestScanError>
        do throws(RequestScanError) {
            result = .success(try exchange.scan(body, with: scanner))
        } catch {
            result = .failure(error)
        }
        if memory > 0 { budget.release(memory) }
        let kept = scanner.memory
        if kept != scannerCharge.bytes { scannerCharge.set(kept, on: ownMemory) }
        return result
    }
}
