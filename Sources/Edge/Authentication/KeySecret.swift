// The secret under which keys are hashed: a file of its own, so that a copy of the keys alone is worth nothing.
internal import CLinux
package import Configuration
internal import Glibc
internal import Routing
package import Transport

package enum KeySecret {
    private static let bytesMin = 32
    private static let bytesMax = 4096

    /// The hash under the secret in a file, which is made, with mode 0600, where there is none.
    package static func loadOrMake(_ path: String) -> Result<HMACSHA256, FileProblem> {
        if unsafe access(path, F_OK) != 0, errno == ENOENT, let problem = make(path) { return .failure(problem) }
        return load(path)
    }

    /// The hash under the secret in a file that must be there.
    package static func load(_ path: String) -> Result<HMACSHA256, FileProblem> {
        switch SystemFiles.read(path) {
        case .failure(let problem): return .failure(problem)
        case .success(let bytes):
            // Editors end a file with a line end that is not meant.
            let isSpace = { (byte: UInt8) in byte == 0x0A || byte == 0x0D || byte == 0x20 || byte == 0x09 }
            var secret = bytes[...]
            while let last = secret.last, isSpace(last) { secret.removeLast() }
            secret = secret.drop(while: isSpace)
            guard (bytesMin...bytesMax).contains(secret.count) else {
                return .failure(FileProblem("a secret must have between \(bytesMin) and \(bytesMax) bytes"))
            }
            return .success(HMACSHA256(secret: Array(secret)))
        }
    }

    /// How many keys in force there are beside a secret that is gone; 0 where it is there, or where there are none.
    package static func keysLost(_ path: String, keys: String) -> Int {
        guard !exists(path) else { return 0 }
        return ((try? KeySource.load(path: keys)) ?? []).count
    }

    /// Why no secret is made in place of one that is gone.
    package static func lostReason(_ path: String, keys: Int) -> String {
        "\(path) is not there, and the \(keys) keys there are were hashed under another than would be made now: "
            + "bring it back, or take the keys away as well"
    }

    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Whether others than its owner may read the file.
    package static func isShared(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & (S_IRWXG | S_IRWXO) != 0
    }

    /// Nobody ever sees it half written: it gets its name when it is whole, and never replaces one.
    private static func make(_ path: String) -> FileProblem? {
        let temporary = "\(path).\(getpid())"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)
        guard descriptor >= 0 else { return FileProblem(SystemError.text(errno)) }
        defer { _ = unsafe unlink(temporary) }
        let text = Array((Hexadecimal.text(Randomness.bytes(bytesMin)) + "\n").utf8)
        let written = unsafe text.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        let isSafe = written == text.count && fsync(descriptor) == 0
        close(descriptor)
        guard isSafe else { return FileProblem("it cannot be written") }
        guard unsafe link(temporary, path) == 0 || errno == EEXIST else { return FileProblem(SystemError.text(errno)) }
        return nil
    }
}
