// Limits how many older processes may drain at once.

/// Decides whether a further upgrade may begin beside the processes that drain.
enum UpgradeRoom: Equatable {
    /// The upgrade may begin.
    case free
    /// The upgrade may begin, and the oldest process must then end within `drain_timeout`.
    case afterHurrying
    /// The upgrade must wait until the oldest process is gone.
    case full

    /// - Parameters:
    ///   - draining: how many older processes drain at this moment; the upgrade adds the main process to them.
    ///   - most: `upgrade_generations`, at least 1.
    init(draining: Int, most: Int) {
        self = draining < most ? .free : draining == most ? .afterHurrying : .full
    }
}
