// The program that this process runs. An upgrade starts a new process from the same program file.
internal import CLinux
internal import Glibc

/// A program file with the arguments and the environment of a process that runs it.
package struct Program: Sendable, Equatable {
    /// The absolute path of the file, with its symbolic links unresolved.
    ///
    /// Each launch follows the symbolic links anew, so an operator can point a link at another version of the program.
    package let path: String
    /// The arguments, of which the first is the name of the program.
    package let arguments: [[UInt8]]
    /// The environment: entries of the form `NAME=value`.
    package let environment: [[UInt8]]

    /// - Parameter path: an absolute path.
    package init(path: String, arguments: [[UInt8]], environment: [[UInt8]]) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }

    /// The absolute path of the file by which this process was started; nil if the kernel does not report it.
    ///
    /// Read this property before the process changes its working directory, because a relative path is resolved against
    /// the current working directory.
    package static var startPath: String? {
        guard let start = unsafe clinux_start_path() else { return nil }
        let path = unsafe String(cString: start)
        if path.hasPrefix("/") { return path }
        guard let folder = unsafe getcwd(nil, 0) else { return nil }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }

    /// A copy of the program in which the environment variable `name` has the value `value`; the copy has no such
    /// variable if `value` is nil.
    package func setting(_ name: String, to value: String?) -> Program {
        let prefix = Array("\(name)=".utf8)
        var environment = environment.filter { !$0.starts(with: prefix) }
        if let value { environment.append(prefix + value.utf8) }
        return Program(path: path, arguments: arguments, environment: environment)
    }

    /// Starts a process that runs the file, as a child of the process with id 1.
    ///
    /// The calling thread waits until the kernel has loaded the file.
    ///
    /// - Parameter descriptors: the descriptors that stay open in the new process. In this process they must be
    ///   close-on-exec, so that no other child process inherits them.
    /// - Throws: the errno of `clone` or `execve`, such as EAGAIN for a full process table, ENOENT for a missing file,
    ///   or ENOEXEC for a file that is not a program. The error is EMFILE if no descriptor is free to watch the new
    ///   process; the process is then killed.
    package func launch(keeping descriptors: [CInt]) throws(SystemError) -> LaunchedProcess {
        var launch = unsafe clinux_launch()
        let words = { (words: [[UInt8]]) in unsafe words.map { unsafe Self.copy($0) } + [nil] }
        let (arguments, environment) = unsafe (words(arguments), words(environment))
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        unsafe path.withCString { path in
            unsafe arguments.withUnsafeBufferPointer { arguments in
                unsafe environment.withUnsafeBufferPointer { environment in
                    unsafe descriptors.withUnsafeBufferPointer { descriptors in
                        unsafe launch.path = path
                        unsafe launch.arguments = arguments.baseAddress
                        unsafe launch.environment = environment.baseAddress
                        unsafe launch.descriptors = descriptors.baseAddress
                        unsafe launch.descriptor_count = CInt(descriptors.count)
                        unsafe clinux_launch(&launch)
                    }
                }
            }
        }
        guard unsafe launch.error == 0 else { throw SystemError(path, unsafe launch.error) }
        do throws(SystemError) {
            return try LaunchedProcess(id: unsafe launch.process)
        } catch {
            // The process was started a moment ago, so its id cannot belong to another process yet.
            unsafe Glibc.kill(launch.process, SIGKILL)
            throw error
        }
    }

    /// Copies an argument or environment entry into memory from malloc, and adds a terminating zero byte.
    private static func copy(_ word: [UInt8]) -> UnsafeMutablePointer<CChar>? {
        unsafe word.withUnsafeBytes { bytes in
            guard let copy = unsafe malloc(bytes.count + 1) else { return nil }
            if let base = bytes.baseAddress { unsafe memcpy(copy, base, bytes.count) }
            let characters = unsafe copy.bindMemory(to: CChar.self, capacity: bytes.count + 1)
            unsafe characters[bytes.count] = 0
            return unsafe characters
        }
    }
}

/// A process that `Program.launch` has started, with the means to kill it.
package struct LaunchedProcess: Sendable {
    /// The id of the process.
    package let id: Int32
    /// A pidfd, which refers to the launched process even after another process has got the same id.
    ///
    /// The value is nil if the launched process had ended before a pidfd could be opened.
    private let descriptor: Socket?

    /// - Throws: the errno of `pidfd_open`, such as EMFILE. If the process has ended already, there is no error.
    init(id: Int32) throws(SystemError) {
        self.id = id
        let opened = clinux_pidfd_open(id)
        if opened < 0, errno != ESRCH { throw SystemError("pidfd_open", errno) }
        descriptor = opened >= 0 ? Socket(descriptor: opened) : nil
    }

    /// How long `kill` waits for the end of the process, in milliseconds.
    private static let killTimeout: CInt = 1000

    /// Kills the process by SIGKILL, and waits until it has ended, for at most `killTimeout`.
    ///
    /// The wait usually takes a few milliseconds. Afterwards the process no longer changes memory that it shares with
    /// this process, such as `SharedCounts`.
    package func kill() {
        guard let descriptor else { return }
        _ = clinux_pidfd_send_signal(descriptor.descriptor, SIGKILL)
        var end = pollfd(fd: descriptor.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&end, 1, Self.killTimeout)
    }

    /// Calls `ended` when the launched process has ended, also if it ended before this call.
    ///
    /// - Returns: false, and never calls `ended`, if there is no pidfd or if the loop cannot watch it.
    package func watch(on loop: EventLoop, ended: @escaping () -> Void) -> Bool {
        guard let descriptor else { return false }
        do throws(SystemError) {
            _ = try loop.watchUntilUnwatched(descriptor: descriptor.descriptor, ended)
            return true
        } catch {
            return false
        }
    }

    /// Closes the pidfd; `kill` must not be called afterwards.
    package func release() { descriptor?.close() }
}
