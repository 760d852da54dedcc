// Measurements of this process by the operating system, for `/metrics`: processor time, memory, threads, descriptors.
internal import CLinux
internal import Configuration
internal import Glibc
internal import Transport

/// Measurements of this process that `init` has read from the operating system.
///
/// A value is nil or 0 if it cannot be read.
struct ProcessFigures {
    /// Processor time of all threads, in kernel mode and user mode together, in nanoseconds.
    var processorTime: UInt64 = 0
    var residentBytes = 0
    var virtualBytes = 0
    /// When the process started, in seconds since 1970.
    var started: Int?
    var threads = 0
    var openDescriptors = 0
    var descriptorsMax = 0

    /// Reads the values; most come from files in /proc/self, which this server's systemd unit leaves readable.
    init() {
        var used = rusage()
        if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used) == 0 {
            processorTime = Self.nanoseconds(used.ru_utime) + Self.nanoseconds(used.ru_stime)
        }
        let pages = Self.words("/proc/self/statm").compactMap { Int($0) }
        if pages.count > 1 {
            let size = Int(sysconf(CInt(_SC_PAGESIZE)))
            (virtualBytes, residentBytes) = (pages[0] * size, pages[1] * size)
        }
        // Fields are counted from the end of the program's name, because the name is in parentheses and may contain
        // spaces.
        let status = Self.text("/proc/self/stat")
        let fields = (status.lastIndex(of: ")").map { status[status.index(after: $0)...] } ?? "").split(separator: " ")
        if fields.count > 19 {
            threads = Int(fields[17]) ?? 0
            started = Int(fields[19]).flatMap { Self.wallTime(ofTicks: $0) }
        }
        openDescriptors = Self.entries("/proc/self/fd")
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            descriptorsMax = Int(clamping: limit.rlim_cur)
        }
    }

    private static func nanoseconds(_ time: timeval) -> UInt64 {
        UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
    }

    /// Converts a time in the kernel's ticks since the machine started to seconds since 1970.
    private static func wallTime(ofTicks ticks: Int) -> Int? {
        let perSecond = Int(sysconf(CInt(_SC_CLK_TCK)))
        var sinceBoot = timespec()
        guard perSecond > 0, unsafe clock_gettime(CLOCK_BOOTTIME, &sinceBoot) == 0 else { return nil }
        return Clock.wallTime().seconds - (sinceBoot.tv_sec - ticks / perSecond)
    }

    private static func text(_ path: String) -> String {
        guard case .success(let bytes) = SystemFiles.read(path) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func words(_ path: String) -> [Substring] { text(path).split(separator: " ") }

    /// The number of entries in a folder such as /proc/self/fd, without the descriptor that this function itself opens.
    private static func entries(_ path: String) -> Int {
        guard let folder = unsafe opendir(path) else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        // Three entries do not count: `.`, `..` and the descriptor of the open folder.
        return max(0, count - 3)
    }
}
