// A table of counts in memory that several processes share, so that limits hold over all of them during an upgrade.
internal import CLinux
internal import Glibc
internal import Synchronization

/// Counts that the old and new processes of an upgrade publish to one another, in a memfd that all of them map.
///
/// The table has a row for each quantity, such as the number of attempts at one engine, and a column for each process.
/// A process writes only its own column, and reads the sum of the other columns. The size of the memfd is sealed:
/// otherwise one process could shrink it, and the others would get SIGBUS. Rows that no process uses cost no memory.
///
/// To begin an attempt under a limit, for example, a process first publishes its own count including this attempt. Then
/// it reads the counts of the others. If the sum exceeds the limit, it lowers its own count again. Both steps are
/// sequentially consistent, so if two processes do this at once, at least one of them sees the other's attempt.
///
/// Any thread may use a table.
@safe
package final class SharedCounts: Sendable {
    /// The number of columns of a new table, which is also the maximum number of processes that can share the table.
    ///
    /// At most ten processes exist at once: the main process, 7 processes that drain (`upgrade_generations`), one more
    /// that an upgrade has told to end within `drain_timeout`, and a successor that is being started.
    static let columnsUsual = 15
    /// How many rows, at most, are searched for the row of one identity (the name of a counted quantity).
    ///
    /// If all these rows belong to other identities, the table counts as full.
    static let probesMax = 1024

    private static let headerBytes = 4096
    /// The bytes "FICOUNT1", which name the format of the table.
    private static let magic = 0x4649_434F_554E_5431
    /// The indices of the words in the header of the table.
    ///
    /// From `firstColumnWord` on, there is one word for each column of the table. The word is 1 if the column is
    /// reserved for the counts of a process, otherwise 0.
    private static let magicWord = 0, rowsWord = 1, columnsWord = 2, firstColumnWord = 8
    /// The maximum numbers of rows and columns in a table that another version of the server has made.
    private static let rowsMax = 1 << 20, columnsMax = 63

    /// The memfd of the table, which an upgrade passes on to the successor; closed when the object is released.
    package let descriptor: CInt
    /// The column of the table that has the counts of this process.
    package let column: Int
    private let rowCount: Int
    private let columnCount: Int
    private let isLackingRows = Atomic<Bool>(false)
    // Sound because the words are accessed only as atomics, and because the mapping lasts as long as this object.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<Int>>

    /// Makes an empty table, in which column 0 is reserved for the counts of the calling process.
    ///
    /// - Parameter rows: the number of rows, a power of two.
    /// - Throws: if the system has no descriptor or no memory for the table.
    package static func create(rows: Int = 65_536) throws(SharedCountsError) -> SharedCounts {
        precondition(rows > 0 && rows & (rows - 1) == 0 && rows <= rowsMax, "the number of rows is a power of two")
        let descriptor = unsafe clinux_memfd("freeinference-counts")
        guard descriptor >= 0 else { throw .system(.last("memfd_create")) }
        do throws(SharedCountsError) {
            let bytes = size(rows: rows, columns: columnsUsual)
            guard ftruncate(descriptor, bytes) == 0 else { throw .system(.last("ftruncate")) }
            guard clinux_seal_size(descriptor) == 0 else { throw .system(.last("fcntl")) }
            let words = unsafe try map(descriptor, bytes: bytes)
            unsafe words[rowsWord].store(rows, ordering: .relaxed)
            unsafe words[columnsWord].store(columnsUsual, ordering: .relaxed)
            unsafe words[firstColumnWord].store(1, ordering: .relaxed)
            unsafe words[magicWord].store(magic, ordering: .sequentiallyConsistent)
            return unsafe SharedCounts(descriptor, column: 0, rows: rows, columns: columnsUsual, words)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Maps the table of another process, which may run another version of the server.
    ///
    /// On success, the returned object owns the descriptor, which becomes close-on-exec. If the function throws, the
    /// caller still owns the descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: the memfd of the table.
    ///   - column: the column for this process's counts, which the other process has reserved by `allot`.
    /// - Throws: if the descriptor is not the memfd of a table of shared counts, or if the column is not reserved.
    package static func adopt(_ descriptor: CInt, column: Int) throws(SharedCountsError) -> SharedCounts {
        // The size is checked first, because reading mapped memory beyond the end of a file kills the process (SIGBUS).
        guard clinux_has_sealed_size(descriptor) != 0 else { throw .notATable("it is no memfd of a fixed size") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system(.last("fstat")) }
        let bytes = Int(status.st_size)
        guard (headerBytes...size(rows: rowsMax, columns: columnsMax)).contains(bytes) else {
            throw .notATable("its size is \(bytes) bytes")
        }
        let words = unsafe try map(descriptor, bytes: bytes)
        let (rows, columns): (Int, Int)
        do throws(SharedCountsError) {
            (rows, columns) = unsafe try checkedHeader(words, bytes: bytes, column: column)
        } catch {
            unsafe munmap(words, bytes)
            throw error
        }
        _ = clinux_set_close_on_exec(descriptor)
        return unsafe SharedCounts(descriptor, column: column, rows: rows, columns: columns, words)
    }

    private init(
        _ descriptor: CInt,
        column: Int,
        rows: Int,
        columns: Int,
        _ words: UnsafeMutablePointer<Atomic<Int>>
    ) {
        self.descriptor = descriptor
        self.column = column
        rowCount = rows
        columnCount = columns
        unsafe self.words = unsafe words
    }

    deinit {
        unsafe munmap(words, Self.size(rows: rowCount, columns: columnCount))
        close(descriptor)
    }

    private static func size(rows: Int, columns: Int) -> Int { headerBytes + rows * (1 + columns) * 8 }

    @unsafe
    private static func map(
        _ descriptor: CInt,
        bytes: Int
    ) throws(SharedCountsError) -> UnsafeMutablePointer<Atomic<Int>> {
        guard let start = unsafe clinux_map_shared(descriptor, bytes) else { throw .system(.last("mmap")) }
        return unsafe start.bindMemory(to: Atomic<Int>.self, capacity: bytes / 8)
    }

    /// Checks all fields in the header of a table, and returns the numbers of rows and columns.
    @unsafe
    private static func checkedHeader(
        _ words: UnsafeMutablePointer<Atomic<Int>>,
        bytes: Int,
        column: Int
    ) throws(SharedCountsError) -> (rows: Int, columns: Int) {
        guard unsafe words[magicWord].load(ordering: .sequentiallyConsistent) == magic else {
            throw .notATable("its format is not known")
        }
        let rows = unsafe words[rowsWord].load(ordering: .relaxed)
        let columns = unsafe words[columnsWord].load(ordering: .relaxed)
        guard (1...rowsMax).contains(rows), rows & (rows - 1) == 0, (1...columnsMax).contains(columns),
            size(rows: rows, columns: columns) == bytes
        else { throw .notATable("it has \(rows) rows and \(columns) columns in \(bytes) bytes") }
        guard (0..<columns).contains(column),
            unsafe words[firstColumnWord + column].load(ordering: .sequentiallyConsistent) == 1
        else { throw .notATable("column \(column) is not allotted") }
        return (rows, columns)
    }

    // MARK: Columns

    /// Reserves a free column of the table for the counts of another process; `clear` frees the column.
    ///
    /// - Returns: the column; nil if no column is free.
    package func allot() -> Int? {
        for column in 0..<columnCount {
            let word = unsafe words[Self.firstColumnWord + column].compareExchange(
                expected: 0,
                desired: 1,
                ordering: .sequentiallyConsistent
            )
            if word.exchanged { return column }
        }
        return nil
    }

    /// Removes all counts of a process that has ended, and frees the column of the table in which it published them.
    ///
    /// The process must have ended, because a running process would go on to publish counts. It may have been killed
    /// while it wrote to the table.
    package func clear(_ column: Int) {
        guard (0..<columnCount).contains(column) else { return }
        // Only the allocated parts of the memfd are visited, because access to a hole would allocate memory for it.
        let rowBytes = (1 + columnCount) * 8
        var offset = Self.headerBytes
        while true {
            let start = Int(lseek(descriptor, off_t(offset), clinux_SEEK_DATA))
            guard start >= 0 else { break }
            let end = Int(lseek(descriptor, off_t(start), clinux_SEEK_HOLE))
            guard end > start else { break }
            let first = (start - Self.headerBytes) / rowBytes
            let last = min(rowCount, (end - Self.headerBytes + rowBytes - 1) / rowBytes)
            for row in first..<last { store(0, row: row, column: column) }
            offset = end
        }
        unsafe words[Self.firstColumnWord + column].store(0, ordering: .sequentiallyConsistent)
    }

    // MARK: Rows

    /// Whether `row(for:)` has ever returned nil in this process.
    ///
    /// Other processes do not see a count for which there was no row.
    package var isFull: Bool { isLackingRows.load(ordering: .relaxed) }

    /// Returns the row of the table for one counted quantity; if the quantity has no row yet, a free row becomes its
    /// row.
    ///
    /// - Parameter identity: the name of the quantity that is counted, the same in each process.
    /// - Returns: nil if the table is full; from then on, `isFull` is true.
    package func row(for identity: String) -> Row? {
        let hash = Self.hash(identity)
        var index = hash & (rowCount - 1)
        for _ in 0..<min(rowCount, Self.probesMax) {
            let word = Self.headerBytes / 8 + index * (1 + columnCount)
            var owner = unsafe words[word].load(ordering: .sequentiallyConsistent)
            if owner == 0 {
                let taken = unsafe words[word].compareExchange(
                    expected: 0,
                    desired: hash,
                    ordering: .sequentiallyConsistent
                )
                owner = taken.exchanged ? hash : taken.original
            }
            if owner == hash { return Row(table: self, index: index) }
            index = (index + 1) & (rowCount - 1)
        }
        isLackingRows.store(true, ordering: .relaxed)
        return nil
    }

    /// The hash of an identity: FNV-1a with the finalizer of splitmix64; never 0, and the same in each server version.
    ///
    /// Two of 65,536 identities have the same hash with a probability of about 1 in 10^10.
    private static func hash(_ identity: String) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in identity.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
        return hash == 0 ? 1 : Int(truncatingIfNeeded: hash)
    }

    /// One row of the table, in which each process publishes its count of one quantity.
    package struct Row: Sendable {
        fileprivate let table: SharedCounts
        fileprivate let index: Int

        /// Sets this process's count in the row; the other processes read it by `others`.
        package func publish(_ count: Int) { table.store(count, row: index, column: table.column) }

        /// The sum of the counts that all other processes have published in the row.
        package var others: Int { table.sum(row: index, without: table.column) }

        /// Whether this value and `other` refer to the same row of the same table.
        package func isSame(as other: Row?) -> Bool {
            guard let other else { return false }
            return other.table === table && other.index == index
        }
    }

    private func store(_ count: Int, row: Int, column: Int) {
        let word = Self.headerBytes / 8 + row * (1 + columnCount) + 1 + column
        unsafe words[word].store(count, ordering: .sequentiallyConsistent)
    }

    private func sum(row: Int, without own: Int) -> Int {
        let first = Self.headerBytes / 8 + row * (1 + columnCount) + 1
        var sum = 0
        for column in 0..<columnCount where column != own {
            sum &+= unsafe words[first + column].load(ordering: .sequentiallyConsistent)
        }
        return sum
    }
}

/// Why a table of shared counts cannot be made, or why the table of another process cannot be used.
package enum SharedCountsError: Error, CustomStringConvertible {
    case system(SystemError)
    /// The descriptor is not the memfd of a table of shared counts, or the column for the counts of this process is not
    /// reserved in the table; the text gives the reason.
    case notATable(String)

    /// The reason, in words for the operator.
    package var description: String {
        switch self {
        case .system(let error): "the counts that processes share: \(error)"
        case .notATable(let reason): "the counts that processes share cannot be used: \(reason)"
        }
    }
}
