// Binary search in a sorted collection.

extension RandomAccessCollection where Index == Int {
    /// The index of the first element for which `isBefore` is false, or `endIndex` if there is none.
    ///
    /// The search takes logarithmic time.
    ///
    /// - Parameter isBefore: true for the first elements of the collection, false for all elements after them.
    func firstIndex(notBefore isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
