// How many processes may drain at once, and what an upgrade costs the oldest of them.

/// Decides whether a further upgrade may begin beside the processes that drain.
enum UpgradeRoom: Equatable {
    /// The upgrade may begin.
    case free
    /// The upgrade may begin, and the oldest process must then end within `drain_timeout`.
    case afterHurrying
    /// The upgrade must wait until the oldest process is gone.
    case full

    /// - Parameters:
    ///   - draining: how many processes drain at this moment; the main process is one more after the upgrade.
    ///   - most: `upgrade_generations`, at least 1.
    init(draining: Int, most: Int) {
        self = draining < most ? .free : draining == most ? .afterHurrying : .full
    }
}
