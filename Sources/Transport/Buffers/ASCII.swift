// ASCII character classes and conversion to lower case. Bytes of 128 and above belong to no class.

extension UInt8 {
    /// Whether the byte is one of `0` to `9`.
    @inlinable package var isDigit: Bool { self &- 0x30 < 10 }
    /// Whether the byte is an ASCII letter, upper or lower case.
    @inlinable package var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    /// Whether the byte is an ASCII letter or digit.
    @inlinable package var isAlphanumeric: Bool { isLetter || isDigit }
    /// Whether the byte is a hexadecimal digit, upper or lower case.
    @inlinable package var isHexDigit: Bool { isDigit || (self | 0x20) &- 0x61 < 6 }

    /// The value of a hexadecimal digit, 0 to 15; nil for any other byte.
    @inlinable package var hexDigitValue: UInt8? {
        if isDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }

    /// An ASCII letter in lower case; any other byte unchanged.
    @inlinable package var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// The hexadecimal digit for a value from 0 to 15.
    @inlinable
    package static func hexDigit(_ value: UInt8, uppercase: Bool = false) -> UInt8 {
        value < 10 ? value + 0x30 : value + (uppercase ? 0x37 : 0x57)
    }
}
