// Finding the files that a pattern or a folder stands for.
import Glibc

extension SystemFiles {
    /// Returns the paths of the files that a path stands for, sorted by their bytes; nil if it is the path of one file.
    ///
    /// A folder stands for its files whose names end in `.yaml` or `.yml`. A pattern has `*`, `?` or `[...]` in it, which
    /// match no dot at the beginning of a name, as in a shell; a file that has such a name is that file.
    package static func matching(_ path: String) -> [String]? {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { return nil }
            let folder = path.hasSuffix("/") ? path : path + "/"
            // A character of the folder's own name is no pattern.
            var escaped = ""
            for character in folder {
                if "*?[\\".contains(character) { escaped += "\\" }
                escaped.append(character)
            }
            return (found(escaped + "*.yaml") + found(escaped + "*.yml")).sorted(by: precedes)
        }
        return path.contains { "*?[".contains($0) } ? found(path).sorted(by: precedes) : nil
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// The paths that a pattern matches, by glob(3).
    private static func found(_ pattern: String) -> [String] {
        var matches = unsafe glob_t()
        defer { unsafe globfree(&matches) }
        guard unsafe glob(pattern, 0, nil, &matches) == 0 else { return [] }
        return (0..<Int(unsafe matches.gl_pathc)).compactMap { index in
            guard let path = unsafe matches.gl_pathv[index] else { return nil }
            return unsafe String(cString: path)
        }
    }
}
