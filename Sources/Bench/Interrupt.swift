// SIGINT and SIGTERM, heard by a bench's loop: a run ends early, with its figures. And words on stderr.
internal import CLinux
internal import Glibc
internal import Transport

/// Both signals are blocked and read from a descriptor.
///
/// A second one ends the process at once.
final class Interrupt {
    private final class Flag {
        var isRaised = false
    }

    private let flag = Flag()
    var isRaised: Bool { flag.isRaised }

    init(loop: EventLoop) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGINT)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let descriptor = unsafe signalfd(-1, &signals, clinux_NONBLOCK_CLOEXEC)
        precondition(descriptor >= 0, "signalfd failed")
        let flag = flag
        loop.watch(descriptor: descriptor) {
            var taken = signalfd_siginfo()
            _ = unsafe read(descriptor, &taken, MemoryLayout<signalfd_siginfo>.size)
            if flag.isRaised { exit(130) }
            flag.isRaised = true
        }
    }
}

enum StandardError {
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe write(2, bytes, bytes.count)
    }
}
