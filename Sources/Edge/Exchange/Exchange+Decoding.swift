// Request bodies that come compressed: decoded where they are if they are small, else on the helper thread.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// A larger body is decoded on the helper thread, before its scan.
    private static let decodedHereMax = 64 << 10

    /// Puts the decoded body in the place of the one that came.
    ///
    /// - Returns: false where the exchange goes on later, or has failed.
    func decode(_ body: RequestBody, from coding: ContentCoding) -> Bool {
        let most = snapshot.limits.bodyBytesMax
        let size = body.footprint
        guard body.count <= Self.decodedHereMax else {
            environment.scanElsewhere(body, coding: coding, charge: memory.shareBody(), for: self)
            return false
        }
        do throws(BodyDecodingError) {
            let decoded = try body.decoded(from: coding, bytesMax: min(most, ScanThread.threshold)) {
                memory.growBody(to: size + $0)
            }
            request?.body = decoded
            request?.coding = nil
            memory.shrinkBody(to: decoded.footprint)
            return true
        } catch {
            memory.shrinkBody(to: size)
            if error == .tooLarge, most > ScanThread.threshold {
                // Small, and more of it than a worker should decode itself.
                environment.scanElsewhere(body, coding: coding, charge: memory.shareBody(), for: self)
            } else {
                handle(.refused(Failure(decoding: error, from: coding, most: most)))
            }
            return false
        }
    }

    /// What the helper thread made of the body.
    func identified(_ outcome: ScanOutcome) {
        guard phase == .body else { return }
        switch outcome {
        case .noMemory: handle(.refused(.noMemory))
        case .scanned(let result): identified(result)
        case .undecodable(let error):
            guard let coding = request?.coding else { return }
            handle(.refused(Failure(decoding: error, from: coding, most: snapshot.limits.bodyBytesMax)))
        case .decoded(let body, let hold, let result):
            // What came is let go of first; the hold until here was for what it has become.
            memory.letGoOfBody()
            hold.release()
            let decoded = body.value
            request?.body = decoded
            request?.coding = nil
            guard memory.growBody(to: decoded.footprint) else {
                handle(.refused(.noMemory))
                return
            }
            identified(result)
        }
    }
}

extension Failure {
    /// OpenAI's `code` of a body in a coding that is not decoded here; its answer says which are.
    static let codingCode = "unsupported_content_encoding"

    fileprivate init(decoding error: BodyDecodingError, from coding: ContentCoding, most: Int) {
        switch error {
        case .malformed: self.init(.invalidRequest, "The request body is not valid \(coding.rawValue).")
        case .tooLarge: self.init(.bodyTooLarge, "The decoded request body is larger than \(most) bytes.")
        case .tooDense:
            let times = RequestBody.expansionMax
            self.init(.bodyTooLarge, "The decoded request body is more than \(times) times what was sent.")
        case .windowTooLarge:
            self.init(.invalidRequest, "The request body is zstd with a window above 8 MiB, which is not served.")
        case .noMemory: self = .noMemory
        }
    }

    static var unsupportedCoding: Failure {
        let message = "The content-encoding of the request body must be one of: \(ContentCoding.accepted)."
        return Failure(.unsupportedMediaType, message, code: codingCode)
    }
}
