// Signals as events of the control loop: blocked everywhere, read from a signalfd.
internal import CLinux
internal import Glibc

@safe
package struct Signals {
    package let descriptor: CInt

    /// Blocks SIGTERM, SIGINT and SIGHUP in this thread and those it starts, and ignores SIGPIPE and SIGXFSZ: a log that
    /// nobody reads, or that has reached its limit, is an error of a write, and not the end of the process.
    ///
    /// Call it first of all.
    package init() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, clinux_SIGNALFD_FLAGS)
        precondition(descriptor >= 0, "signalfd failed")
    }

    /// The next signal that has come; nil when there is none.
    package func next() -> CInt? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor, &information, size) == size else { return nil }
        return CInt(information.ssi_signo)
    }
}
