// Binary search in what is sorted.

extension RandomAccessCollection where Index == Int {
    /// The first index whose element is not before what is sought, the end where all are: in logarithmic time.
    ///
    /// - Parameter isBefore: true of the first elements, false of all that follow them.
    func firstIndex(notBefore isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
