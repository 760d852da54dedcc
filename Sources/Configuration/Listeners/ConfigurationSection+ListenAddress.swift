// Reads the address of a listener or of `admin`, and the mode and group of the socket file.
internal import Transport

extension ConfigurationSection {
    /// Returns the listening address in the value of `key`; nil if the key is absent or its value is not an address.
    func listenAddress(_ key: String) -> ListenAddress? {
        guard let scalar = scalar(key, expecting: "HOST:PORT, [v6]:PORT or unix:/PATH") else { return nil }
        switch ListenAddress.parse(scalar.text) {
        case .success(let address): return address
        case .failure(let problem):
            reject(scalar, key, problem.message)
            return nil
        }
    }

    /// Reads `mode` and `group` of the socket file at `address`; reports an error for each of them if the address is
    /// TCP.
    func socketAccess(of address: ListenAddress?) -> SocketFileAccess {
        var access = SocketFileAccess()
        if let scalar = scalar("mode", expecting: Self.modeExpected) {
            access.mode = Self.mode(scalar.text)
            if access.mode == nil { reject(scalar, "mode", "expected \(Self.modeExpected)") }
        }
        access.group = text("group", expecting: "the name of a group")
        if let group = access.group, reader.inspection.group(group) == nil {
            report("group", "'\(Self.printable(group))': there is no such group")
        }
        guard case .tcp? = address else {
            if let mode = access.mode, mode & 0o022 == 0, access.group != nil || mode & 0o055 != 0 {
                warn("mode", "nobody but its owner can connect: to connect is to write, as in 0660")
            }
            return access
        }
        for key in ["mode", "group"] where has(key) {
            report(key, "only for a unix socket")
        }
        return access
    }

    private static let modeExpected = "octal permissions such as 0660"

    /// Parses three or four octal digits, with or without `0o` before them, up to 0777.
    private static func mode(_ text: String) -> UInt32? {
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
        guard (3...4).contains(digits.utf8.count), let mode = UInt32(digits, radix: 8), mode <= 0o777 else {
            return nil
        }
        return mode
    }
}
