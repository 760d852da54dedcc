// How fast a request body arrives. The pace decides which bodies are refused when there is too little memory for all of
// them.
internal import Transport

/// The recent pace of one request body.
///
/// No work is done when a piece of the body arrives: the pace is computed only when `bytesPerSecond` is called. From
/// the clock time that it passes to that function, the caller subtracts how long the body has waited for memory,
/// because the client cannot send while the body waits.
struct BodyPace: Equatable, Sendable {
    /// The shortest time over which a pace is measured, in nanoseconds; bytes that arrive in less time count as if they
    /// had taken this time.
    private static let window: Nanoseconds = 1_000_000_000

    private var windowBegan: Nanoseconds
    /// How many bytes had arrived when the window began.
    private var bytesBefore = 0
    /// The pace in the last completed window, in bytes a second; nil before the first window has ended.
    private var last: Int?

    /// - Parameter began: when the request began.
    init(began: Nanoseconds) { windowBegan = began }

    /// Whether the pace has been measured over a complete window; until then, a body may seem slower than it is.
    var isMeasured: Bool { last != nil }

    /// The pace, in bytes a second.
    ///
    /// Within the first window, the pace is the average since the request began. Afterwards it is the average of the
    /// last window that has ended. A window ends with the first call that comes at least a second after its beginning.
    ///
    /// - Parameter arrived: how many bytes of the body have arrived so far.
    mutating func bytesPerSecond(arrived: Int, at time: Nanoseconds) -> Int {
        let elapsed = time - min(time, windowBegan)
        if elapsed < Self.window, let last { return last }
        let pace = Double(max(0, arrived - bytesBefore)) / Double(max(elapsed, Self.window)) * 1_000_000_000
        guard elapsed >= Self.window else { return Int(pace) }
        (windowBegan, bytesBefore, last) = (time, arrived, Int(pace))
        return Int(pace)
    }
}
