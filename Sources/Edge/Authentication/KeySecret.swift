// The secret that is the key of the hash function for API keys. It is in its own file, so that somebody who has only a
// copy of the key store cannot test guesses of API keys.
internal import CLinux
package import Configuration
internal import Glibc
internal import Routing
package import Transport

/// Functions that read and create the file of the secret; each blocks its thread until the file system has answered.
package enum KeySecret {
    private static let bytesMin = 32
    private static let bytesMax = 4096

    /// Returns the HMAC (the keyed hash function) that uses the secret in a file.
    ///
    /// If the file does not exist, the function creates one with a random secret and mode 0600.
    package static func loadOrMake(_ path: String) -> Result<HMACSHA256, FileProblem> {
        if unsafe access(path, F_OK) != 0, errno == ENOENT, let problem = make(path) { return .failure(problem) }
        return load(path)
    }

    /// Returns the HMAC (the keyed hash function) that uses the secret in a file, which must exist.
    package static func load(_ path: String) -> Result<HMACSHA256, FileProblem> {
        switch SystemFiles.read(path) {
        case .failure(let problem): return .failure(problem)
        case .success(let bytes):
            // An editor may have added a line end or spaces, which are not part of the secret.
            let isSpace = { (byte: UInt8) in "\n\r \t".utf8.contains(byte) }
            var secret = bytes[...]
            while let last = secret.last, isSpace(last) { secret.removeLast() }
            secret = secret.drop(while: isSpace)
            guard (bytesMin...bytesMax).contains(secret.count) else {
                return .failure(FileProblem("a secret must have between \(bytesMin) and \(bytesMax) bytes"))
            }
            return .success(HMACSHA256(secret: Array(secret)))
        }
    }

    /// How many API keys the server cannot check, because the file of the secret for their hashes is missing.
    ///
    /// The result is 0 if the secret exists or there are no keys.
    ///
    /// - Parameters:
    ///   - path: The file of the secret.
    ///   - keys: The path of the key store.
    package static func keysLost(_ path: String, keys: String) -> Int {
        guard !exists(path) else { return 0 }
        return ((try? KeyStoreReader.load(path: keys)) ?? []).count
    }

    /// The message for a missing file of the secret: why the server does not create a new secret while there are keys.
    package static func lostReason(_ path: String, keys: Int) -> String {
        "\(path) is not there, and the \(keys) keys there are were hashed under another than would be made now: "
            + "bring it back, or take the keys away as well"
    }

    /// Whether the file of the secret exists.
    package static func exists(_ path: String) -> Bool { FileStamp(path) != nil }

    /// Whether the mode of the secret's file gives its group or other users any access.
    package static func isShared(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_mode & (S_IRWXG | S_IRWXO) != 0
    }

    /// Creates the file with a new, random secret.
    ///
    /// The file gets its final name only when it is complete, and never replaces an existing file.
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
