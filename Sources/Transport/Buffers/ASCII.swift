// The character classes of ASCII, and the conversion to lower case. A byte of 128 or more is in no class.

extension UInt8 {
    /// Whether the byte is one of `0` to `9`.
    @inlinable package var isDigit: Bool { self &- 0x30 < 10 }
    /// Whether the byte is a letter, of either case.
    @inlinable package var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    /// Whether the byte is a letter of either case or a digit.
    @inlinable package var isAlphanumeric: Bool { isLetter || isDigit }
    /// Whether the byte is a hexadecimal digit, of either case.
    @inlinable package var isHexDigit: Bool { isDigit || (self | 0x20) &- 0x61 < 6 }

    /// The value of a hexadecimal digit of either case, 0 to 15; nil when the byte is no such digit.
    @inlinable package var hexDigitValue: UInt8? {
        if isDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }

    /// A letter in lower case; every other byte as it is.
    @inlinable package var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// The hexadecimal digit of a value from 0 to 15.
    @inlinable
    package static func hexDigit(_ value: UInt8, uppercase: Bool = false) -> UInt8 {
        value < 10 ? value + 0x30 : value + (uppercase ? 0x37 : 0x57)
    }
}
