// A directory that holds development certificates.

internal import Glibc
internal import Transport

/// A directory of certificates, which is locked against other processes as long as this value exists.
struct CertificateFolder: ~Copyable {
    private let directory: String
    private let descriptor: CInt

    init(_ directory: String) throws(TLSError) {
        guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw Self.failure(directory) }
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(directory) }
        guard flock(descriptor, LOCK_EX) == 0 else {
            let failure = Self.failure(directory)
            _ = Glibc.close(descriptor)
            throw failure
        }
        self.directory = directory
        self.descriptor = descriptor
    }

    deinit { _ = Glibc.close(descriptor) }

    func path(_ name: String) -> String { directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)" }

    /// Replaces a file atomically.
    ///
    /// If `isSecret` is true, only the owner can read the new file. If it is false, every user can.
    func write(_ bytes: [UInt8], to name: String, isSecret: Bool) throws(TLSError) {
        let target = path(name)
        let temporary = "\(target).\(getpid()).new"
        unsafe unlink(temporary)
        let file = unsafe open(
            temporary,
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            isSecret ? 0o600 : 0o644
        )
        guard file >= 0 else { throw Self.failure(target) }
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        let isWritten = written == bytes.count && fsync(file) == 0
        let isClosed = Glibc.close(file) == 0
        guard isWritten, isClosed, unsafe rename(temporary, target) == 0 else {
            let failure = Self.failure(target)
            unsafe unlink(temporary)
            throw failure
        }
    }

    private static func failure(_ path: String) -> TLSError {
        TLSError(.file, unsafe String(cString: strerror(errno)), file: path)
    }
}
