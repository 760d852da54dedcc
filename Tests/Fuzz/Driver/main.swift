// Runs libFuzzer with one of the fuzz targets. The command line is: fuzz TARGET [option or corpus]...
import FuzzTargets
import Glibc

// libFuzzer calls back from the program's only thread, without a context pointer, so the target is in a global
// variable.
nonisolated(unsafe) private var target: (any FuzzTarget)?

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

private func run(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let findings = FuzzTargets.run(target!, on: Array(UnsafeBufferPointer(start: bytes, count: count)))
    guard findings.isEmpty else { fatalError("\n" + findings.joined(separator: "\n")) }
    return 0
}

let names = FuzzTargets.all.map { $0.name }
let words = CommandLine.arguments
if words.dropFirst().first == "--list" {
    print(names.joined(separator: "\n"))
    exit(0)
}
// Child processes of libFuzzer (merge, fork) inherit the environment, but not the target's name among their
// arguments.
let inherited = getenv("FUZZ_TARGET").map { String(cString: $0) }
let named = inherited ?? words.dropFirst().first
guard let kind = FuzzTargets.all.first(where: { $0.name == named }) else {
    print("usage: fuzz TARGET [option or corpus]...; the targets: \(names.joined(separator: ", "))")
    exit(2)
}
setenv("FUZZ_TARGET", kind.name, 1)
signal(SIGPIPE, SIG_IGN)
target = kind.init()
var arguments = ([words[0]] + words.dropFirst(inherited == nil ? 2 : 1)).map { strdup($0) }
var count = CInt(arguments.count)
arguments.append(nil)
exit(
    arguments.withUnsafeMutableBufferPointer { buffer in
        var base = buffer.baseAddress!
        return runDriver(&count, &base, run)
    }
)
