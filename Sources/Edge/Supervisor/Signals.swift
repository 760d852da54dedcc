// Signals as events of the control loop: blocked everywhere, read from a signalfd.
internal import CLinux
internal import Glibc

@safe
package struct Signals {
    package let descriptor: CInt

    /// Those that are told: the ones that end a process which does not know them, and that operators and their tools send.
    static let told = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]

    /// Ignores those that mean nothing to a server that has not begun: they would end the process silently.
    ///
    /// Blocked signals are told all the same (signal(7)), so that nothing is lost once there is a `Signals`.
    package static func ignoreBeforeStart() {
        for number in [SIGHUP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    /// Blocks `told` in this thread and those it starts, and ignores SIGPIPE and SIGXFSZ, which errors of `write` tell.
    ///
    /// Call it first of all.
    package init() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in Self.told { unsafe sigaddset(&set, number) }
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
