// Serves the files with which a certificate authority checks who controls a name (ACME's HTTP challenge, RFC 8555
// section 8.3), from the folder `listeners[].acme_webroot`.
internal import CLinux
internal import Glibc
internal import HTTP
internal import Inference
internal import Transport

/// The files of ACME challenges in a folder.
enum ChallengeFile {
    /// The largest file that is served, in bytes.
    static let bytesMax = 64 << 10
    /// The longest name of a file, in bytes.
    private static let tokenBytesMax = 255
    /// The beginning of the paths that certificate authorities request (RFC 8555 section 8.3).
    static let pathPrefix = Array("/.well-known/acme-challenge/".utf8)

    /// The token in a request's path; nil if the path is not the path of a challenge.
    ///
    /// A token has only characters of base64url (RFC 8555 section 8.3), so it cannot lead out of the folder.
    static func token(in requestPath: ArraySlice<UInt8>) -> String? {
        guard requestPath.starts(with: pathPrefix) else { return nil }
        let token = requestPath.dropFirst(pathPrefix.count)
        let isToken =
            (1...tokenBytesMax).contains(token.count)
            && token.allSatisfy {
                $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
        return isToken ? String(decoding: token, as: UTF8.self) : nil
    }

    /// Reads the file `.well-known/acme-challenge/TOKEN` of a folder.
    ///
    /// Symbolic links inside of the folder are not followed, and the call never waits for a pipe or a device.
    ///
    /// - Returns: nil if the file is missing, cannot be read, is not a regular file, or is larger than `bytesMax`.
    static func read(_ token: String, in webroot: String) -> [UInt8]? {
        let root = unsafe open(webroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { return nil }
        defer { close(root) }
        guard let known = folder(".well-known", in: root) else { return nil }
        defer { close(known) }
        guard let challenges = folder("acme-challenge", in: known) else { return nil }
        defer { close(challenges) }
        let file = unsafe openat(challenges, token, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return contents(of: file)
    }

    private static func folder(_ name: String, in parent: CInt) -> CInt? {
        let descriptor = unsafe openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        return descriptor >= 0 ? descriptor : nil
    }

    private static func contents(of file: CInt) -> [UInt8]? {
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= bytesMax else {
            return nil
        }
        // The buffer has one byte more than the file's size, so that a full buffer shows that the file has grown after
        // `fstat`.
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size) + 1)
        var count = 0
        while count < bytes.count {
            let step = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress! + count, $0.count - count)
            }
            if step < 0, errno == EINTR { continue }
            guard step >= 0 else { return nil }
            if step == 0 { return Array(bytes[..<count]) }
            count += step
        }
        return nil
    }
}

extension Exchange {
    /// Answers a request for the file of an ACME challenge, if the listener has a folder of challenges and the file
    /// exists.
    ///
    /// No key is needed, because the certificate authority that asks for the file has none.
    ///
    /// - Returns: Whether the request was answered; false if it asks for no challenge, or if the file does not exist.
    func answersChallenge(_ head: RequestHead) -> Bool {
        guard let webroot = stream.connection.settings.acmeWebroot, head.method == .get || head.method == .head,
            let target = request?.target, target.fault == nil, let token = ChallengeFile.token(in: target.path),
            let bytes = ChallengeFile.read(token, in: webroot)
        else { return false }
        answerHere(type: "text/plain", SharedBytes(owned: bytes))
        return true
    }
}
