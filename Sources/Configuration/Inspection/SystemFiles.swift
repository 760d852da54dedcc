// Reads and writes files, and reads the environment of the process, without Foundation.

internal import Glibc
package import Transport

/// Reads and writes files of this machine.
package enum SystemFiles {
    /// The size in bytes of the largest file that can be read: 4 MiB.
    package static let bytesMax = 4 << 20

    /// Returns the environment that the process was started with.
    ///
    /// The environment is read from /proc, because the C variable `environ` is mutable global state, which Swift 6
    /// rejects.
    package static func environment() -> [String: String] {
        guard case .success(let bytes) = read("/proc/self/environ") else { return [:] }
        var result: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: 0x3D) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            result[name] = String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return result
    }

    /// The program that this process runs, with its arguments and environment; nil if /proc does not provide them.
    ///
    /// Call this before the working directory changes.
    package static func runningProgram() -> Program? {
        guard let path = Program.startPath, case .success(let arguments) = read("/proc/self/cmdline"),
            case .success(let environment) = read("/proc/self/environ")
        else { return nil }
        // Each entry ends with a zero byte. Empty entries are kept, because an argument may be empty.
        func entries(_ bytes: [UInt8]) -> [[UInt8]] {
            bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        }
        return Program(path: path, arguments: entries(arguments), environment: entries(environment))
    }

    /// Reads a whole file; its size need not be known in advance, so files under /proc can be read.
    ///
    /// The function never waits: for a pipe or a socket, it returns a problem.
    package static func read(_ path: String) -> Result<[UInt8], FileProblem> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(lastProblem()) }
        defer { close(descriptor) }
        if let problem = pipeProblem(descriptor) { return .failure(problem) }
        return readAll(of: descriptor)
    }

    /// Returns a problem if an open file is a pipe or a socket, which cannot be read without waiting; otherwise nil.
    private static func pipeProblem(_ descriptor: CInt) -> FileProblem? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return lastProblem() }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFIFO || kind == S_IFSOCK else { return nil }
        return FileProblem("it is a pipe, which cannot be read again and again")
    }

    /// Reads a whole file, or a pipe up to its end; waits for the program that writes into the pipe.
    ///
    /// Commands use this function for their configuration, which may be `/dev/stdin` or the output of another command.
    package static func readOnce(_ path: String) -> Result<[UInt8], FileProblem> {
        readData(path, bytesMax: bytesMax)
    }

    /// Reads a whole file, or a pipe up to its end; fails if there are more than `bytesMax` bytes.
    ///
    /// The function waits for the program that writes into the pipe.
    package static func readData(_ path: String, bytesMax: Int) -> Result<[UInt8], FileProblem> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(lastProblem()) }
        defer { close(descriptor) }
        return readAll(of: descriptor, bytesMax: bytesMax)
    }

    private static func readAll(
        of descriptor: CInt,
        bytesMax: Int = bytesMax
    ) -> Result<[UInt8], FileProblem> {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(lastProblem())
            }
            if count == 0 { return .success(bytes) }
            bytes += chunk[..<count]
            if bytes.count > bytesMax { return .failure(FileProblem("it is larger than \(bytesMax >> 20) MiB")) }
        }
    }

    /// Writes a whole file; a new file gets mode 0644, reduced by the umask.
    ///
    /// - Parameter overwriting: Whether an existing file is replaced; if false, an existing file is a problem.
    /// - Returns: The reason why the file could not be written; nil if it was written.
    package static func write(_ bytes: [UInt8], to path: String, overwriting: Bool) -> FileProblem? {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (overwriting ? O_TRUNC : O_EXCL)
        let descriptor = unsafe open(path, flags, 0o644)
        guard descriptor >= 0 else { return lastProblem() }
        defer { close(descriptor) }
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return lastProblem() }
            sent += count
        }
        return nil
    }

    /// Whether a file, a folder or a symbolic link exists at the path; a link counts even if its target is missing.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// The current directory of the process; `.` if the system cannot determine it.
    package static var currentFolder: String {
        guard let text = unsafe getcwd(nil, 0) else { return "." }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// Returns the reason why this process cannot read a file; nil if it can read the file.
    package static func check(_ path: String) -> FileProblem? {
        // `access` is not used, because it would check the real user instead of the effective user, and would accept
        // directories.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return lastProblem() }
        defer { close(descriptor) }
        if let problem = pipeProblem(descriptor) { return problem }
        var byte: UInt8 = 0
        return unsafe Glibc.read(descriptor, &byte, 1) < 0 ? lastProblem() : nil
    }

    /// Returns the reason why this process cannot read a folder; nil if it can read the folder.
    package static func checkFolder(_ path: String) -> FileProblem? {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return lastProblem() }
        close(descriptor)
        return nil
    }

    /// Returns the reason why this process can neither append to a file nor create it; nil if it can.
    ///
    /// The file is not opened, because it may be a pipe. If this process opened and closed a pipe, the reader of the
    /// pipe could treat that as the end of the data.
    package static func checkAppendable(_ path: String) -> FileProblem? {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFDIR: return FileProblem("it is a directory")
            case S_IFSOCK: return FileProblem("it is a socket")
            default: return unsafe faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ? nil : lastProblem()
            }
        }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { return lastProblem() }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        if unsafe faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 { return nil }
        return FileProblem("in its folder no file can be made: \(lastProblem())")
    }

    /// Creates the folder that will contain a file, with mode 0755, if the folder is missing.
    ///
    /// The parent of the created folder must exist. Errors are ignored.
    package static func makeFolder(of path: String) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        _ = unsafe mkdir(String(path[..<slash]), 0o755)
    }

    /// Returns a problem whose message is the system's description of `errno`.
    private static func lastProblem() -> FileProblem {
        let code = errno
        var text = [CChar](repeating: 0, count: 256)
        _ = unsafe text.withUnsafeMutableBufferPointer { unsafe strerror_r(code, $0.baseAddress!, $0.count) }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return FileProblem(bytes.isEmpty ? "error \(code)" : String(decoding: bytes, as: UTF8.self))
    }
}
