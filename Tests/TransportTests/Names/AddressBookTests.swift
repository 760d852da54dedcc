// An address book lists the addresses of one host, in the order in which connections try them.
import Testing
import Transport

@Suite struct AddressBookTests {
    private static let addresses = ["10.0.0.1", "10.0.0.2", "fd00::3"].map { SocketAddress(numeric: $0, port: 80)! }

    private func named() -> AddressBook {
        let book = AddressBook(host: "executor.example", port: 80)
        book.replace(with: Self.addresses)
        return book
    }

    @Test func anAddressStaysAndAsksNobody() {
        for host in ["127.0.0.1", "::1"] {
            let book = AddressBook(host: host, port: 8000)
            #expect(book.name == nil)
            #expect(book.addresses() == [SocketAddress(numeric: host, port: 8000)!])
            book.failed(book.addresses()[0])
            #expect(book.addresses().count == 1)
        }
        let unix = SocketAddress(unixPath: "/run/executor.sock")!
        #expect(AddressBook(unix).addresses() == [unix] && AddressBook(unix).name == nil)
    }

    @Test func aNameIsEmptyUntilItIsFound() {
        let book = AddressBook(host: "executor.example", port: 80)
        #expect(book.name == "executor.example" && book.addresses().isEmpty)
        book.failed(Self.addresses[0])
        book.worked(Self.addresses[0])
        #expect(book.addresses().isEmpty)
    }

    @Test func afterAFailureTheNextOneIsFirst() {
        let (book, all) = (named(), Self.addresses)
        #expect(book.addresses() == all)
        book.failed(all[0])
        #expect(book.addresses() == [all[1], all[2], all[0]])
        // Another worker reports the same failure later, which changes nothing more.
        book.failed(all[0])
        #expect(book.addresses().first == all[1])
        book.failed(all[1])
        book.failed(all[2])
        #expect(book.addresses() == all)
    }

    @Test func theOneThatWorkedIsFirst() {
        let (book, all) = (named(), Self.addresses)
        book.worked(all[2])
        #expect(book.addresses() == [all[2], all[0], all[1]])
        book.worked(all[0])
        #expect(book.addresses() == all)
        book.worked(SocketAddress(numeric: "10.9.9.9", port: 80)!)
        #expect(book.addresses() == all)
    }

    @Test func aNewAnswerKeepsTheChoice() {
        let (book, all) = (named(), Self.addresses)
        book.failed(all[0])
        #expect(!book.replace(with: [all[2], all[0], all[1]]), "a new order is no change")
        #expect(book.addresses() == [all[1], all[2], all[0]])
        #expect(!book.replace(with: all))
        #expect(book.addresses().first == all[1])
    }

    @Test func aNewAnswerWithoutTheChoiceBeginsAnew() {
        let (book, all) = (named(), Self.addresses)
        book.worked(all[1])
        #expect(book.replace(with: [all[0], all[2]]))
        #expect(book.addresses() == [all[0], all[2]])
        #expect(book.replace(with: all))
        #expect(book.addresses() == all, "the choice is forgotten with its address")
    }

    @Test func withoutAChoiceTheAnswersOrderHolds() {
        let (book, all) = (named(), Self.addresses)
        book.replace(with: all.reversed())
        #expect(book.addresses() == all.reversed())
    }

    @Test func aBookHasRoomForSoMany() {
        let book = AddressBook(host: "executor.example", port: 80)
        book.replace(with: (0..<200).map { SocketAddress(numeric: "10.0.0.\($0)", port: 80)! })
        #expect(book.addresses().count == AddressBook.addressesMax)
    }

    @Test func addressesAreToldApart() {
        let one = SocketAddress(numeric: "10.0.0.1", port: 80)!
        #expect(one == SocketAddress(numeric: "10.0.0.1", port: 80)!)
        #expect(one != SocketAddress(numeric: "10.0.0.1", port: 81)!)
        #expect(one != SocketAddress(numeric: "10.0.0.2", port: 80)!)
        #expect(one != SocketAddress(numeric: "::ffff:10.0.0.1", port: 80)!)
        #expect(SocketAddress(unixPath: "/a")! != SocketAddress(unixPath: "/b")!)
    }
}
