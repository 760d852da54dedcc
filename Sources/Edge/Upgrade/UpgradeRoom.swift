// Limits how many older processes may drain at once.

/// Decides whether a further upgrade may begin while older processes still drain.
enum UpgradeRoom: Equatable {
    /// The upgrade may begin.
    case free
    /// The upgrade may begin, but the oldest process is told to end within its own `drain_timeout` once the new
    /// process has taken over.
    case afterHurrying
    /// The upgrade must wait until the oldest process is gone.
    case full

    /// - Parameters:
    ///   - draining: how many older processes drain now; the main process, which drains after the upgrade, is not
    ///     counted.
    ///   - most: how many older processes may drain at once (`upgrade_generations`), at least 1.
    init(draining: Int, most: Int) {
        self = draining < most ? .free : draining == most ? .afterHurrying : .full
    }
}
