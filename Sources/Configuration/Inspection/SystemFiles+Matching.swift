// Finds the files that match a pattern, or that are in a folder.
import Glibc

extension SystemFiles {
    /// Returns the files that match a pattern or are in a folder, sorted by the bytes of their paths; nil if `path` is
    /// the path of one file.
    ///
    /// For a folder, the function returns only the files whose names end in `.yaml` or `.yml`. A pattern contains `*`,
    /// `?` or `[...]`. As in a shell, these wildcards do not match a dot at the beginning of a name. If a file exists
    /// at `path`, the path is not a pattern, even if it contains these characters.
    package static func matching(_ path: String) -> [String]? {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { return nil }
            let folder = path.hasSuffix("/") ? path : path + "/"
            // Pattern characters in the name of the folder are escaped, because they are not meant as a pattern.
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

    /// Returns the paths that match a pattern, by glob(3).
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
