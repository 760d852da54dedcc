// Looks at the files of certificates again and again, so that a renewed one is served without a reload.
internal import Configuration
internal import Transport

/// Follows the certificates of all listeners; confined to the control thread.
///
/// It compares contents and not times: certbot replaces a symbolic link, and a copy may keep the time of the original.
final class CertificateFollower {
    /// The time between two looks at the files, in nanoseconds.
    private static let interval: Nanoseconds = 10_000_000_000
    /// The time between two warnings of one certificate, in seconds.
    private static let warningInterval = 86_400

    private let loop: EventLoop
    private let running: RunningConfiguration
    /// Puts certificates in force whose files have other contents than what is served.
    ///
    /// Returns why some of them cannot be used; nil if all can.
    private let renew: () -> String?
    private var timer: TimerID?
    /// What the operator was last told about files that cannot be used; nil while all can.
    private var problem: String?
    /// When each chain was last warned of, in seconds since 1970.
    private var warned: [String: Int] = [:]

    /// - Parameter renew: called at each look.
    init(loop: EventLoop, running: RunningConfiguration, renew: @escaping () -> String?) {
        self.loop = loop
        self.running = running
        self.renew = renew
        // The checks at the start of the process have already warned of these certificates.
        let now = Clock.wallTime().seconds
        for contents in running.snapshot.listeners.flatMap(\.certificates) { warned[contents.files.chain] = now }
        schedule()
    }

    /// Stops checking the files.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
    }

    private func schedule() {
        timer = loop.timers.schedule(
            at: loop.now + Self.interval,
            target: TimerClosure { [unowned self] in
                look()
                schedule()
            },
            kind: 0
        )
    }

    /// Compares the files with what is served, and warns of certificates that expire soon.
    func look() {
        let found = renew()
        if let found, found != problem { OperatorLog.warn("the certificates in force stay: \(found)") }
        problem = found
        warn(at: Clock.wallTime().seconds)
    }

    private func warn(at now: Int) {
        let notice = running.configuration.certificateNotice.components.seconds
        for contents in running.snapshot.listeners.flatMap(\.certificates) {
            let chain = contents.files.chain
            guard now - (warned[chain] ?? 0) >= Self.warningInterval,
                let text = CertificateInspection.warning(contents, now: Int64(now), notice: notice)
            else { continue }
            warned[chain] = now
            OperatorLog.warn(text)
        }
    }
}
