// What the process tells its operator, on stderr: start, end, warnings. Never in the path of a request.
internal import Glibc

package enum Messages {
    package static func say(_ text: String) {
        let line = Array("freeinference: \(text)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }
}
